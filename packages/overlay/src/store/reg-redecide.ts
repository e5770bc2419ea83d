import { type Clock, inTime, type RangeId, type RecordKey, ThorError } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import { hasQuorum, voters } from '../ranges/config.ts'
import type { RangeConfig } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import { recordKeyOf } from './acceptor-record.ts'
import { eachAtOnce } from './each-at-once.ts'
import { transferLimits } from './limits.ts'
import { regLimits } from './reg-limits.ts'
import type { PairsAnswer } from './reg-messages.ts'
import { pairsOf } from './reg-pairs.ts'
import type { Transfer } from './transfer.ts'

export interface RedecideParts {
  clock: Clock
  rpc: Rpc
  transfer?: Transfer
  /** Returns the bytes of the value. */
  decideAnew(key: RecordKey): Promise<number>
}

/** `failure`: why one of the others was not done. */
export interface Redecided {
  done: Set<RangeId>
  failure?: unknown
}

/**
 * Decides every register of these ranges anew under their present configs, so that nothing rests on an earlier quorum alone.
 * A range is not done when its config changed, or no majority lists or decides its registers; that holds up no other range.
 */
export async function redecideRanges(
  { clock, rpc, transfer, decideAnew }: RedecideParts,
  configs: readonly RangeConfig[],
  urgent: boolean,
): Promise<Redecided> {
  const names = new Map<string, RecordKey>()
  const seen = new Map(configs.map(({ range }) => [range, new Set<NodeId>()]))
  const byNode = Map.groupBy(
    configs.flatMap((config) => config.old.map(({ nodeId }) => ({ nodeId, config }))),
    ({ nodeId }) => nodeId,
  )
  const listed = (config: RangeConfig): boolean =>
    hasQuorum({ ...config, next: undefined }, seen.get(config.range) ?? new Set())
  const lists = [...byNode].map(async ([nodeId, items]) => {
    const ranges = items.map(({ config: { range, epoch } }) => ({ range, epoch }))
    const options = { timeoutMs: transferLimits.chunkTimeoutMs }
    const ask = (method: string, body: object) => rpc.call<PairsAnswer>(nodeId, method, body, options)
    const refused = new Set<RangeId>()
    for await (const page of pairsOf(ask, ranges)) {
      for (const range of page.refused) refused.add(range)
      for (const [range, name] of page.pairs) names.set(recordKeyOf(range, name), { range, name })
    }
    for (const { range } of ranges) if (!refused.has(range)) seen.get(range)?.add(nodeId)
  })
  await settledOrEnough(clock, lists, () => configs.every(listed))
  const done = new Set(configs.filter(listed).map(({ range }) => range))
  const unlisted = configs.find(({ range }) => !done.has(range))
  let failure: unknown
  if (unlisted) {
    failure = new ThorError('STORE_UNAVAILABLE', `no majority lists the registers of range ${unlisted.range}`)
  }
  const votersOf = new Map<RangeId, number>(configs.map((config) => [config.range, voters(config).length]))
  // What comes later is not needed.
  await eachAtOnce([...names.values()], regLimits.redecideAtOnce, async (key) => {
    if (!done.has(key.range)) return
    try {
      const bytes = await decideAnew(key)
      // The value went to every voter.
      await transfer?.pace(bytes * (votersOf.get(key.range) ?? 1), urgent)
    } catch (error) {
      done.delete(key.range)
      failure = error
    }
  })
  return failure === undefined ? { done } : { done, failure }
}

/** When all have settled; `graceMs` after those that have are enough: one that stands still must not hold up all others. */
async function settledOrEnough(clock: Clock, tasks: readonly Promise<void>[], isEnough: () => boolean): Promise<void> {
  const all = Promise.allSettled(tasks)
  const enough = new Promise<void>((resolve) => {
    for (const task of tasks) {
      void task.then(
        () => isEnough() && resolve(),
        () => undefined,
      )
    }
  })
  await Promise.race([all, enough])
  await inTime(clock, all, regLimits.listGraceMs)
}
