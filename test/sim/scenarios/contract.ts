import type { ChangeLimits } from '@thor-node/overlay'
import type { Stage } from './stage.ts'

/**
 * One course of events, played step by step: for mistakes that do harm only in an order of messages which chance does not
 * find. The seed still draws the nodes, their places, and every delay that the scenario does not set. The code under test and
 * the judges are those of every other run, and a ring without a mistake passes.
 */
export interface Scenario {
  nodes: number
  ranges: number
  changes?: Partial<ChangeLimits>
  /** From a ring at rest to one that only needs time to be at rest again. */
  play(stage: Stage): Promise<void>
}
