import {
  type Clock,
  errorCode,
  every,
  type Lifecycle,
  type Logger,
  type Random,
  shuffled,
  type Timer,
} from '@thor-node/core'
import { membershipLimits } from '../limits.ts'
import type { NodeId, PeerNet } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import type { Member, Members } from './contract.ts'
import type { Roster, RosterNews } from './roster.ts'
import type { MembershipSettings } from './settings.ts'

export interface GossipComponents {
  peers: PeerNet
  rpc: Rpc
  roster: Roster
  clock: Clock
  random: Random
  log: Logger
}

export interface GossipInit {
  settings: MembershipSettings
  members: Pick<Members, 'self' | 'list' | 'isLive'> & { readonly digest: string }
  isRunning(): boolean
  /** One piece of news, not checked yet. */
  onNews(news: unknown, from: NodeId): void
}

/** What one side of an exchange knows: digests, and in an answer that which differs. */
interface Sync {
  digest: unknown
  /** Digest of the sender's roster. */
  roster: unknown
  members?: unknown
  news?: RosterNews
}

/** Of the peers that came while one exchange was under way. */
const WAITING_MAX = 64
const EXCHANGES_AT_ONCE = 3

/**
 * How news and certificates travel: to all connected members at once, and by exchanges, with one member at a time and with
 * those that connect. An exchange costs two digests when both know the same.
 */
export class Gossip implements Lifecycle {
  readonly #components: GossipComponents
  readonly #init: GossipInit
  readonly #log: Logger
  /** To be exchanged with, see `exchangeSoon`. */
  readonly #waiting = new Set<NodeId>()
  #stopExchanges: (() => void) | undefined
  #soon: Timer | undefined
  #exchanged = false

  constructor(components: GossipComponents, init: GossipInit) {
    this.#components = components
    this.#init = init
    this.#log = components.log.forComponent('overlay:membership')
  }

  async start(): Promise<void> {
    const { rpc, clock, random } = this.#components
    rpc.serve('swim.sync', (sync: Sync) => this.#onSync(sync))
    rpc.serve('swim.news', (news: { members: unknown }, from) => this.#take(news?.members, from))
    rpc.serve('swim.roster', (news: RosterNews) => this.#components.roster.take(news))
    const { syncPeriodMs } = this.#init.settings
    const exchange = every(
      clock,
      syncPeriodMs,
      () => this.#exchangeWithOne(),
      (error) => this.#log.error('an exchange failed', { error }),
      random.int(syncPeriodMs) + 1,
    )
    this.#stopExchanges = () => exchange.cancel()
  }

  async stop(): Promise<void> {
    this.#stopExchanges?.()
    this.#stopExchanges = undefined
    this.#soon?.cancel()
    this.#waiting.clear()
  }

  connected(): NodeId[] {
    const { peers, members } = { ...this.#components, ...this.#init }
    return members.list().flatMap(({ nodeId }) => (peers.isConnected(nodeId) ? [nodeId] : []))
  }

  tell(method: string, body: unknown): void {
    if (!this.#init.isRunning()) return
    for (const nodeId of this.connected()) this.#components.rpc.notify(nodeId, method, body)
  }

  /**
   * What every member finds out for itself needs few to say it. In rings of more than `tellersMax` each tells all with a
   * chance by which about so many do; `always` is told in any case.
   */
  tellThinly(method: string, body: unknown, always: NodeId): void {
    const { rpc, random } = this.#components
    const { tellersMax } = this.#init.settings
    if (random.float() * this.#init.members.list().length < tellersMax) this.tell(method, body)
    else if (this.#init.isRunning()) rpc.notify(always, method, body)
  }

  /** Resolves when all live members have it, or did not answer in time. */
  async tellAll(method: string, body: unknown): Promise<void> {
    const { members, settings } = this.#init
    const live = this.connected().filter((id) => members.isLive(id))
    const options = { timeoutMs: settings.syncTimeoutMs }
    await Promise.allSettled(live.map((id) => this.#components.rpc.call(id, method, body, options)))
  }

  /** Both sides end with the union of what they know. Never throws. */
  async exchange(peer: NodeId): Promise<void> {
    const { rpc, roster } = this.#components
    const { members, settings } = this.#init
    const body: Sync = { digest: members.digest, roster: roster.digest }
    try {
      const answer = await rpc.call<Sync>(peer, 'swim.sync', body, { timeoutMs: settings.syncTimeoutMs })
      this.#exchanged = true
      roster.take(answer.news)
      this.#take(answer.members, peer)
      const lacking = newerThan(members.list(), answer.members)
      if (lacking.length > 0) rpc.notify(peer, 'swim.news', { members: lacking })
      if (answer.roster !== roster.digest) rpc.notify(peer, 'swim.roster', roster.contents)
    } catch (error) {
      this.#log.debug('exchange failed', { peer, code: errorCode(error) })
    }
  }

  /**
   * Exchanges with a peer in a moment, some at a time: when many come at once, as after a start or a partition, the first few
   * have told everything, and the others agree on digests.
   */
  exchangeSoon(peer: NodeId): void {
    if (this.#waiting.size < WAITING_MAX) this.#waiting.add(peer)
    this.#exchangeLater(this.#exchanged ? 100 + this.#components.random.int(200) : 0)
  }

  #exchangeLater(afterMs: number): void {
    if (this.#soon || !this.#init.isRunning()) return
    this.#soon = this.#components.clock.after(afterMs, async () => {
      const chosen = shuffled(this.#components.random, [...this.#waiting]).slice(0, EXCHANGES_AT_ONCE)
      for (const one of chosen) this.#waiting.delete(one)
      await Promise.all(chosen.map((one) => this.exchange(one)))
      this.#soon = undefined
      if (this.#waiting.size > 0) this.#exchangeLater(100)
    })
  }

  async #exchangeWithOne(): Promise<void> {
    const connected = this.connected()
    const peer = connected[this.#components.random.int(Math.max(1, connected.length))]
    if (peer) await this.exchange(peer)
  }

  #onSync(sync: Sync): Sync {
    const { roster } = this.#components
    const { members } = this.#init
    const answer: Sync = { digest: members.digest, roster: roster.digest }
    if (sync?.digest !== members.digest) answer.members = members.list()
    if (sync?.roster !== roster.digest) answer.news = roster.contents
    return answer
  }

  #take(members: unknown, from: NodeId): void {
    if (!Array.isArray(members)) return
    for (const member of members.slice(0, membershipLimits.entriesPerMessageMax)) this.#init.onNews(member, from)
  }
}

/** Those of `members` that a list from elsewhere lacks, or has in an older or a better state. None when there is no list. */
function newerThan(members: readonly Member[], theirs: unknown): Member[] {
  if (!Array.isArray(theirs)) return []
  const known = new Map<unknown, { incarnation?: unknown; state?: unknown }>()
  for (const one of theirs) if (typeof one === 'object' && one !== null) known.set(one.nodeId, one)
  return members.filter(({ nodeId, incarnation, state }) => {
    const other = known.get(nodeId)
    return !other || other.incarnation !== incarnation || other.state !== state
  })
}
