import {
  type Clock,
  type Disk,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type RangeId,
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

  /** Pushes what waits, by name. A range without a quorum is not asked twice, and keeps nobody else waiting. */
  async push(): Promise<void> {
    const waiting: { name: string; key: RecordKey; body: unknown }[] = []
    for await (const [name, value] of this.#disk.entries({ from: PREFIX, to: `${PREFIX}\uffff` })) {
      try {
        waiting.push({ name, ...(unpack(value as Buffer) as { key: RecordKey; body: unknown }) })
      } catch (error) {
        this.#log.error('a spooled record cannot be read', { name, error: errorMessage(error) })
      }
    }
    const failures = new Map<RangeId, unknown>()
    for (const { name, key, body } of waiting) {
      if (failures.has(key.range)) continue
      try {
        await this.#set.put(key, body)
      } catch (error) {
        failures.set(key.range, error)
        continue
      }
      await this.#disk.batch([{ type: 'del', key: name }], { sync: false })
      this.#log.info('spooled record stored', { record: key.name })
    }
    for (const failure of failures.values()) throw failure
  }
}
