/** Faults planted into the service under test: each must be found, or the judges are blind. */
import type { RecordStore } from '@thor-node/core'
import type { Overlay } from '@thor-node/overlay'

export type Plant = (overlay: Overlay) => void

interface Patched {
  /** Methods that are replaced on the live object. */
  [method: string]: (...args: never[]) => unknown
}

const patch = (target: object, methods: Patched): void => void Object.assign(target, methods)

/** Replicas that do not answer count as if they had agreed: the quorum of whoever is reachable. */
function countSilenceAsConsent({ rpc }: Overlay): void {
  const call = rpc.call.bind(rpc)
  patch(rpc, {
    call: async (to: string, method: string, body: unknown, options?: { timeoutMs?: number }) => {
      try {
        return await call(to, method, body, options)
      } catch (error) {
        if (method === 'reg.accept') return { type: 'accepted', wall: 0 }
        if (method === 'reg.prepare') return { type: 'promised', accepted: [0, 0, ''], value: undefined, wall: 0 }
        if (method === 'set.put') return { ok: true }
        throw error
      }
    },
  })
}

/** Each try counts as an operation of its own. */
function forgetOperationIds({ store }: Overlay): void {
  const { reg } = store
  const change = reg.change.bind(reg)
  let tries = 0
  const anew: RecordStore['reg']['change'] = (key, opId, fn) => change(key, `${opId} try ${tries++}`, fn)
  patch(reg, { change: anew as Patched[string] })
}

/** Strict reads ask one replica. */
function readOneReplica({ store }: Overlay): void {
  const { reg } = store
  const read = reg.read.bind(reg)
  patch(reg, { read: (key: Parameters<typeof read>[0]) => read(key, 'near') })
}

/** Nobody asks whether a disk is an old copy, or has lost what it said to have synced. */
function letOldCopiesVote({ configs }: Overlay): void {
  patch(configs, { hasVoice: () => true })
}

export const plants: Readonly<Record<string, Plant>> = {
  'live-view-quorum': countSilenceAsConsent,
  'missing-op-id-check': forgetOperationIds,
  'one-replica-read': readOneReplica,
  'old-copies-vote': letOldCopiesVote,
}
