import type { Clock, Lifecycle, Logger } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import type { PeerEvents } from '../rpc/rpc.ts'
import type { Member, MemberChange, MemberState, Members, ServiceAddresses, Trouble } from './contract.ts'
import { type Effect, type Evidence, isInDoubt, step, trusted } from './detector.ts'
import { Gossip } from './gossip.ts'
import { type MembershipComponents, type MembershipInit, selfOf } from './init.ts'
import { type Entry, MemberTable } from './member-table.ts'
import { Mesh } from './mesh.ts'
import { digestNews } from './news.ts'
import { type Claim, claimOf, NACK, Prober } from './prober.ts'
import type { Roster, RosterNews } from './roster.ts'
import { RosterKeeper } from './roster-keeper.ts'
import { defaultMembership, type MembershipSettings } from './settings.ts'
import { addressText, refutation, toMember, toTroubles } from './view.ts'

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
  readonly #gossip: Gossip
  readonly #keeper: RosterKeeper
  readonly #table: MemberTable
  readonly #undo: (() => void)[] = []
  readonly #known: readonly Member[]
  #state: 'new' | 'running' | 'stopped' = 'new'

  constructor(components: MembershipComponents, init: MembershipInit) {
    this.#components = components
    this.#settings = { ...defaultMembership, ...init.settings }
    this.#clock = components.clock
    this.#rpc = components.rpc
    this.roster = components.roster
    this.#log = components.log.forComponent('overlay:membership')
    this.#known = init.known ?? []
    const { nodeId } = init.certificate
    this.#table = new MemberTable(selfOf(init, components.clock.wall()), {
      log: this.#log,
      onMoved: () => this.#keeper.soon(),
    })
    this.#mesh = new Mesh(components, {
      addressOf: (id) => this.#addressOf(id),
      onFailure: (id, outcome) => {
        if (outcome === 'refused') this.#weigh(id, { type: 'refused', by: nodeId })
        // The wire between the two may be all that is broken.
        else if (this.#table.isLive(id)) void this.#prober.probe(id)
      },
    })
    this.#prober = new Prober(components, {
      settings: this.#settings,
      candidates: () => this.#worthProbing(),
      inDoubt: () => this.#table.entries().flatMap(({ member, belief }) => (isInDoubt(belief) ? [member.nodeId] : [])),
      claim: (id) => this.#claim(id),
      helpers: (id) => this.#gossip.connected().filter((one) => one !== id && this.#table.get(one)?.state === 'alive'),
      onAnswer: (id, answer) => {
        this.#merge(answer, id)
        this.#weigh(id, { type: 'answered' })
      },
      onSilence: (id) => this.#weigh(id, { type: 'silent', by: nodeId }),
      onMute: (id) => void this.#mesh.renew(id),
      onStall: (forMs) => this.#onStall(forMs),
      onHealth: () => this.#lookAgain(),
    })
    this.#gossip = new Gossip(components, {
      settings: this.#settings,
      members: this.#table,
      isRunning: () => this.#state === 'running',
      onNews: (news, from) => this.#merge(news, from),
    })
    this.#keeper = new RosterKeeper(components, {
      members: () => this.#table.entries().map((entry) => entry.member),
    })
  }

  get self(): Member {
    return this.#table.self
  }

  list(): readonly Member[] {
    return this.#table.list()
  }

  get(nodeId: NodeId): Member | undefined {
    return this.#table.get(nodeId)
  }

  isLive(nodeId: NodeId): boolean {
    return this.#table.isLive(nodeId)
  }

  onChange(listener: (change: MemberChange) => void): () => void {
    return this.#table.onChange(listener)
  }

  /** The network must have been started. Methods are served from here on. */
  async start(): Promise<void> {
    if (this.#state !== 'new') return
    this.#state = 'running'
    this.#rpc.serve('swim.ping', (claim: Claim) => this.#onPing(claim))
    this.#rpc.serve('swim.probe', (claim: Claim) => this.#onProbe(claim))
    this.#rpc.serve('swim.accuse', (claim: Claim & { evidence: string }, from) => this.#onAccuse(claim, from))
    this.#undo.push(
      this.#rpc.onConnected((peer) => this.#onConnected(peer)),
      this.#rpc.onDisconnected((peer) => this.#onDisconnected(peer)),
      this.roster.onChange(() => this.#keeper.soon()),
    )
    this.#keeper.start()
    this.#gossip.start()
    // Incarnation 0: any news is newer than what was written down.
    for (const member of this.#known) {
      if (this.roster.isRevoked(member.nodeId)) this.#meet({ ...member, state: 'left' })
      else this.#merge({ ...member, incarnation: 0, state: 'dead' }, this.self.nodeId)
    }
    this.#prober.start()
  }

  async stop(): Promise<void> {
    if (this.#state !== 'running') return
    this.#state = 'stopped'
    this.#mesh.stop()
    this.#prober.stop()
    for (const undo of this.#undo.splice(0)) undo()
    for (const entry of this.#table.entries()) entry.timer?.cancel()
    this.#gossip.stop()
    await this.#keeper.stop()
  }

  /** For good: the others forget this node's ranges. Call `stop` afterwards. */
  async leave(): Promise<void> {
    this.#setSelf({ state: 'left', serving: false })
    const news = { members: [this.self] }
    await this.#gossip.tellAll('swim.news', news)
  }

  setServing(serving: boolean): void {
    if (serving !== this.self.serving) this.#changeSelf({ serving })
  }

  /** What is wrong with this node now. */
  setTroubles(troubles: readonly Trouble[]): void {
    const said = toTroubles(troubles)
    if ((said ?? []).join() !== (this.self.troubles ?? []).join()) this.#changeSelf({ troubles: said })
  }

  updateServices(services: Partial<ServiceAddresses>): void {
    this.#changeSelf({ services: { ...this.self.services, ...services } })
  }

  /** This node is reached elsewhere from now on, and it may have lost its connections without a sign: all are made anew. */
  async move(services: Pick<ServiceAddresses, 'host' | 'cluster'>): Promise<void> {
    this.updateServices(services)
    await Promise.all(this.#gossip.connected().map((nodeId) => this.#mesh.renew(nodeId)))
  }

  /** Tells all live members who may be one, and waits until each has it, or does not answer within a second. */
  async announce(news: RosterNews): Promise<void> {
    this.roster.take(news)
    await this.#gossip.tellAll('swim.roster', news)
  }

  /** For good, as if it had left. */
  expel(nodeId: NodeId): void {
    this.#mesh.drop(nodeId)
    const entry = this.#table.entry(nodeId)
    entry?.timer?.cancel()
    if (entry) this.#table.replace(entry, { ...entry.member, state: 'left', serving: false })
  }

  snapshot() {
    const { peers } = this.#components
    const members = this.#table.entries().map(({ member: { nodeId, name, state, incarnation }, belief }) => {
      return { nodeId, name, state, incarnation, connected: peers.isConnected(nodeId), belief }
    })
    return { self: this.self, health: this.#prober.health, members }
  }

  // What others ask and say

  #onStall(forMs: number): void {
    this.#log.info('this node stood still', { forMs: Math.round(forMs) })
    for (const { member } of this.#table.entries()) this.#weigh(member.nodeId, { type: 'stalled', forMs })
    // The others may have given this node up meanwhile.
    for (const nodeId of this.#gossip.connected()) this.#gossip.exchangeSoon(nodeId)
  }

  /** A dead member is dialled by the mesh; one that is connected all the same gets the chance to answer. */
  #worthProbing(): NodeId[] {
    return this.#table.entries().flatMap(({ member: { nodeId, state } }) => {
      if (state === 'left') return []
      return state === 'dead' && !this.#components.peers.isConnected(nodeId) ? [] : [nodeId]
    })
  }

  #claim(nodeId: NodeId): Claim | undefined {
    const entry = this.#table.entry(nodeId)
    return entry && claimOf(entry.member)
  }

  #onPing(claim: Claim): Member {
    this.#hearOfSelf(claim)
    return this.self
  }

  async #onProbe(claim: Claim): Promise<unknown> {
    if (claim.nodeId === this.self.nodeId) return this.#onPing(claim)
    const { probeTimeoutMs: timeoutMs } = this.#settings
    return this.#rpc.call(claim.nodeId, 'swim.ping', claim, { timeoutMs }).catch(() => NACK)
  }

  #onAccuse(claim: Claim & { evidence: string }, from: NodeId): void {
    if (claim.nodeId === this.self.nodeId) {
      this.#hearOfSelf(claim)
      return
    }
    const entry = this.#table.entry(claim.nodeId)
    if (!entry || claim.incarnation < entry.member.incarnation) return
    const type = claim.evidence === 'refused' ? 'refused' : 'silent'
    // Only members that this node trusts have a say.
    if (this.#table.get(from)?.state === 'alive') this.#weigh(claim.nodeId, { type, by: from })
  }

  #hearOfSelf(claim: { incarnation: number; state: MemberState }): void {
    if (this.self.state === 'left' || !Number.isSafeInteger(claim.incarnation)) return
    const spokenIll = claim.state !== 'alive' && claim.incarnation >= this.self.incarnation
    if (spokenIll || claim.incarnation > this.self.incarnation) {
      if (spokenIll) this.#prober.noteRefuted()
      this.#changeSelf({}, refutation(this.self.incarnation, claim.incarnation))
    }
  }

  // Verdicts

  #weigh(nodeId: NodeId, evidence: Evidence): void {
    const entry = this.#table.entry(nodeId)
    if (!entry || this.#state !== 'running') return
    if (entry.member.state === 'left') return
    const isOwn = evidence.type === 'silent' && evidence.by === this.self.nodeId
    if (isOwn && this.#prober.isQuiet) return
    const { belief, effects } = step(entry.belief, evidence, {
      now: this.#clock.now(),
      self: this.self.nodeId,
      others: this.#table.aliveBesides(nodeId),
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
        this.#gossip.tellThinly('swim.news', { members: [entry.member] }, nodeId)
        // What is left of a connection may be dead without a sign: only a new one can tell that it is back.
        if (this.#components.peers.isConnected(nodeId)) void this.#mesh.renew(nodeId)
        this.#lookAgain(nodeId)
        return
      case 'accuse': {
        const accusation = { ...claimOf(entry.member), evidence: effect.evidence }
        // Who is the first to notice makes the others look; all notice a broken connection at once.
        const isFirst = entry.belief.phase === 'suspected' && entry.belief.accusers.length === 1
        if (isFirst && effect.evidence === 'silent') this.#gossip.tell('swim.accuse', accusation)
        else this.#gossip.tellThinly('swim.accuse', accusation, nodeId)
        return
      }
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

  /** One witness less, or another health, may change the verdict on suspects. */
  #lookAgain(except?: NodeId): void {
    for (const { member, belief } of this.#table.entries()) {
      if (member.nodeId !== except && belief.phase === 'suspected') this.#weigh(member.nodeId, { type: 'look' })
    }
  }

  #setState(entry: Entry, state: MemberState): void {
    if (entry.member.state !== state) this.#table.replace(entry, { ...entry.member, state })
  }

  // News

  /** Takes news of one member. Anything that is not valid news is dropped. */
  #merge(value: unknown, from: NodeId): void {
    const nodeId: unknown = typeof value === 'object' && value !== null && 'nodeId' in value ? value.nodeId : undefined
    if (typeof nodeId !== 'string') return
    const news = toMember(value, this.roster.get(nodeId))
    if (!news) return
    if (nodeId === this.self.nodeId) {
      this.#hearOfSelf(news)
      return
    }
    const entry = this.#table.entry(nodeId)
    if (!entry) this.#meet(news)
    else if (news.incarnation >= entry.member.incarnation) this.#update(entry, news, from)
  }

  #meet(news: Member): void {
    const state = news.state === 'suspect' ? 'alive' : news.state
    const entry: Entry = { member: { ...news, state }, belief: state === 'dead' ? { phase: 'dead' } : trusted }
    this.#table.add(entry)
    if (state !== 'left') this.#mesh.want(news.nodeId)
  }

  #update(entry: Entry, news: Member, from: NodeId): void {
    const { member, verdict, accused } = digestNews(entry.member, news, from)
    const isBackFromLeft = entry.member.state === 'left' && member.state !== 'left'
    const isHigher = news.incarnation > entry.member.incarnation
    if (verdict) {
      entry.belief = verdict === 'back' ? trusted : { phase: 'dead' }
      entry.timer?.cancel()
    }
    if (verdict === 'left') this.#mesh.drop(news.nodeId)
    this.#table.replace(entry, member)
    if (verdict === 'left') return
    if (isBackFromLeft) this.#mesh.want(news.nodeId)
    if (isHigher && !this.#components.peers.isConnected(news.nodeId)) this.#mesh.nudge(news.nodeId)
    if (accused) this.#weigh(news.nodeId, { type: 'silent', by: from })
  }

  #onConnected(peer: NodeId): void {
    this.#mesh.connected(peer)
    // When one of those that were cut off is back, the others may be too.
    if (this.#table.get(peer)?.state === 'dead') this.#hurryAfterDead()
    this.#weigh(peer, { type: 'answered' })
    this.#rpc.notify(peer, 'swim.news', { members: [this.self] })
    this.#gossip.exchangeSoon(peer)
  }

  #hurryAfterDead(): void {
    for (const { member } of this.#table.entries()) if (member.state === 'dead') this.#mesh.hurry(member.nodeId)
  }

  #onDisconnected(peer: NodeId): void {
    if (this.#state !== 'running') return
    if (!this.#mesh.isRenewing(peer)) this.#weigh(peer, { type: 'lost' })
    // Also when it was dead before its connection broke.
    this.#mesh.nudge(peer)
  }

  #changeSelf(patch: Partial<Member>, incarnation: number = this.self.incarnation + 1): void {
    this.#setSelf(patch, incarnation)
    this.#gossip.tell('swim.news', { members: [this.self] })
  }

  #setSelf(patch: Partial<Member>, incarnation: number = this.self.incarnation + 1): void {
    this.#table.setSelf({ ...this.self, ...patch, incarnation })
  }

  #addressOf(nodeId: NodeId): string | undefined {
    const member = this.#table.get(nodeId)
    return member && member.state !== 'left' ? addressText(member) : undefined
  }
}
