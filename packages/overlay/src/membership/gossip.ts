import { type Clock, errorCode, every, type Lifecycle, type Logger, type Random } from '@thor-node/core'
import { membershipLimits } from '../limits.ts'
import type { NodeId, PeerNet } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import type { Members } from './contract.ts'
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
  members: Pick<Members, 'self' | 'list' | 'isLive'>
  isRunning(): boolean
  /** One piece of news, not checked yet. */
  onNews(news: unknown, from: NodeId): void
}

interface Sync {
  members: unknown
  /** Digest of the sender's roster. */
  roster: unknown
  /** What the receiver may lack: only when the digests differ. */
  news?: RosterNews
}

/** How news and certificates travel: to all connected members at once, and by full exchanges with one at a time. */
export class Gossip implements Lifecycle {
  readonly #components: GossipComponents
  readonly #init: GossipInit
  readonly #log: Logger
  #stopExchanges: (() => void) | undefined

  constructor(components: GossipComponents, init: GossipInit) {
    this.#components = components
    this.#init = init
    this.#log = components.log.forComponent('overlay:membership')
  }

  async start(): Promise<void> {
    const { rpc, clock, random } = this.#components
    rpc.serve('swim.sync', (sync: Sync, from) => this.#onSync(sync, from))
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
  }

  connected(): NodeId[] {
    const { peers, members } = { ...this.#components, ...this.#init }
    return members.list().flatMap(({ nodeId }) => (peers.isConnected(nodeId) ? [nodeId] : []))
  }

  tell(method: string, body: unknown): void {
    if (!this.#init.isRunning()) return
    for (const nodeId of this.connected()) this.#components.rpc.notify(nodeId, method, body)
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
    const body: Sync = { members: members.list(), roster: roster.digest }
    try {
      const answer = await rpc.call<Sync>(peer, 'swim.sync', body, { timeoutMs: settings.syncTimeoutMs })
      roster.take(answer.news)
      this.#take(answer.members, peer)
      if (answer.roster !== roster.digest) rpc.notify(peer, 'swim.roster', roster.contents)
    } catch (error) {
      this.#log.debug('exchange failed', { peer, code: errorCode(error) })
    }
  }

  async #exchangeWithOne(): Promise<void> {
    const connected = this.connected()
    const peer = connected[this.#components.random.int(Math.max(1, connected.length))]
    if (peer) await this.exchange(peer)
  }

  #onSync(sync: Sync, from: NodeId): Sync {
    const { roster } = this.#components
    this.#take(sync?.members, from)
    const news = sync?.roster === roster.digest ? undefined : roster.contents
    return { members: this.#init.members.list(), roster: roster.digest, news }
  }

  #take(members: unknown, from: NodeId): void {
    if (!Array.isArray(members)) return
    for (const member of members.slice(0, membershipLimits.entriesPerMessageMax)) this.#init.onNews(member, from)
  }
}
