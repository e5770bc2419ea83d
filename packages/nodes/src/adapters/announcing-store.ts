import type { RecordKey, RecordStore, RegStore } from '@thor-node/core'
import type { RingAccess } from './ring-access.ts'

/** Sent to every node after a change of a register that nodes keep copies of. */
export interface ChangeNews {
  name: string
}

const ANNOUNCED = /^(acct|domain)\//

/** A store whose changes of accounts and domains every node hears of at once, so that their copies are never stale for long. */
export function announcingStore(ring: RingAccess): RecordStore {
  const announce = (key: RecordKey): void => {
    if (!ANNOUNCED.test(key.name)) return
    const news: ChangeNews = { name: key.name }
    for (const member of ring.members.list()) {
      if (ring.members.isLive(member.nodeId)) ring.rpc.notify(member.nodeId, 'store.changed', news)
    }
  }
  const { reg } = ring.store
  const announcing: RegStore = {
    read: (key, mode) => reg.read(key, mode),
    list: (prefix) => reg.list(prefix),
    async change(key, opId, fn, options) {
      try {
        return await reg.change(key, opId, fn, options)
      } finally {
        // Also when it failed: a change of unknown outcome may have happened.
        announce(key)
      }
    },
    async transact(opId, changes, options) {
      try {
        return await reg.transact(opId, changes, options)
      } finally {
        for (const { key } of changes) announce(key)
      }
    },
  }
  return { reg: announcing, set: ring.store.set, soft: ring.store.soft }
}
