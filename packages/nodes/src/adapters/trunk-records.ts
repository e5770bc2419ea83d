import { type Clock, type Logger, type Random, randomHex, recordKey, type Sealer, ThorError } from '@thor-node/core'
import type { Credentials, Trunk } from '@thor-node/sip'
import { TRUNKS_MAX } from './limits.ts'
import type { RingAccess } from './ring-access.ts'

/** `trunk/<name>` */
export interface TrunkRecord extends Trunk {
  user?: string
  /** Sealed. */
  password?: Uint8Array
  changedAt: number
}

/** The trunks of the ring as this node knows them: records, and each node's copy of all. */
export class TrunkRecords {
  readonly #ring: Pick<RingAccess, 'store'>
  readonly #clock: Clock
  readonly #random: Random
  readonly #sealer: Sealer
  readonly #log: Logger
  #records: readonly TrunkRecord[] = []

  constructor(components: {
    ring: Pick<RingAccess, 'store'>
    clock: Clock
    random: Random
    sealer: Sealer
    logger: Logger
  }) {
    this.#ring = components.ring
    this.#clock = components.clock
    this.#random = components.random
    this.#sealer = components.sealer
    this.#log = components.logger.forComponent('node:trunks')
  }

  list(): readonly TrunkRecord[] {
    return this.#records
  }

  /** Rejects with `NODE_TRUNK_UNKNOWN`. */
  get(name: string): TrunkRecord {
    const record = this.#records.find((one) => one.name === name)
    if (!record) throw unknown(name)
    return record
  }

  async refresh(): Promise<void> {
    const listed = await this.#ring.store.reg.list<TrunkRecord>('trunk/')
    this.#records = listed.map(({ value }) => value.body).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Undefined where the trunk has no user. Throws `CORE_SEAL_BROKEN`. */
  credentials({ user, password }: TrunkRecord): Credentials | undefined {
    if (user === undefined) return undefined
    return { user, password: password ? Buffer.from(this.#sealer.open(password)).toString('utf8') : '' }
  }

  /** Adds a trunk, or replaces the one of that name. Rejects with `NODE_TRUNKS_FULL`. */
  async put(trunk: Trunk, { user, password }: Partial<Credentials>): Promise<void> {
    if (this.#records.length >= TRUNKS_MAX && !this.#records.some(({ name }) => name === trunk.name)) {
      throw new ThorError('NODE_TRUNKS_FULL', `there are ${TRUNKS_MAX} trunks already`)
    }
    const sealed = password === undefined ? undefined : this.#sealer.seal(Buffer.from(password, 'utf8'))
    const body: TrunkRecord = {
      ...trunk,
      ...(user !== undefined && { user }),
      ...(sealed && { password: sealed }),
      changedAt: this.#clock.wall(),
    }
    await this.#change(trunk.name, body)
    this.#log.info('trunk set', { ...trunk, user })
    await this.refresh()
  }

  /** Rejects with `NODE_TRUNK_UNKNOWN`. */
  async remove(name: string): Promise<void> {
    if (!(await this.#change(name, undefined))) throw unknown(name)
    this.#log.info('trunk removed', { trunk: name })
    await this.refresh()
  }

  /** True when there was one before. */
  #change(name: string, body: TrunkRecord | undefined): Promise<boolean> {
    const opId = randomHex(this.#random, 16)
    return this.#ring.store.reg.change<TrunkRecord, boolean>(recordKey('trunk', name), opId, (current) => ({
      body,
      result: current !== undefined,
    }))
  }
}

const unknown = (name: string): ThorError =>
  new ThorError('NODE_TRUNK_UNKNOWN', `there is no trunk ${name}; see: thor-node trunk list`)
