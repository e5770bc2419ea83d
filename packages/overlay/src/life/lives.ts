import {
  type Clock,
  type DiskOperation,
  errorCode,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type Random,
  randomHex,
  shuffled,
  type Timer,
} from '@thor-node/core'
import { Packr } from 'msgpackr'
import { membershipLimits } from '../limits.ts'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import { hasOldQuorum } from '../ranges/config.ts'
import type { RangeConfig } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import type { PeerEvents } from '../rpc/rpc.ts'
import { openValue, sealValue } from '../store/encoding.ts'
import type { GroupCommit, Stamp } from '../store/group-commit.ts'
import { type Claim, judge, laterOf, type Remembered, type RememberedRow, readRows, toChain, toClaim } from './judge.ts'
import { lifeLimits } from './limits.ts'

export interface LivesComponents {
  clock: Clock
  random: Random
  log: Logger
  rpc: Rpc & PeerEvents
  members: Members
  disk: GroupCommit
}

export interface LivesInit {
  self: NodeId
  /** A peer remembers more than this disk knows: the process must end. Called once. */
  onStale?(by: NodeId): void
  /** By order of an operator: this copy is taken though others remember a later one. @default false */
  forced?: boolean
}

/**
 * `seasoned`: who answers votes itself, so it has heard what its own start could tell it, and has heard of who asks until shortly
 * before: most of what that one did with others, it would know.
 */
type ClaimAnswer = { ok: boolean; seasoned: boolean; remembered: RememberedRow[] }

/** Twice, so that one flipped bit does not make the disk an old one. */
const OWN_KEYS = ['Lown', 'Lown2'] as const
const PEERS_KEY = 'Lpeers'
/** Processes on this disk since the last that others confirmed, this one included. */
const CHAIN_KEY = 'Lchain'
const packr = new Packr({ useRecords: false })

/**
 * The fence against old copies of disks (`judge.ts`). This node counts its durable writes, tells its peers, and remembers on its
 * disk what they tell. It votes for a range only when so many of the range's voters as make a quorum with itself have found its
 * disk to be the latest that they know of.
 */
export class Lives implements Lifecycle, Stamp {
  readonly #components: LivesComponents
  readonly #init: LivesInit
  readonly #log: Logger
  readonly #remembered = new Map<NodeId, Remembered>()
  readonly #vouched: Set<NodeId>
  readonly #session: string
  #base = 0
  #before: Claim['before']
  #confirmed = false
  #count = 0
  /** Counts in batches that are being written are above those that are durable. */
  #stamped = 0
  #startedAt = Number.POSITIVE_INFINITY
  /** When the first other member has vouched for this disk. */
  #vouchedAt = Number.POSITIVE_INFINITY
  /** All have. */
  #complete = false
  /** Somebody who has vouched for this disk has been there for a while. */
  #seasonedVoucher = false
  #stale = false
  #running = false
  #unsaved = false
  /** Which process of a peer was heard from when to when, and how long nothing had been heard before its first word. */
  readonly #heard = new Map<NodeId, { session: string; since: number; at: number; silenceMs: number }>()
  readonly #timers = new Set<Timer>()
  #telling: Timer | undefined
  #saving: Timer | undefined
  #undo: (() => void)[] = []

