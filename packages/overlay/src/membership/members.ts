import {
  type Clock,
  errorCode,
  every,
  formatAddress,
  type Lifecycle,
  type Logger,
  type Random,
  type Timer,
} from '@thor-node/core'
import type { Certificate, SignedCertificate } from '../admission/certificate.ts'
import { membershipLimits } from '../limits.ts'
import type { NodeId, PeerNet } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import type { PeerEvents } from '../rpc/rpc.ts'
import type { Member, MemberChange, MemberState, Members, ServiceAddresses } from './contract.ts'
import { type Belief, type Effect, type Evidence, step, trusted } from './detector.ts'
import { Mesh } from './mesh.ts'
import { type Claim, Prober } from './prober.ts'
import type { Roster } from './roster.ts'
import { defaultMembership, type MembershipSettings } from './settings.ts'
import { isSameView, refutation, toMember } from './view.ts'

export type { MembershipSettings } from './settings.ts'

export interface MembershipComponents {
  peers: PeerNet
  /** Over `peers`. */
  rpc: Rpc & PeerEvents
  roster: Roster
  clock: Clock
  random: Random
  log: Logger
  /** See `Mesh`; `Libp2pPeerNet` has it. */
  findAddresses?(nodeId: NodeId): Promise<string[]>
  /** Called, soon, after certificates or members' addresses changed: to be kept on disk for the next start. */
  saveRoster?(saved: SavedRoster): void | Promise<void>
}

export interface SavedRoster {
  certificates: readonly SignedCertificate[]
  members: readonly Member[]
}

export interface MembershipInit {
  /** The certificate of this node; it must be in the roster. */
  certificate: Certificate
  /** Above all that this node ever used: boot counter × 2^20. */
  incarnation: number
  version: string
  weight?: number
  services: ServiceAddresses
  /** Members as they were before the restart, or as the door handed them out. */
  known?: readonly Member[]
  /** @default false */
  serving?: boolean
  settings?: Partial<MembershipSettings>
}

interface Entry {
  member: Member
  belief: Belief
  timer?: Timer
}

interface Sync {
  members: unknown
  /** Digest of the sender's roster. */
  roster: unknown
  certificates?: unknown
}

/**
 * Driver of SWIM with Lifeguard in a full mesh: probes one member per period, keeps connections to all, hands evidence to
 * `detector.ts` and verdicts to its listeners. News goes to all connected members at once; a periodic full exchange with one
 * member at a time heals what was lost.
 */
export class Membership implements Members, Lifecycle {
  readonly roster: Roster
  readonly #components: MembershipComponents
  readonly #settings: MembershipSettings
  readonly #clock: Clock
  readonly #rpc: Rpc & PeerEvents
  readonly #log: Logger
  readonly #mesh: Mesh
  readonly #prober: Prober
  readonly #entries = new Map<NodeId, Entry>()
  readonly #listeners = new Set<(change: MemberChange) => void>()
  readonly #undo: (() => void)[] = []
  readonly #known: readonly Member[]
  #self: Member
  #list: readonly Member[] | undefined
  #saving: Timer | undefined
  #state: 'new' | 'running' | 'stopped' = 'new'

