import {
  type Clock,
  type Disk,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type RecordKey,
  type SetStore,
  type Timer,
} from '@thor-node/core'
import { pack, unpack } from 'msgpackr'

const RETRY_MS = 5_000
const PREFIX = 'spool/'

/** SET records that found no quorum: kept on this node's disk with fsync and pushed until they are stored. */
export class Spool implements Lifecycle {
  readonly #disk: Disk
  readonly #set: SetStore
  readonly #clock: Clock
  readonly #log: Logger
  #timer: Timer | undefined

  constructor(components: { disk: Disk; set: SetStore; clock: Clock; logger: Logger }) {
    this.#disk = components.disk
    this.#set = components.set
    this.#clock = components.clock
    this.#log = components.logger.forComponent('node:spool')
  }

  async start(): Promise<void> {
    this.#timer ??= every(
      this.#clock,
      RETRY_MS,
      () => this.push(),
      (error) => this.#log.debug('spool waits for a quorum', { error: errorMessage(error) }),
    )
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Durable on this node when it resolves. */
  async add(key: RecordKey, body: unknown): Promise<void> {
    await this.#disk.batch([{ type: 'put', key: PREFIX + key.name, value: pack({ key, body }) }], { sync: true })
  }

  /** Pushes what waits, oldest name first; stops at the first that still finds no quorum. */
  async push(): Promise<void> {
    const waiting: { name: string; key: RecordKey; body: unknown }[] = []
    for await (const [name, value] of this.#disk.entries({ from: PREFIX, to: `${PREFIX}\uffff` })) {
      const { key, body } = unpack(value as Buffer) as { key: RecordKey; body: unknown }
      waiting.push({ name, key, body })
    }
    for (const { name, key, body } of waiting) {
      await this.#set.put(key, body)
      await this.#disk.batch([{ type: 'del', key: name }], { sync: false })
      this.#log.info('spooled record stored', { record: key.name })
    }
  }
}
