import { type Disk, RANGE_COUNT, type RangeId, ThorError } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import { type AcceptorInput, type AcceptorReply, emptyAcceptor, step } from '../store/acceptor.ts'
import { entryOf, genesisConfig, mustWipe, recoveredConfig, standingOf } from './config.ts'
import { type ConfigSlot, decodeSlot, encodeSlot, slotKey, unknownSlot } from './config-slot.ts'
import { type PackedConfigs, unpackConfigs } from './config-wire.ts'
import type { RangeConfig, RangeConfigs, RangeRecords } from './contract.ts'

export interface ConfigTableComponents {
  disk: Disk
  rpc: Rpc
}

export interface ConfigTableInit {
  self: NodeId
  /** Simulated rings have fewer, to be quick. @default RANGE_COUNT */
  rangeCount?: number
  /** Whether this node's word may count among the voters of a config. @default always */
  mayVote?: (config: RangeConfig) => boolean
}

/** A vote that is asked for: the instance is the one that follows `config`. */
export interface VoteRequest {
  config: RangeConfig
  input: AcceptorInput<RangeConfig>
}

export type VoteReply = AcceptorReply<RangeConfig> | { type: 'newer'; config: RangeConfig }

export type ConfigListener = (config: RangeConfig, previous: RangeConfig) => void

/**
 * This node's configs of all ranges: in memory whole, on the disk under `C<rrr>`. Every change of them goes through one
 * queue and is durable before it is seen, so nothing is promised twice and no epoch goes back.
 */
export class ConfigTable implements RangeConfigs {
  readonly #components: ConfigTableComponents
  readonly #self: NodeId
  readonly #slots: ConfigSlot[]
  readonly #records: RangeRecords[] = []
  readonly #listeners = new Set<ConfigListener>()
  readonly #filledListeners = new Set<(range: RangeId) => void>()
  /** Ranges whose copy is being deleted: nothing is accepted for them meanwhile. */
  readonly #closed = new Set<RangeId>()
  readonly #mayVote: (config: RangeConfig) => boolean
  readonly #fetching = new Map<RangeId, Promise<void>>()
  #queue: Promise<unknown> = Promise.resolve()
  #unknown: number

  constructor(components: ConfigTableComponents, init: ConfigTableInit) {
    this.#components = components
    this.#self = init.self
    this.#mayVote = init.mayVote ?? (() => true)
    this.#unknown = init.rangeCount ?? RANGE_COUNT
    this.#slots = Array.from({ length: this.#unknown }, (_, range) => unknownSlot(range))
  }

  /** Stores whose copy of a range goes when the node's membership goes. Before `load`. */
  attach(records: RangeRecords): void {
    this.#records.push(records)
  }

  /**
   * Reads all configs from the open disk. Where there are some, those that are missing or damaged were lost: other members tell
   * them again, but what was promised about them is forgotten (`ConfigSlot.mute`).
   */
  async load(): Promise<void> {
    let found = 0
    for await (const [key, value] of this.#components.disk.entries({ from: 'C', to: 'D' })) {
      found++
      const slot = decodeSlot(key, value, this.#self)
      if (!slot || !this.#slots[slot.config.range]) continue
      this.#slots[slot.config.range] = slot
    }
    for (const { config } of this.#slots) {
      if (config.epoch > 0) this.#unknown--
      else if (found > 0) this.#slots[config.range] = unknownSlot(config.range, true)
    }
  }

  /** Ranges in which this node has lost its vote. */
  get mute(): RangeId[] {
    return this.#slots.flatMap(({ config, mute }) => (mute ? [config.range] : []))
  }

  /** Writes the slot of a range to the disk again, where it was found damaged; what is in memory is sound. */
  rewrite(range: RangeId): Promise<void> {
    return this.#exclusive(async () => {
      const slot = this.#slot(range)
      if (slot.config.epoch > 0) await this.#store([slot])
    })
  }