  constructor(components: MembershipComponents, init: MembershipInit) {
    this.#components = components
    this.#settings = { ...defaultMembership, ...init.settings }
    this.#clock = components.clock
    this.#rpc = components.rpc
    this.roster = components.roster
    this.#log = components.log.forComponent('overlay:membership')
    this.#known = init.known ?? []
    const { nodeId, name, placementId, zone, roles } = init.certificate
    this.#self = {
      nodeId,
      name,
      placementId,
      zone,
      roles,
      weight: init.weight ?? 1,
      version: init.version,
      services: init.services,
      state: 'alive',
      incarnation: init.incarnation,
      serving: init.serving ?? false,
      startedAt: components.clock.wall(),
    }
    this.#mesh = new Mesh(components, {
      addressOf: (id) => this.#addressOf(id),
      onFailure: (id, outcome) =>
        this.#weigh(id, { type: outcome === 'refused' ? 'refused' : 'silent', by: this.#self.nodeId }),
    })
    this.#prober = new Prober(components, {
      settings: this.#settings,
      candidates: () => this.#worthProbing(),
      claim: (id) => this.#claim(id),
      helpers: (id) =>
        this.#connected().filter((one) => one !== id && this.#entries.get(one)?.member.state === 'alive'),
      onAnswer: (id, answer) => {
        this.#merge(answer, id)
        this.#weigh(id, { type: 'answered' })
      },
      onSilence: (id) => this.#weigh(id, { type: 'silent', by: this.#self.nodeId }),
      onStall: (forMs) => this.#onStall(forMs),
    })
  }

  get self(): Member {
    return this.#self
  }

  list(): readonly Member[] {
    this.#list ??= [this.#self, ...[...this.#entries.values()].map((entry) => entry.member)].sort((a, b) =>
      a.nodeId < b.nodeId ? -1 : 1,
    )
    return this.#list
  }

  get(nodeId: NodeId): Member | undefined {
    return nodeId === this.#self.nodeId ? this.#self : this.#entries.get(nodeId)?.member
  }

  isLive(nodeId: NodeId): boolean {
    if (nodeId === this.#self.nodeId) return true
    const state = this.#entries.get(nodeId)?.member.state
    return state === 'alive' || state === 'suspect'
  }

  onChange(listener: (change: MemberChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The network must have been started. Methods are served from here on. */
  async start(): Promise<void> {
    if (this.#state !== 'new') return
    this.#state = 'running'
    const { clock, random } = this.#components
    this.#rpc.serve('swim.ping', (claim: Claim) => this.#onPing(claim))
    this.#rpc.serve('swim.probe', (claim: Claim) => this.#onProbe(claim))
    this.#rpc.serve('swim.sync', (sync: Sync, from) => this.#onSync(sync, from))
    this.#rpc.serve('swim.news', (news: { members: unknown }, from) => this.#mergeAll(news?.members, from))
    this.#rpc.serve('swim.accuse', (claim: Claim & { evidence: string }, from) => this.#onAccuse(claim, from))
    this.#rpc.serve('swim.roster', (news: { certificates: unknown }) => this.#addCertificates(news?.certificates))
    this.#undo.push(
      this.#rpc.onConnected((peer) => this.#onConnected(peer)),
      this.#rpc.onDisconnected((peer) => this.#onDisconnected(peer)),
      this.roster.onChange(() => this.#save()),
    )
    // Incarnation 0: any news is newer than what was written down.
    for (const member of this.#known) this.#merge({ ...member, incarnation: 0, state: 'dead' }, this.#self.nodeId)
    this.#prober.start()
    const exchange = every(
      clock,
      this.#settings.syncPeriodMs,
      () => this.#syncWithOne(),
      (error) => this.#log.error('an exchange failed', { error }),
      random.int(this.#settings.syncPeriodMs) + 1,
    )
    this.#undo.push(() => exchange.cancel())
  }

  async stop(): Promise<void> {
    if (this.#state !== 'running') return
    this.#state = 'stopped'
    this.#mesh.stop()
    this.#prober.stop()
    for (const undo of this.#undo.splice(0)) undo()
    for (const entry of this.#entries.values()) entry.timer?.cancel()
    this.#saving?.cancel()
    if (this.#saving) await this.#saveNow()
  }

  /** For good: the others forget this node's ranges. Call `stop` afterwards. */
  async leave(): Promise<void> {
    this.#setSelf({ state: 'left', serving: false })
    const news = { members: [this.#self] }
    await this.#tellAll('swim.news', news)
  }

  setServing(serving: boolean): void {
    if (serving !== this.#self.serving) this.#changeSelf({ serving })
  }

  updateServices(services: Partial<ServiceAddresses>): void {
    this.#changeSelf({ services: { ...this.#self.services, ...services } })
  }

  /** Tells all live members of a new certificate and waits until each has it, or does not answer within a second. */
  async announce(certificate: SignedCertificate): Promise<void> {
    this.roster.add(certificate)
    await this.#tellAll('swim.roster', { certificates: [certificate] })
  }

  /** Members met elsewhere (the answer of the door): they are dialled. */
  introduce(members: readonly Member[]): void {
    for (const member of members) this.#merge({ ...member, incarnation: 0, state: 'dead' }, this.#self.nodeId)
  }

  snapshot() {
    return {
      self: this.#self,
      health: this.#prober.health,
      members: [...this.#entries.values()].map(({ member, belief }) => ({
        nodeId: member.nodeId,
        name: member.name,
        state: member.state,
        incarnation: member.incarnation,
        connected: this.#components.peers.isConnected(member.nodeId),
        belief,
      })),
    }
  }

  // What others ask and say

  #onStall(forMs: number): void {
    this.#log.info('this node stood still', { forMs: Math.round(forMs) })
    for (const nodeId of this.#entries.keys()) this.#weigh(nodeId, { type: 'stalled', forMs })
    // The others may have given this node up meanwhile.
    for (const nodeId of this.#connected()) void this.#sync(nodeId)
  }

  /** A dead member is dialled by the mesh; one that is connected all the same gets the chance to answer. */
  #worthProbing(): NodeId[] {
    return [...this.#entries].flatMap(([nodeId, { member }]) => {
      if (member.state === 'left') return []
      return member.state === 'dead' && !this.#components.peers.isConnected(nodeId) ? [] : [nodeId]
    })
  }

  #claim(nodeId: NodeId): Claim | undefined {
    const entry = this.#entries.get(nodeId)
    return entry && claimOf(entry.member)
  }

  #onPing(claim: Claim): Member {
    this.#hearOfSelf(claim)
    return this.#self
  }

  async #onProbe(claim: Claim): Promise<unknown> {
    if (claim.nodeId === this.#self.nodeId) return this.#onPing(claim)
    return this.#rpc.call(claim.nodeId, 'swim.ping', claim, { timeoutMs: this.#settings.probeTimeoutMs })
  }

  #onAccuse(claim: Claim & { evidence: string }, from: NodeId): void {
    if (claim.nodeId === this.#self.nodeId) {
      this.#hearOfSelf(claim)
      return
    }
    const entry = this.#entries.get(claim.nodeId)
    if (!entry || claim.incarnation < entry.member.incarnation) return
    const type = claim.evidence === 'refused' ? 'refused' : 'silent'
    // Only members that this node trusts have a say.
    if (this.#entries.get(from)?.member.state === 'alive') this.#weigh(claim.nodeId, { type, by: from })
  }

  #hearOfSelf(claim: { incarnation: number; state: MemberState }): void {
    if (this.#self.state === 'left' || !Number.isSafeInteger(claim.incarnation)) return
    const spokenIll = claim.state !== 'alive' && claim.incarnation >= this.#self.incarnation
    if (spokenIll || claim.incarnation > this.#self.incarnation) {
      this.#changeSelf({}, refutation(this.#self.incarnation, claim.incarnation))
    }
  }

  // Verdicts

  #weigh(nodeId: NodeId, evidence: Evidence): void {
    const entry = this.#entries.get(nodeId)
    if (!entry || this.#state !== 'running') return
    if (entry.member.state === 'left') return
    const isOwn = evidence.type === 'silent' && evidence.by === this.#self.nodeId
    if (isOwn && this.#prober.isQuiet) return
    const { belief, effects } = step(entry.belief, evidence, {
      now: this.#clock.now(),
      self: this.#self.nodeId,
      others: this.#aliveBesides(nodeId),
      health: this.#prober.health,
      suspicion: this.#settings.suspicion,
    })
    entry.belief = belief
    if (belief.phase !== 'suspected') entry.timer?.cancel()
    for (const effect of effects) this.#run(nodeId, entry, effect)
  }

  #run(nodeId: NodeId, entry: Entry, effect: Effect): void {
    switch (effect.type) {
      case 'trust':
        this.#setState(entry, 'alive')
        return
      case 'suspect':
        this.#setState(entry, 'suspect')
        this.#lookAgain(nodeId)
        return
      case 'kill':
        this.#setState(entry, 'dead')
        this.#tell('swim.news', { members: [entry.member] })
        this.#lookAgain(nodeId)
        return
      case 'accuse':
        this.#tell('swim.accuse', { ...claimOf(entry.member), evidence: effect.evidence })
        return
      case 'redial':
        this.#mesh.nudge(nodeId)
        return
      case 'probe':
        void this.#prober.probe(nodeId)
        return
      case 'timer': {
        const dueAt = this.#clock.now() + effect.afterMs
        entry.timer?.cancel()
        entry.timer = this.#clock.after(effect.afterMs, () => {
          this.#prober.noteStall(dueAt)
          this.#weigh(nodeId, { type: 'look' })
        })
      }
    }
  }

  /** One witness less may change the verdict on other suspects. */
  #lookAgain(except: NodeId): void {
    for (const [nodeId, entry] of this.#entries) {
      if (nodeId !== except && entry.belief.phase === 'suspected') this.#weigh(nodeId, { type: 'look' })
    }
  }

  #aliveBesides(nodeId: NodeId): number {
    let count = 0
    for (const [id, entry] of this.#entries) if (id !== nodeId && entry.member.state === 'alive') count++
    return count
  }

  #setState(entry: Entry, state: MemberState): void {
    if (entry.member.state !== state) this.#replace(entry, { ...entry.member, state })
  }

  #replace(entry: Entry, member: Member): void {
    const previous = entry.member
    entry.member = member
    if (isSameView(previous, member)) return
    if (previous.state !== member.state) {
      this.#log.info('member changed', { name: member.name, from: previous.state, to: member.state })
    }
    this.#emit({ member, previous })
  }

  #emit(change: MemberChange): void {
    this.#list = undefined
    if (addressText(change.member) !== (change.previous && addressText(change.previous))) this.#save()
    for (const listener of [...this.#listeners]) {
      try {
        listener(change)
      } catch (error) {
        this.#log.error('a listener failed', { error })
      }
    }
  }

  // News

  #mergeAll(members: unknown, from: NodeId): void {
    if (!Array.isArray(members)) return
    for (const member of members.slice(0, membershipLimits.entriesPerMessageMax)) this.#merge(member, from)
  }

  /** Takes news of one member. Anything that is not valid news is dropped. */
  #merge(value: unknown, from: NodeId): void {
    const nodeId: unknown = typeof value === 'object' && value !== null && 'nodeId' in value ? value.nodeId : undefined
    if (typeof nodeId !== 'string') return
    const news = toMember(value, this.roster.get(nodeId))
    if (!news) return
    if (nodeId === this.#self.nodeId) {
      this.#hearOfSelf(news)
      return
    }
    const entry = this.#entries.get(nodeId)
    if (!entry) this.#meet(news)
    else if (news.incarnation >= entry.member.incarnation) this.#update(entry, news, from)
  }

  #meet(news: Member): void {
    const state = news.state === 'suspect' ? 'alive' : news.state
    const entry: Entry = { member: { ...news, state }, belief: state === 'dead' ? { phase: 'dead' } : trusted }
    this.#entries.set(news.nodeId, entry)
    this.#emit({ member: entry.member, previous: undefined })
    if (state !== 'left') this.#mesh.want(news.nodeId)
  }

  #update(entry: Entry, news: Member, from: NodeId): void {
    const known = entry.member
    const isHigher = news.incarnation > known.incarnation
    if (news.state === 'left') {
      if (!isHigher && known.state === 'left') return
      entry.belief = { phase: 'dead' }
      entry.timer?.cancel()
      this.#mesh.drop(news.nodeId)
      this.#replace(entry, news)
      return
    }
    if (isHigher) {
      // What others think of its state is evidence, not a fact; what it says of itself is a fact.
      const isBack = news.state === 'alive' && known.state !== 'alive'
      if (isBack) {
        entry.belief = trusted
        entry.timer?.cancel()
      }
      this.#replace(entry, { ...news, state: isBack ? 'alive' : known.state === 'left' ? 'dead' : known.state })
      if (known.state === 'left') this.#mesh.want(news.nodeId)
      if (!this.#components.peers.isConnected(news.nodeId)) this.#mesh.nudge(news.nodeId)
    }
    if (news.state === 'dead' && from !== news.nodeId) this.#weigh(news.nodeId, { type: 'silent', by: from })
  }

  #onConnected(peer: NodeId): void {
    this.#mesh.connected(peer)
    this.#weigh(peer, { type: 'answered' })
    void this.#sync(peer)
  }

  #onDisconnected(peer: NodeId): void {
    if (this.#state !== 'running') return
    this.#weigh(peer, { type: 'lost' })
    // Also when it was dead before its connection broke.
    this.#mesh.nudge(peer)
  }

  async #syncWithOne(): Promise<void> {
    const connected = this.#connected()
    const peer = connected[this.#components.random.int(Math.max(1, connected.length))]
    if (peer) await this.#sync(peer)
  }

  /** Both sides end with the union of what they know. Never throws. */
  async #sync(peer: NodeId): Promise<void> {
    const body: Sync = { members: this.list(), roster: this.roster.digest }
    try {
      const answer = await this.#rpc.call<Sync>(peer, 'swim.sync', body, { timeoutMs: this.#settings.syncTimeoutMs })
      this.#addCertificates(answer.certificates)
      this.#mergeAll(answer.members, peer)
      if (answer.roster !== this.roster.digest) {
        this.#rpc.notify(peer, 'swim.roster', { certificates: this.roster.certificates })
      }
    } catch (error) {
      this.#log.debug('exchange failed', { peer, code: errorCode(error) })
    }
  }

  #onSync(sync: Sync, from: NodeId): Sync {
    this.#mergeAll(sync?.members, from)
    const isSame = sync?.roster === this.roster.digest
    const certificates = isSame ? undefined : this.roster.certificates
    return { members: this.list(), roster: this.roster.digest, certificates }
  }

  #addCertificates(certificates: unknown): void {
    if (!Array.isArray(certificates)) return
    for (const certificate of certificates.slice(0, membershipLimits.rosterMax)) this.roster.add(certificate)
  }

  #changeSelf(patch: Partial<Member>, incarnation: number = this.#self.incarnation + 1): void {
    this.#setSelf(patch, incarnation)
    this.#tell('swim.news', { members: [this.#self] })
  }

  #setSelf(patch: Partial<Member>, incarnation: number = this.#self.incarnation + 1): void {
    const previous = this.#self
    this.#self = { ...previous, ...patch, incarnation }
    this.#emit({ member: this.#self, previous })
  }

  #connected(): NodeId[] {
    return [...this.#entries.keys()].filter((id) => this.#components.peers.isConnected(id))
  }

  #tell(method: string, body: unknown): void {
    if (this.#state !== 'running') return
    for (const nodeId of this.#connected()) this.#rpc.notify(nodeId, method, body)
  }

  async #tellAll(method: string, body: unknown): Promise<void> {
    const timeoutMs = this.#settings.syncTimeoutMs
    const live = this.#connected().filter((id) => this.isLive(id))
    await Promise.allSettled(live.map((id) => this.#rpc.call(id, method, body, { timeoutMs })))
  }

  #addressOf(nodeId: NodeId): string | undefined {
    const entry = this.#entries.get(nodeId)
    return entry && entry.member.state !== 'left' ? addressText(entry.member) : undefined
  }

  #save(): void {
    if (this.#saving || !this.#components.saveRoster || this.#state !== 'running') return
    this.#saving = this.#clock.after(200, () => void this.#saveNow())
  }

  async #saveNow(): Promise<void> {
    this.#saving = undefined
    try {
      const members = [...this.#entries.values()].map((entry) => entry.member)
      await this.#components.saveRoster?.({ certificates: this.roster.certificates, members })
    } catch (error) {
      this.#log.error('the list of members could not be saved', { error })
    }
  }
}

function claimOf(member: Member): Claim {
  return { nodeId: member.nodeId, incarnation: member.incarnation, state: member.state }
}

function addressText(member: Member): string {
  return formatAddress({ host: member.services.host, port: member.services.cluster })
}
