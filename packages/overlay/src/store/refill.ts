import { type Clock, type RangeId, sleep } from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import { entryOf, voters } from '../ranges/config.ts'
import type { RangeConfigs, RangeRecords } from '../ranges/contract.ts'
import { softLimits } from './limits.ts'

export interface RefillComponents {
  clock: Clock
  members: Pick<Members, 'self' | 'isLive'>
  configs: RangeConfigs
}

/**
 * After a start the memory is empty, and what is missing in it means nothing; nor does it mean anything that others are not to
 * be seen yet. Copies the ranges of this node from everybody who shares any; resolves when all who hold ranges are in sight
 * and have given theirs, after 3 s when all that live have, after 9 s in any case.
 */
export async function refill(
  { clock, members, configs }: RefillComponents,
  records: RangeRecords,
  signal: AbortSignal,
): Promise<void> {
  const shared = sharedRanges(configs, members.self.nodeId)
  const missing = new Set(shared.keys())
  const holders = new Set(configs.all().flatMap((config) => voters(config)))
  holders.delete(members.self.nodeId)
  const startedAt = clock.now()
  const isUnseen = (): boolean => [...holders].some((nodeId) => !members.isLive(nodeId))
  while ((missing.size > 0 || isUnseen()) && !signal.aborted) {
    for (const nodeId of [...missing]) {
      if (!members.isLive(nodeId) || signal.aborted) continue
      try {
        await records.pull(shared.get(nodeId) ?? [], [nodeId])
        missing.delete(nodeId)
      } catch {
        // It is asked again as long as it lives.
      }
    }
    const elapsed = clock.now() - startedAt
    const isLive = (nodeId: NodeId): boolean => members.isLive(nodeId)
    if (elapsed >= softLimits.refillMs && ![...missing].some(isLive)) return
    if (elapsed >= 3 * softLimits.refillMs) return
    if (missing.size > 0 || isUnseen()) await sleep(clock, softLimits.refillRetryMs, signal).catch(() => undefined)
  }
}

/** By node, the ranges in which both it and this node have a vote. */
function sharedRanges(configs: RangeConfigs, self: NodeId): Map<NodeId, RangeId[]> {
  const shared = new Map<NodeId, RangeId[]>()
  for (const config of configs.all()) {
    const { range } = config
    if (!entryOf(config, self)) continue
    for (const nodeId of voters(config)) {
      if (nodeId === self) continue
      const ranges = shared.get(nodeId)
      if (ranges) ranges.push(range)
      else shared.set(nodeId, [range])
    }
  }
  return shared
}
