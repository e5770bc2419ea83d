import type { Clock, Logger, Net, Random } from '@thor-node/core'
import type { Config } from '../config.ts'

/** What every part of a node is given. */
export interface Context {
  clock: Clock
  random: Random
  net: Net
  logger: Logger
  config: Config
}
