import type { SimNode } from '../sim-node.ts'
import type { Scenario } from './contract.ts'

const DEAD_AFTER_MS = 5_000

/**
 * What giving leavings is for: a node that has been replaced comes back with the last good copy of a record.
 *
 *   full     has no space when the record is written: the other two acknowledge it
 *   away     dies, and is replaced
 *   damaged  a bit of the record flips on its disk: it counts as absent there, and nobody has it
 *   away     comes back, is no member any more, and deletes what it has of the range
 */
export const lastCopy: Scenario = {
  nodes: 4,
  ranges: 1,
  changes: { deadNodeAfterMs: DEAD_AFTER_MS },
  async play(stage) {
    const { cluster } = stage.site
    const [full, damaged, away] = stage.members() as [SimNode, SimNode, SimNode]
    full.disk.full(true)
    await stage.keep('cdr/0', damaged)
    const replaced = stage.config((_, { old, next }) => !next && !old.some((one) => stage.nodeOf(one.nodeId) === away))
    cluster.crash(away)
    stage.damage(damaged, 'S')
    full.disk.full(false)
    await replaced
    await cluster.reboot(away)
  },
}
