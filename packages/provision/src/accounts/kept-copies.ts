import { type Clock, errorMessage, type Logger, type Timer } from '@thor-node/core'
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
export class KeptCopies {
  readonly #c: KeptCopiesComponents
  readonly #logger: Logger
  #timer: Timer | undefined
  #stopped = false

  constructor(components: KeptCopiesComponents) {
    this.#c = components
    this.#logger = components.logger.forComponent('provision:copies')
  }

  async start(): Promise<void> {
    void this.#take()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
  }

  async #take(): Promise<void> {
    try {
      await Promise.all([this.#c.admins.see(), this.#c.directory.seeDomains()])
    } catch (error) {
      // What was seen before stays.
      this.#logger.debug('no copies of administrators and domains now', { error: errorMessage(error) })
    }
    if (!this.#stopped) this.#timer = this.#c.clock.after(limits.copiesMs, () => void this.#take())
  }
}