  /**
   * Creates every range with this node as its only member. Once in the life of a ring, on its first node; which may have done so
   * at a start that then failed, and does it anew.
   */
  async genesis(): Promise<void> {
    const isMine = ({ epoch, old }: RangeConfig): boolean => epoch === 1 && old[0]?.nodeId === this.#self
    if (this.#slots.some(({ config }) => config.epoch > 0 && !isMine(config))) {
      throw new ThorError('RANGES_EXIST', 'this node already knows a ring; a ring is created on an empty disk')
    }
    if (this.#slots.every(({ config }) => config.epoch > 0)) return
    await this.#exclusive(() =>
      this.#store(
        this.#slots.map(({ config: { range } }) => ({
          config: genesisConfig(range, this.#self),
          acceptor: emptyAcceptor,
          filled: true,
          holds: true,
          mute: false,
        })),
      ),
    )
  }

  get(range: RangeId): RangeConfig {
    return this.#slot(range).config
  }

  get count(): number {
    return this.#slots.length
  }

  all(): RangeConfig[] {
    return this.#slots.map((slot) => slot.config)
  }

  /** Ranges whose config this node does not know yet. */
  get unknown(): number {
    return this.#unknown
  }

  /** Whether a request of this epoch may change anything now. To be asked in the same tick as the write is given away. */
  admits(range: RangeId, epoch: number): boolean {
    const { config } = this.#slot(range)
    return config.epoch === epoch && !this.#closed.has(range) && entryOf(config, this.#self) !== undefined
  }

  hasVoice(range: RangeId): boolean {
    const { config, mute } = this.#slot(range)
    return !mute && this.#mayVote(config)
  }

  checkVoice(range: RangeId): void {
    if (this.hasVoice(range)) return
    throw new ThorError('STORE_NOT_VOUCHED', `the word of this node does not count for range ${range} now`)
  }

  standing(range: RangeId): 'member' | 'warming' | 'outsider' {
    const { config, filled } = this.#slot(range)
    return standingOf(config, this.#self, filled)
  }

  /** A member after the change, or already one, with a copy that is not complete. */
  isUnfilled(range: RangeId): boolean {
    const { config, filled } = this.#slot(range)
    return !filled && entryOf(config, this.#self) !== undefined
  }

  /** Whether data of the range may lie on this node. */
  holds(range: RangeId): boolean {
    return this.#slot(range).holds
  }

  async fence(range: RangeId, epoch: number, from: NodeId): Promise<{ ok: true } | { ok: false; newer: RangeConfig }> {
    if (epoch > this.get(range).epoch && from !== this.#self) await this.#fetch(range, from)
    const config = this.get(range)
    return config.epoch === epoch && !this.#closed.has(range) ? { ok: true } : { ok: false, newer: config }
  }

  /** Adopts what a node has of a range, if that is newer. Never rejects. */
  catchUp(range: RangeId, from: NodeId): Promise<void> {
    return this.#fetch(range, from)
  }

  adopt(config: RangeConfig): Promise<void> {
    return this.adoptAll([config])
  }

  /** Those that are newer become durable in one batch; the others are passed over. */
  adoptAll(configs: readonly RangeConfig[]): Promise<void> {
    const newer = configs.filter((config) => config.epoch > this.get(config.range).epoch)
    if (newer.length === 0) return Promise.resolve()
    return this.#exclusive(() => this.#adopt(newer))
  }

  /**
   * Starts ranges anew with this node as their only voter, by nobody's vote: for `Recovery` alone, which has made sure that
   * an operator wants it. Those whose config went on meanwhile are left out of the answer.
   */
  startAnew(lost: readonly RangeConfig[]): Promise<RangeConfig[]> {
    return this.#exclusive(async () => {
      const anew = lost
        .filter(({ range, epoch }) => epoch > 0 && this.get(range).epoch === epoch)
        .flatMap((config) => recoveredConfig(config, this.#self) ?? [])
      await this.#adopt(anew, true)
      return anew
    })
  }

  /**
   * Answers many votes with one synced batch. A config newer than ours is adopted first, an older one refused. A range
   * for which the word of this node does not count is answered like one of a newer config.
   */
  vote(requests: readonly VoteRequest[]): Promise<VoteReply[]> {
    return this.#exclusive(async () => {
      await this.#adopt(requests.map((request) => request.config))
      const changed = new Map<RangeId, ConfigSlot>()
      const replies = requests.map(({ config, input }): VoteReply => {
        const slot = changed.get(config.range) ?? this.#slot(config.range)
        if (slot.config.epoch > config.epoch || !entryOf(slot.config, this.#self) || !this.hasVoice(config.range)) {
          return { type: 'newer', config: slot.config }
        }
        const { state, reply } = step(slot.acceptor, input)
        if (state !== slot.acceptor) changed.set(config.range, { ...slot, acceptor: state })
        return reply
      })
      await this.#store([...changed.values()])
      return replies
    })
  }

  /** The copies of these ranges are complete, as of the epochs given. Not kept over a restart: others may go on meanwhile. */
  markFilled(ranges: readonly { range: RangeId; epoch: number }[]): Promise<void> {
    return this.#exclusive(async () => {
      for (const { range, epoch } of ranges) {
        const slot = this.#slot(range)
        if (slot.config.epoch !== epoch || !this.isUnfilled(range)) continue
        this.#slots[range] = { ...slot, filled: true }
        for (const listener of this.#filledListeners) listener(range)
      }
    })
  }

  /** Deletes the copies of ranges of which this node is no member; the configs stay. */
  forget(ranges: readonly RangeId[]): Promise<void> {
    return this.#exclusive(async () => {
      const gone = ranges.filter((range) => this.holds(range) && this.standing(range) === 'outsider')
      await this.#wipe(
        gone,
        gone.map((range) => ({ ...this.#slot(range), holds: false })),
        this.#records,
      )
    })
  }

  /** Called after a config has become durable. Returns a function that ends the subscription. */
  onChange(listener: ConfigListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Called when this node's copy of a range has become complete. */
  onFilled(listener: (range: RangeId) => void): () => void {
    this.#filledListeners.add(listener)
    return () => this.#filledListeners.delete(listener)
  }

  #slot(range: RangeId): ConfigSlot {
    const slot = this.#slots[range]
    if (!slot) throw new ThorError('RANGES_UNKNOWN', `there is no range ${range}`)
    return slot
  }

  #exclusive<T>(task: () => Promise<T>): Promise<T> {
    const run = this.#queue.then(task)
    this.#queue = run.catch(() => undefined)
    return run
  }

  /** `anew`: by order of an operator, who takes what is forgotten for lost. */
  async #adopt(configs: readonly RangeConfig[], anew = false): Promise<void> {
    const newest = new Map<RangeId, RangeConfig>()
    for (const config of configs) {
      if (config.epoch > (newest.get(config.range) ?? this.get(config.range)).epoch) newest.set(config.range, config)
    }
    const wipes: RangeId[] = []
    const slots = [...newest.values()].map((config): ConfigSlot => {
      const slot = this.#slot(config.range)
      const fresh = mustWipe(slot.config, config, this.#self)
      const votes = entryOf(config, this.#self) !== undefined
      // Of what was lost nobody knows whether it was of this membership: it is kept, without a vote.
      const isLost = slot.mute && slot.config.epoch === 0
      if (fresh && slot.holds && !isLost) wipes.push(config.range)
      return {
        config,
        acceptor: emptyAcceptor,
        filled: votes && !fresh && slot.filled,
        holds: votes || slot.holds,
        mute: votes && slot.mute && (isLost || !fresh) && !anew,
      }
    })
    await this.#wipe(
      wipes,
      slots,
      this.#records.filter(({ isUnion }) => !isUnion),
    )
  }

  /**
   * Closes ranges, deletes their copies, stores the slots, and opens the ranges again. When it fails they stay closed until
   * the next attempt: a part of the copy may be gone.
   */
  async #wipe(ranges: readonly RangeId[], slots: readonly ConfigSlot[], kinds: readonly RangeRecords[]): Promise<void> {
    for (const range of ranges) this.#closed.add(range)
    for (const range of ranges) for (const records of kinds) await records.wipe(range)
    await this.#store(slots)
    for (const range of ranges) this.#closed.delete(range)
  }

  async #store(slots: readonly ConfigSlot[]): Promise<void> {
    if (slots.length === 0) return
    await this.#components.disk.batch(
      slots.map((slot) => ({ type: 'put', key: slotKey(slot.config.range), value: encodeSlot(slot) })),
      { sync: true },
    )
    const changes = slots.map((slot) => {
      const previous = this.#slot(slot.config.range).config
      if (previous.epoch === 0) this.#unknown--
      this.#slots[slot.config.range] = slot
      return [slot.config, previous] as const
    })
    for (const [config, previous] of changes) {
      if (config.epoch === previous.epoch) continue
      for (const listener of this.#listeners) listener(config, previous)
    }
  }

  #fetch(range: RangeId, from: NodeId): Promise<void> {
    let fetching = this.#fetching.get(range)
    if (!fetching) {
      fetching = this.#components.rpc
        .call<PackedConfigs>(from, 'range.get', { ranges: [range] })
        .then((packed) => this.adoptAll(unpackConfigs(packed)))
        .catch(() => undefined)
        .finally(() => this.#fetching.delete(range))
      this.#fetching.set(range, fetching)
    }
    return fetching
  }
}
