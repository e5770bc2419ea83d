import { type Clock, errorMessage, every, type Lifecycle, type Logger, type Timer } from '@thor-node/core'
import { limits } from '../limits.ts'
import type { Admins } from './admins.ts'
import type { AccountDirectory } from './directory.ts'

export interface KeptCopiesComponents {
  admins: Pick<Admins, 'see'>
  directory: Pick<AccountDirectory, 'seeDomains'>
  clock: Clock
  logger: Logger
}

/**
 * Copies of all administrators and domains at this node, taken once a minute: in a partition those who may change what has its
 * majority here are often known to a majority elsewhere only.
 */
export class KeptCopies implements Lifecycle {
  readonly #c: KeptCopiesComponents
  readonly #logger: Logger
  #timer: Timer | undefined

  constructor(components: KeptCopiesComponents) {
    this.#c = components
    this.#logger = components.logger.forComponent('provision:copies')
  }

  /** The first are taken soon, and not waited for. */
  async start(): Promise<void> {
    const { admins, directory, clock } = this.#c
    const take = async (): Promise<void> => void (await Promise.all([admins.see(), directory.seeDomains()]))
    // What was seen before stays.
    const onError = (error: unknown): void =>
      this.#logger.debug('no copies of administrators and domains now', { error: errorMessage(error) })
    this.#timer ??= every(clock, limits.copiesMs, take, onError, 0)
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
