import { type RangeId, type RecordKey, ThorError } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import { hasQuorum, voters } from '../ranges/config.ts'
import type { RangeConfig } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import { recordKeyOf } from './acceptor-record.ts'
import { eachAtOnce } from './each-at-once.ts'
import { regLimits } from './reg-limits.ts'
import type { PairsAnswer } from './reg-messages.ts'
import { pairsOf } from './reg-pairs.ts'
import type { Transfer } from './transfer.ts'

export interface RedecideParts {
  rpc: Rpc
  transfer?: Transfer
  /** Returns the bytes of the value. */
  decideAnew(key: RecordKey): Promise<number>
}

/**
 * Decides every register of these ranges anew under their present configs, so that nothing rests on an earlier quorum alone.
 * Throws when a range cannot be done; `STORE_UNAVAILABLE` when its config changed.
 */
export async function redecideRanges(
  { rpc, transfer, decideAnew }: RedecideParts,
  configs: readonly RangeConfig[],
  urgent: boolean,
): Promise<void> {
  const names = new Map<string, RecordKey>()
  const missing = new Map(configs.map((config) => [config.range, { config, seen: new Set<NodeId>() }]))
  const byNode = Map.groupBy(
    configs.flatMap((config) => config.old.map(({ nodeId }) => ({ nodeId, config }))),
    ({ nodeId }) => nodeId,
  )
  const lists = [...byNode].map(async ([nodeId, items]) => {
    const ranges = items.map(({ config: { range, epoch } }) => ({ range, epoch }))
    const ask = (method: string, body: object) => rpc.call<PairsAnswer>(nodeId, method, body)
    for await (const page of pairsOf(ask, nodeId, ranges)) {
      for (const [range, name] of page) names.set(recordKeyOf(range, name), { range, name })
    }
    for (const { range } of ranges) missing.get(range)?.seen.add(nodeId)
  })
  await Promise.allSettled(lists)
  for (const { config, seen } of missing.values()) {
    if (!hasQuorum({ ...config, next: undefined }, seen)) {
      throw new ThorError('STORE_UNAVAILABLE', `no majority lists the registers of range ${config.range}`)
    }
  }
  const votersOf = new Map<RangeId, number>(configs.map((config) => [config.range, voters(config).length]))
  await eachAtOnce(names.values(), regLimits.redecideAtOnce, async (key) => {
    const bytes = await decideAnew(key)
    // The value went to every voter.
    await transfer?.pace(bytes * (votersOf.get(key.range) ?? 1), urgent)
  })
}
