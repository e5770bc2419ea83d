import { type Clock, errorMessage, every, type Lifecycle, type Logger, type Timer } from '@thor-node/core'
import type { AttemptNews, Attempts } from '@thor-node/provision'
import { type RingAccess, tellOthers } from './ring-access.ts'

/** Told this often, so that who guesses passwords at all nodes is stopped as soon as at one. */
const TELL_MS = 100
const KEY_MAX = 256
const COUNT_MAX = 1_000

/** Failed logins at SOAP and REST, in step with those of the other nodes. */
export class LoginNews implements Lifecycle {
  readonly #ring: Pick<RingAccess, 'members' | 'rpc' | 'self'>
  readonly #attempts: Attempts
  readonly #clock: Clock
  readonly #log: Logger
  #timer: Timer | undefined

  constructor(components: {
    ring: Pick<RingAccess, 'members' | 'rpc' | 'self'>
    attempts: Attempts
    clock: Clock
    logger: Logger
  }) {
    this.#ring = components.ring
    this.#attempts = components.attempts
    this.#clock = components.clock
    this.#log = components.logger.forComponent('node:logins')
    this.#ring.rpc.serve<unknown, void>('login.news', (news) => this.#attempts.take(readNews(news)))
  }

  async start(): Promise<void> {
    this.#timer ??= every(
      this.#clock,
      TELL_MS,
      () => this.tell(),
      (error) => this.#log.warn('failed logins not told', { error: errorMessage(error) }),
    )
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  tell(): void {
    const news = this.#attempts.news()
    if (!news) return
    tellOthers(this.#ring, 'login.news', news)
  }
}

/** What is right in news of another version, or broken ones. */
function readNews(value: unknown): AttemptNews {
  if (!Array.isArray(value)) return []
  const isRight = (one: unknown): one is AttemptNews[number] => {
    if (!Array.isArray(one) || typeof one[0] !== 'string' || one[0].length > KEY_MAX) return false
    return Number.isInteger(one[1]) && one[1] >= 0 && one[1] <= COUNT_MAX
  }
  return value.filter(isRight)
}
