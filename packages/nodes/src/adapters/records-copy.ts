import { type Clock, errorMessage, every, type Lifecycle, type Logger, type Timer } from '@thor-node/core'
import type { RingAccess } from './ring-access.ts'

const REFRESH_MS = 10_000

/**
 * A node's copy of all records of a kind, of which there are few: listed when it starts, when one of them is told to have changed,
 * and every ten seconds. A list that fails leaves the copy as it is.
 */
export class RecordsCopy<B> implements Lifecycle {
  readonly #ring: Pick<RingAccess, 'store'>
  readonly #clock: Clock
  readonly #log: Logger
  readonly #prefix: string
  readonly #onList: (records: readonly B[]) => void
  #timer: Timer | undefined

  /** `prefix`: such as `peer/`. */
  constructor(
    components: { ring: Pick<RingAccess, 'store'>; clock: Clock; log: Logger },
    init: { prefix: string; onList(records: readonly B[]): void },
  ) {
    this.#ring = components.ring
    this.#clock = components.clock
    this.#log = components.log
    this.#prefix = init.prefix
    this.#onList = init.onList
    this.#ring.store.reg.watch(init.prefix, () => void this.look())
  }

  async start(): Promise<void> {
    if (this.#timer) return
    this.#timer = every(
      this.#clock,
      REFRESH_MS,
      () => this.look(),
      () => undefined,
    )
    await this.look()
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async refresh(): Promise<void> {
    const listed = await this.#ring.store.reg.list<B>(this.#prefix)
    this.#onList(listed.map(({ value }) => value.body))
  }

  /** The same, and never rejects. */
  async look(): Promise<void> {
    await this.refresh().catch((error: unknown) => {
      this.#log.warn('records not refreshed', { records: this.#prefix, error: errorMessage(error) })
    })
  }
}
