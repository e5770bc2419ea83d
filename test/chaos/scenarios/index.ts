import type { Scenario } from './contract.ts'
import { flapping, loss, oneWay, partition, unplug } from './cut.ts'
import { diskFull } from './disk.ts'
import { kill, killStart } from './kill.ts'
import { address, killMove, leave, replace } from './move.ts'
import { freeze, oldImage, power, rolling } from './process.ts'

export const scenarios: readonly Scenario[] = [
  kill,
  killStart,
  killMove,
  rolling,
  freeze,
  power,
  partition,
  oneWay,
  flapping,
  loss,
  unplug,
  diskFull,
  oldImage,
  address,
  leave,
  replace,
]