  constructor(components: LivesComponents, init: LivesInit) {
    this.#components = components
    this.#init = init
    this.#log = components.log.forComponent('overlay:life')
    this.#session = randomHex(components.random, 8)
    this.#vouched = new Set([init.self])
    const { rpc } = components
    rpc.serve<unknown, ClaimAnswer>('life.claim', (request, from) => this.#onClaim(request, from))
    rpc.serve<unknown, void>('life.told', (claim, from) => this.#onTold(claim, from))
    rpc.serve<{ session?: unknown }, void>('life.stale', ({ session }, from) => {
      if (session === this.#session) this.#beStale(from)
    })
  }

  /** This process has begun, durably, when it resolves. The disk must be open, nobody heard yet. */
  async open(): Promise<void> {
    const { disk } = this.#components
    for (const key of OWN_KEYS) {
      const count = await this.#read(key)
      if (Number.isSafeInteger(count)) this.#base = Math.max(this.#base, count as number)
    }
    this.#count = this.#base
    this.#stamped = this.#base + (this.#init.forced ? lifeLimits.forcedStep : 0)
    for (const [nodeId, known] of readRows(await this.#read(PEERS_KEY), membershipLimits.rosterMax)) {
      this.#remembered.set(nodeId, known)
    }
    const chain = this.#init.forced ? undefined : toChain(await this.#read(CHAIN_KEY))
    if (chain && chain.sessions.length < lifeLimits.sessionsMax) this.#before = chain
    await disk.batch([...ownRecords(++this.#stamped), this.#chainRecord()], { sync: true })
    this.#count = this.#stamped
    disk.stampWith(this)
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    const { clock, rpc } = this.#components
    this.#undo.push(rpc.onConnected((peer) => void this.#claim(peer)))
    const onError = (error: unknown) => this.#log.error('peers are not told', { error: errorMessage(error) })
    const again = every(clock, lifeLimits.tellAgainMs, () => this.#tell(), onError)
    this.#undo.push(() => again.cancel())
    this.#startedAt = clock.now()
  }

  async stop(): Promise<void> {
    this.#running = false
    for (const undo of this.#undo.splice(0)) undo()
    for (const timer of this.#timers) timer.cancel()
    this.#telling?.cancel()
    this.#saving?.cancel()
    this.#telling = undefined
    this.#saving = undefined
    // Not waited for: whoever closes the disk waits for what was asked of it.
    if (this.#unsaved) void this.#save()
  }

  /** A peer remembers a later state of this disk. */
  get isStale(): boolean {
    return this.#stale
  }

  /**
   * Whether this node's word may count among the voters of this config. During a change the old members' word is enough: a
   * majority of them is in every quorum, and must be able to take back a change whose new members are gone.
   */
  mayVote(config: RangeConfig): boolean {
    return !this.#stale && hasOldQuorum(config, this.#vouched) && this.#isPatient(config)
  }

  snapshot(): { base: number; count: number; vouchedBy: number; stale: boolean } {
    return { base: this.#base, count: this.#count, vouchedBy: this.#vouched.size - 1, stale: this.#stale }
  }

  /** Goes into every synced batch, but for those in which nothing but the memory of others is written. */
  operationsFor(operations: readonly DiskOperation[]): readonly DiskOperation[] {
    return operations.every(({ key }) => key === PEERS_KEY) ? [] : ownRecords(++this.#stamped)
  }

  /** The batch with the last stamp is durable. */
  written(): void {
    this.#count = this.#stamped
    if (!this.#running) return
    this.#telling ??= this.#components.clock.after(lifeLimits.tellAfterMs, () => this.#tell())
  }

  /** Everybody has answered who may know better, or had the time to; alone that is counted from the start. */
  #isPatient(config: RangeConfig): boolean {
    const { clock, members } = this.#components
    const since = hasOldQuorum(config, new Set([this.#init.self])) ? this.#startedAt : this.#vouchedAt
    if (!this.#complete && clock.now() - since < this.#patienceMs) {
      this.#complete = members.list().every(({ nodeId, state }) => state === 'left' || this.#vouched.has(nodeId))
      if (!this.#complete) return false
    }
    if (!this.#confirmed) this.#confirm()
    return true
  }

  /** Whoever is to judge the next process on this disk goes by where this one ends. */
  #confirm(): void {
    this.#confirmed = true
    // Where it stays, this process is named in it, which is as good.
    this.#components.disk.batch([{ type: 'del', key: CHAIN_KEY }], { sync: true }).catch((error: unknown) => {
      this.#log.debug('a confirmed start is not written down', { error: errorMessage(error) })
    })
  }

  #chainRecord(): DiskOperation {
    const found = this.#init.forced ? this.#stamped : this.#base
    const { sessions = [], base = found } = this.#before ?? {}
    const value = packr.pack({ sessions: [...sessions, this.#session], base })
    return { type: 'put', key: CHAIN_KEY, value: sealValue(CHAIN_KEY, value) }
  }

  get #patienceMs(): number {
    return this.#seasonedVoucher ? lifeLimits.patienceMs : lifeLimits.coldPatienceMs
  }

  get #isSeasoned(): boolean {
    return this.#complete || this.#components.clock.now() - this.#vouchedAt >= this.#patienceMs
  }

  get #own(): Claim {
    const forced = this.#init.forced ? { forced: true } : {}
    const before = this.#before && { before: this.#before }
    return { session: this.#session, base: this.#base, count: this.#count, ...before, ...forced }
  }

  // What this node says

  async #claim(peer: NodeId): Promise<void> {
    const { rpc, clock } = this.#components
    if (!this.#running || this.#stale) return
    try {
      const body = { ...this.#own, remembered: this.#rows() }
      const answer = await rpc.call<ClaimAnswer>(peer, 'life.claim', body, { timeoutMs: lifeLimits.claimTimeoutMs })
      this.#learn(answer.remembered)
      if (answer.ok === true) {
        this.#vouched.add(peer)
        this.#vouchedAt = Math.min(this.#vouchedAt, clock.now())
        if (answer.seasoned === true) this.#seasonedVoucher = true
      } else if (answer.ok === false) this.#beStale(peer)
    } catch (error) {
      if (errorCode(error) === 'RPC_NOT_CONNECTED' || !this.#running) return
      this.#log.debug('a peer did not say what it remembers', { peer, error: errorMessage(error) })
      const timer = clock.after(lifeLimits.retryMs, () => {
        this.#timers.delete(timer)
        void this.#claim(peer)
      })
      this.#timers.add(timer)
    }
  }

  #tell(): void {
    this.#telling?.cancel()
    this.#telling = undefined
    const { members, rpc, random } = this.#components
    if (this.#stale) return
    // Whoever seems dead may be back before that is seen; without a connection nothing is sent.
    const others = members.list().filter(({ nodeId, state }) => nodeId !== this.#init.self && state !== 'left')
    const few = others.length > lifeLimits.tellPeersMax ? shuffled(random, others) : others
    for (const { nodeId } of few.slice(0, lifeLimits.tellPeersMax)) rpc.notify(nodeId, 'life.told', this.#own)
  }

  #beStale(by: NodeId): void {
    if (this.#stale || this.#init.forced) return
    this.#stale = true
    this.#log.error('this disk is an old copy: others remember a later state of this node', { by })
    this.#init.onStale?.(by)
  }

  // What others say

  async #onClaim(request: unknown, from: NodeId): Promise<ClaimAnswer> {
    const claim = toClaim(request)
    this.#learn((request as { remembered?: unknown } | undefined)?.remembered)
    const before = this.#remembered.get(from)
    const ok = claim !== undefined && this.#take(claim, from)
    // The memory of a new process must not be lost with this one's.
    if (ok && before?.session !== claim.session) await this.#save()
    const seasoned = this.#isSeasoned && (this.#heard.get(from)?.silenceMs ?? 0) <= lifeLimits.silenceMsMax
    return { ok, seasoned, remembered: this.#rows() }
  }

  #onTold(value: unknown, from: NodeId): void {
    const claim = toClaim(value)
    if (claim && !this.#take(claim, from)) {
      this.#components.rpc.notify(from, 'life.stale', { session: claim.session })
    }
  }

  #take(claim: Claim, from: NodeId): boolean {
    const known = this.#remembered.get(from)
    const next = judge(known, claim)
    if (!next) {
      this.#log.error('a member runs on an old copy of its disk, or twice on the same', { nodeId: from })
      return false
    }
    if (claim.forced && known && known.session !== claim.session && claim.base < known.count) {
      this.#log.warn('an old copy of a member is taken back, by order of an operator', { nodeId: from })
    }
    this.#keep(from, next)
    this.#hear(claim.session, from)
    return true
  }

  #hear(session: string, from: NodeId): void {
    if (!this.#remembered.has(from)) return
    const at = this.#components.clock.now()
    const before = this.#heard.get(from)
    if (before?.session === session) {
      before.at = at
      return
    }
    let silenceMs = at - (before?.at ?? Number.NEGATIVE_INFINITY)
    // A process that ended before anybody could come back does not break the silence before it.
    if (before && before.at - before.since < lifeLimits.coldPatienceMs)
      silenceMs = Math.max(silenceMs, before.silenceMs)
    this.#heard.set(from, { session, since: at, at, silenceMs })
  }

  #learn(rows: unknown): void {
    for (const [nodeId, theirs] of readRows(rows, membershipLimits.rosterMax)) {
      if (nodeId !== this.#init.self) this.#keep(nodeId, laterOf(this.#remembered.get(nodeId), theirs))
    }
  }

  #keep(nodeId: NodeId, next: Remembered): void {
    const known = this.#remembered.get(nodeId)
    if (known && known.session === next.session && known.count === next.count) return
    if (!known && this.#remembered.size >= membershipLimits.rosterMax) return
    this.#remembered.set(nodeId, next)
    this.#unsaved = true
    if (this.#running) this.#saving ??= this.#components.clock.after(lifeLimits.saveAfterMs, () => void this.#save())
  }

  // The disk

  #rows(): RememberedRow[] {
    return [...this.#remembered].map(([nodeId, { session, count }]) => [nodeId, session, count])
  }

  /** Never rejects: a disk that failed ends the process by itself, a full one is tried again. */
  async #save(): Promise<void> {
    this.#saving?.cancel()
    this.#saving = undefined
    this.#unsaved = false
    const value = sealValue(PEERS_KEY, packr.pack(this.#rows()))
    try {
      await this.#components.disk.batch([{ type: 'put', key: PEERS_KEY, value }], { sync: true })
    } catch (error) {
      this.#unsaved = true
      this.#log.debug('what peers told is not saved', { error: errorMessage(error) })
    }
  }

  /** What lies under a key; a damaged record is none. */
  async #read(key: string): Promise<unknown> {
    const sealed = await this.#components.disk.get(key)
    const value = sealed && openValue(key, sealed)
    return value && packr.unpack(value)
  }
}

function ownRecords(count: number): DiskOperation[] {
  return OWN_KEYS.map((key) => ({ type: 'put', key, value: sealValue(key, packr.pack(count)) }))
}
