import { type RecordKey, ThorError, type Versioned } from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import type { ConfigTable } from '../ranges/config-table.ts'
import type { Rpc } from '../rpc/contract.ts'
import { recordKeyOf } from './acceptor-record.ts'
import { type Ballot, compareBallots } from './ballot.ts'
import type { ListAnswer, ListRequest } from './reg-messages.ts'
import { decodeValue, versioned } from './reg-value.ts'

interface Found {
  key: RecordKey
  accepted: Ballot
  value: Uint8Array
}

/**
 * Asks every live node for what it holds under a prefix and keeps the highest ballot of each name. Throws
 * `STORE_UNAVAILABLE` when some range has no replica among those who answered: a list with holes would look complete.
 */
export async function listAll<B>(
  components: { rpc: Rpc; members: Members; configs: ConfigTable },
  prefix: string,
): Promise<{ key: RecordKey; value: Versioned<B> }[]> {
  const { rpc, members, configs } = components
  const found = new Map<string, Found>()
  const answered = new Set<NodeId>()
  const ask = async (nodeId: NodeId): Promise<void> => {
    let after: string | undefined
    do {
      const request: ListRequest = { prefix, ...(after === undefined ? {} : { after }) }
      const answer: ListAnswer = await rpc.call<ListAnswer>(nodeId, 'reg.list', request)
      for (const [range, name, accepted, value] of answer.entries) {
        const id = recordKeyOf(range, name)
        const known = found.get(id)
        if (known && compareBallots(known.accepted, accepted) >= 0) continue
        found.set(id, { key: { range, name }, accepted, value })
      }
      after = answer.next
    } while (after !== undefined)
    answered.add(nodeId)
  }
  await Promise.allSettled(
    members
      .list()
      .map((member) => member.nodeId)
      .filter((nodeId) => members.isLive(nodeId))
      .map(ask),
  )
  for (const { range, old } of configs.all()) {
    if (old.some(({ nodeId }) => answered.has(nodeId))) continue
    throw new ThorError('STORE_UNAVAILABLE', `no replica of range ${range} answers`)
  }
  const out: { key: RecordKey; value: Versioned<B> }[] = []
  for (const { key, value } of found.values()) {
    const decoded = versioned<B>(decodeValue(value))
    if (decoded) out.push({ key, value: decoded })
  }
  return out.sort((a, b) => (a.key.name < b.key.name ? -1 : a.key.name > b.key.name ? 1 : 0))
}
