import type { Stage, StageInit } from '../stage.ts'

export interface ScenarioOptions {
  nodes: number
  times: number
}

export interface Scenario {
  name: string
  /** What it does, in a sentence. */
  text: string
  /** How many nodes it is run with by default. */
  nodes: number
  /** Sizes that make sense. */
  least: number
  times: number
  /** Needs network namespaces. */
  cuts?: boolean
  stage?(options: ScenarioOptions): Partial<Pick<StageInit, 'spare' | 'options' | 'load' | 'smallDisk'>>
  run(stage: Stage, options: ScenarioOptions): Promise<void>
}
