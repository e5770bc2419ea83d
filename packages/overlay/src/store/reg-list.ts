import { type Clock, errorCode, type RangeId, type RecordKey, sleep, ThorError, type Versioned } from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import type { ConfigTable } from '../ranges/config-table.ts'
import { Coverage } from '../ranges/coverage.ts'
import type { Rpc } from '../rpc/contract.ts'
import { recordKeyOf } from './acceptor-record.ts'
import { type Ballot, compareBallots } from './ballot.ts'
import { eachAtOnce } from './each-at-once.ts'
import { regLimits } from './reg-limits.ts'
import type { ListAnswer, ListRequest } from './reg-messages.ts'
import { decodeValue, type Intent, type RegValue, versioned } from './reg-value.ts'

/** What a value with an intent stands for: the transaction is asked. */
export type WithoutIntent = (key: RecordKey, value: RegValue, intent: Intent) => Promise<RegValue | undefined>

interface Found {
  key: RecordKey
  accepted: Ballot
  value: RegValue
}

/**
 * Asks every live node for what it holds under a prefix and keeps the highest ballot of each name. Throws
 * `STORE_UNAVAILABLE` when for two seconds no complete copy of some range is among those who answer: a list with holes would
 * look complete.
 */
export async function listAll<B>(
  components: { clock: Clock; rpc: Rpc; members: Members; configs: ConfigTable; listBytesMax?: number },
  prefix: string,
  withoutIntent: WithoutIntent,
): Promise<{ key: RecordKey; value: Versioned<B> }[]> {
  const { clock } = components
  const until = clock.now() + regLimits.deadlineMs
  for (;;) {
    const { found, missing } = await listOnce(components, prefix)
    if (missing === undefined) return sorted<B>(await settled(found, withoutIntent))
    if (clock.now() >= until) throw new ThorError('STORE_UNAVAILABLE', `no complete copy of range ${missing} answers`)
    await sleep(clock, regLimits.backoffMaxMs)
  }
}

async function listOnce(
  components: { rpc: Rpc; members: Members; configs: ConfigTable; listBytesMax?: number },
  prefix: string,
): Promise<{ found: Map<string, Found>; missing: RangeId | undefined }> {
  const { rpc, members, configs, listBytesMax = regLimits.listBytesMax } = components
  const found = new Map<string, Found>()
  const coverage = new Coverage(configs.count)
  let bytes = 0
  const ask = async (nodeId: NodeId): Promise<void> => {
    let after: string | undefined
    const pages: Uint8Array[] = []
    do {
      const request: ListRequest = { prefix, ...(after === undefined ? {} : { after }) }
      const answer: ListAnswer = await rpc.call<ListAnswer>(nodeId, 'reg.list', request)
      for (const [range, name, accepted, value] of answer.entries) {
        const id = recordKeyOf(range, name)
        const known = found.get(id)
        if (!known) bytes += value.length
        if (known && compareBallots(known.accepted, accepted) >= 0) continue
        // Page by page: thousands of values at once would keep everything else waiting.
        found.set(id, { key: { range, name }, accepted, value: decodeValue(value) })
      }
      if (bytes > listBytesMax) {
        throw new ThorError('STORE_TOO_LARGE', `more registers begin with ${prefix} than one list may have`)
      }
      pages.push(answer.complete)
      after = answer.next
    } while (after !== undefined)
    coverage.add(pages)
  }
  const live = members.list().filter(({ nodeId }) => members.isLive(nodeId))
  const outcomes = await Promise.allSettled(live.map(({ nodeId }) => ask(nodeId)))
  for (const one of outcomes) {
    if (one.status === 'rejected' && errorCode(one.reason) === 'STORE_TOO_LARGE') throw one.reason
  }
  return { found, missing: coverage.missing }
}

async function settled(
  found: ReadonlyMap<string, Found>,
  withoutIntent: WithoutIntent,
): Promise<{ key: RecordKey; value: RegValue | undefined }[]> {
  const all: { key: RecordKey; value: RegValue | undefined }[] = []
  const open: { item: (typeof all)[number]; value: RegValue; intent: Intent }[] = []
  for (const { key, value } of found.values()) {
    const item: (typeof all)[number] = { key, value }
    all.push(item)
    if (value.intent) open.push({ item, value, intent: value.intent })
  }
  await eachAtOnce(open, regLimits.redecideAtOnce, async ({ item, value, intent }) => {
    item.value = await withoutIntent(item.key, value, intent)
  })
  return all
}

function sorted<B>(
  all: readonly { key: RecordKey; value: RegValue | undefined }[],
): { key: RecordKey; value: Versioned<B> }[] {
  const out: { key: RecordKey; value: Versioned<B> }[] = []
  for (const { key, value } of all) {
    const found = versioned<B>(value)
    if (found) out.push({ key, value: found })
  }
  return out.sort((a, b) => (a.key.name < b.key.name ? -1 : a.key.name > b.key.name ? 1 : 0))
}
