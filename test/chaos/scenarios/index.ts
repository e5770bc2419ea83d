import type { Scenario } from './contract.ts'
import { flapping, loss, oneWay, partition, unplug } from './cut.ts'
import { kill, killStart } from './kill.ts'
import { freeze, oldImage, power, rolling } from './process.ts'

export const scenarios: readonly Scenario[] = [
  kill,
  killStart,
  rolling,
  freeze,
  power,
  partition,
  oneWay,
  flapping,
  loss,
  unplug,
  oldImage,
]
