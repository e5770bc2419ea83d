import {
  type Clock,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type Random,
  randomHex,
  recordKey,
  ThorError,
  type Timer,
} from '@thor-node/core'
import { type Calls, type Load, type Peer, PeerLoad, Peers } from '@thor-node/sip'
import type { PeerView } from '../control/guard-contract.ts'
import { stoppedKey } from './call-keys.ts'
import { PEER_LOOKS_MAX, PEERS_MAX } from './limits.ts'
import { type RingAccess, tellOthers } from './ring-access.ts'

/** `peer/<name>` */
export interface PeerRecord extends Peer {
  changedAt: number
}

const REFRESH_MS = 10_000
/** Running calls of peers are told to all live nodes this often. */
const TELL_MS = 250
/** A call that began so long ago is looked up: perhaps its end was seen by another node. */
const LOOK_AFTER_MS = 30_000

/**
 * Trusted peers: records of the ring, each node's copy of them, and how many calls they have. What the configuration file
 * trusts is this node's own and has no limits.
 */
export class PeersService implements Lifecycle {
  readonly peers = new Peers()
  readonly load: PeerLoad
  readonly #ring: Pick<RingAccess, 'members' | 'rpc' | 'self' | 'store'>
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Logger
  readonly #configured: readonly string[]
  #records: PeerRecord[] = []
  #learned: ReadonlyMap<string, readonly string[]> = new Map()
  #timers: Timer[] = []
  #told = false

  constructor(
    components: {
      ring: Pick<RingAccess, 'members' | 'rpc' | 'self' | 'store'>
      clock: Clock
      random: Random
      logger: Logger
    },
    init: { configured: readonly string[] },
  ) {
    this.#ring = components.ring
    this.#clock = components.clock
    this.#random = components.random
    this.#log = components.logger.forComponent('node:peers')
    this.#configured = init.configured
    this.load = new PeerLoad({ clock: components.clock })
    this.#use([])
    this.#ring.rpc.serve<Load[], void>('peer.load', (loads, from) => {
      if (Array.isArray(loads)) this.load.take(from, loads.filter(isLoad))
    })
    this.#ring.store.reg.watch('peer/', () => void this.#refreshQuietly())
  }

  async start(): Promise<void> {
    if (this.#timers.length > 0) return
    const onError = (error: unknown): void => this.#log.warn('upkeep of peers failed', { error: errorMessage(error) })
    this.#timers = [
      every(this.#clock, REFRESH_MS, () => this.refresh(), onError),
      every(this.#clock, TELL_MS, () => this.#tell(), onError),
      every(this.#clock, LOOK_AFTER_MS, () => this.#lookForEnds(), onError),
    ]
    await this.#refreshQuietly()
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel()
    this.#timers = []
  }

  /** The same calls, with their ends noted. */
  counting(calls: Calls): Calls {
    const ended = (callUuid: string): void => this.load.end(callUuid)
    return {
      newCallUuid: (billedTo) => calls.newCallUuid(billedTo),
      answered: (query) => calls.answered(query),
      refreshed: (query) => calls.refreshed(query),
      ended: (query) => {
        ended(query.callUuid)
        return calls.ended(query)
      },
      failed: (query) => {
        ended(query.callUuid)
        return calls.failed(query)
      },
    }
  }

  async refresh(): Promise<void> {
    const listed = await this.#ring.store.reg.list<PeerRecord>('peer/')
    // A node that is cut off may see none: what it knew goes on. Deleted ones are told by the watch of a whole ring.
    this.#use(listed.map(({ value }) => value.body))
  }

  /** Addresses that count as those of a peer beside its own, by its name: of trunks that were found there. */
  learn(addresses: ReadonlyMap<string, readonly string[]>): void {
    this.#learned = addresses
    this.#use(this.#records)
  }

  list(): PeerView[] {
    return this.#records.map((peer) => ({ ...peer, calls: this.load.callsOf(peer.name) }))
  }

  /** Adds a peer, or replaces the one of that name. Rejects with `NODE_PEERS_FULL`. */
  async put(peer: Peer): Promise<void> {
    if (this.#records.length >= PEERS_MAX && !this.#records.some(({ name }) => name === peer.name)) {
      throw new ThorError('NODE_PEERS_FULL', `there are ${PEERS_MAX} peers already`)
    }
    const body: PeerRecord = { ...peer, changedAt: this.#clock.wall() }
    await this.#change(peer.name, body)
    this.#log.info('trusted peer set', { ...body })
    await this.refresh()
  }

  /** Rejects with `NODE_PEER_UNKNOWN`. */
  async remove(name: string): Promise<void> {
    if (!(await this.#change(name, undefined))) throw new ThorError('NODE_PEER_UNKNOWN', `there is no peer ${name}`)
    this.#log.info('trusted peer removed', { peer: name })
    await this.refresh()
  }

  /** True when there was one before. */
  #change(name: string, body: PeerRecord | undefined): Promise<boolean> {
    return this.#ring.store.reg.change<PeerRecord, boolean>(
      recordKey('peer', name),
      randomHex(this.#random, 16),
      (current) => ({ body, result: current !== undefined }),
    )
  }

  async #refreshQuietly(): Promise<void> {
    await this.refresh().catch((error) => this.#log.warn('list of peers not refreshed', { error: errorMessage(error) }))
  }

  #use(records: PeerRecord[]): void {
    this.#records = records
    const own: Peer = {
      // Behind those of the ring, which may say more of the same address.
      name: '~configured',
      prefixes: this.#configured,
      tlsNames: [],
      callsMax: 0,
      callsPerSecond: 0,
      relay: false,
    }
    const whole = records.map((record) => {
      const learned = this.#learned.get(record.name)
      return learned ? { ...record, prefixes: [...record.prefixes, ...learned] } : record
    })
    this.peers.replace(this.#configured.length > 0 ? [...whole, own] : whole)
  }

  #tell(): void {
    const loads = this.load.own()
    // Once more when there are none: that too is news.
    if (loads.length === 0 && !this.#told) return
    this.#told = loads.length > 0
    tellOthers(this.#ring, 'peer.load', loads)
  }

  async #lookForEnds(): Promise<void> {
    for (const callUuid of this.load.olderThan(LOOK_AFTER_MS).slice(0, PEER_LOOKS_MAX)) {
      const ended = await this.#ring.store.set.get(stoppedKey(callUuid)).catch(() => undefined)
      if (ended !== undefined) this.load.end(callUuid)
    }
  }
}

const isLoad = (load: unknown): load is Load =>
  Array.isArray(load) && typeof load[0] === 'string' && Number.isFinite(load[1]) && Number.isFinite(load[2])
