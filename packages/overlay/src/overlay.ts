import {
  type Clock,
  type DiskSpace,
  type Lifecycle,
  type Logger,
  type Random,
  type RangeId,
  type RecordStore,
  sleep,
  stopAll,
  ThorError,
} from '@thor-node/core'
import { Authority, type IssuerState } from './admission/authority.ts'
import type { RootKey } from './admission/issuer.ts'
import { Renewer } from './admission/renewer.ts'
import type { Alarm } from './condition/alarms.ts'
import { Condition } from './condition/condition.ts'
import { callHome } from './home-call.ts'
import { Lives } from './life/lives.ts'
import type { Member, Members, ServiceAddresses } from './membership/contract.ts'
import { Gatekeeper, type PutOut } from './membership/gatekeeper.ts'
import { Membership } from './membership/members.ts'
import type { Roster, RosterNews } from './membership/roster.ts'
import type { SavedRoster } from './membership/roster-keeper.ts'
import { type MembershipSettings, membershipProfiles, type Profile } from './membership/settings.ts'
import type { NodeId, PeerNet } from './peers.ts'
import { Balancer } from './ranges/balancer.ts'
import { ConfigTable } from './ranges/config-table.ts'
import type { Ranges } from './ranges/contract.ts'
import { RangeView } from './ranges/home.ts'
import { type ChangeLimits, defaultChangeLimits } from './ranges/limits.ts'
import { livePlacement } from './ranges/live-placement.ts'
import type { MoveGroup } from './ranges/progress.ts'
import { type Recovered, Recovery } from './ranges/recover.ts'
import { ConfigSpread } from './ranges/spread.ts'
import { Verifier } from './ranges/verify.ts'
import { PeerRpc } from './rpc/rpc.ts'
import { AcceptorStore } from './store/acceptor-store.ts'
import { AntiEntropy } from './store/anti-entropy.ts'
import type { GroupCommit } from './store/group-commit.ts'
import { Registers } from './store/reg.ts'
import { Scrub, type ScrubInit } from './store/scrub.ts'
import { SetRecords } from './store/set.ts'
import { SoftRecords } from './store/soft.ts'
import { Transfer } from './store/transfer.ts'

export interface OverlayComponents {
  clock: Clock
  random: Random
  logger: Logger
  /** Open, and nobody else's. */
  disk: GroupCommit
  peers: PeerNet
  /** Holds the certificate of this node at least. */
  roster: Roster
  findAddresses?(nodeId: NodeId): Promise<string[]>
  saveRoster?(saved: SavedRoster): void | Promise<void>
  /** See `Authority`. */
  root?(): Promise<RootKey | undefined>
  saveIssuer?(state: IssuerState): Promise<void>
  /** The ring has put this node out: it must be stopped, and not be started again. */
  onPutOut?(out: PutOut): void
  /** What is free under the disk; without it only the disk itself can say that it is full. */
  space?(): Promise<DiskSpace>
  /** The disk is an old copy: a peer (`by`) remembers a later state of this node. It does not vote, and must end. */
  onStale?(by: NodeId): void
}

export interface OverlayInit {
  /** Creates the ranges: the first node of a ring, at its first start. */
  genesis: boolean
  /** Grows by one with each start of this node; kept on its disk. */
  bootCounter: number
  /** By order of an operator: the disk is taken though peers remember a later state of it. @default false */
  acceptOldCopy?: boolean
  version: string
  weight?: number
  services: ServiceAddresses
  known?: readonly Member[]
  /** The issuer key of this node, if it has one. */
  issuer?: IssuerState
  /** Of certificates that this node signs. */
  certificateMs?: number
  /** How far nodes are apart. @default 'lan' */
  profile?: Profile
  membership?: Partial<MembershipSettings>
  changes?: Partial<ChangeLimits>
  /** What moving and repairing ranges may send, and receive. @default 8 MB */
  copyBytesPerSecond?: number
  configSyncMs?: number
  /** Rings in simulations have fewer ranges, to be quick. @default RANGE_COUNT */
  rangeCount?: number
  scrub?: ScrubInit
  /** Which of several bodies of one SET record counts (`SetRecords`). */
  choose?: (name: string, bodies: readonly unknown[]) => unknown
}

const CONFIG_SYNC_MS = 10_000
const JOIN_RETRY_MS = 200
const JOIN_PATIENCE_MS = 30_000
/** Incarnations of one life of the node stay below those of the next. */
const INCARNATIONS_PER_BOOT = 2 ** 20

/**
 * One node's part of the ring: who is there, who is home, and the records. Composes what the folders beside it hold; the
 * network below it is libp2p or, in simulations, memory.
 */
export class Overlay implements Lifecycle {
  readonly self: NodeId
  readonly profile: Profile
  readonly rpc: PeerRpc
  readonly members: Members
  readonly ranges: Ranges
  readonly store: RecordStore
  readonly configs: ConfigTable
  /** Opens ranges whose majority is gone for good. */
  readonly recovery: Recovery
  /** Compares the copies of ranges. */
  readonly verifier: Verifier
  readonly roster: Roster
  /** Certificates: issues, renews, revokes. */
  readonly authority: Authority
  readonly #renewer: Renewer
  readonly #gatekeeper: Gatekeeper
  readonly #peers: PeerNet
  readonly #membership: Membership
  /** Whether this disk is the latest that others know of. */
  readonly lives: Lives
  readonly #condition: Condition
  /** Checks the whole disk, again and again. */
  readonly scrub: Scrub
  readonly #view: RangeView
  /** Order-free digest of this node's copy of a range, to compare copies. */
  readonly digest: (primitive: 'reg' | 'set' | 'soft', range: RangeId) => Promise<string>
  readonly #set: SetRecords
  readonly #soft: SoftRecords
  readonly #reg: Registers
  readonly #spread: ConfigSpread
  readonly #balancer: Balancer
  readonly #antiEntropy: AntiEntropy
  readonly #transfer: Transfer
  readonly #genesis: boolean
  readonly #clock: Clock
  #started: Lifecycle[] = []

  constructor(components: OverlayComponents, init: OverlayInit) {
    const { clock, random, logger: log, disk, peers, roster } = components
    const self = peers.self
    const certificate = roster.get(self)
    if (!certificate) throw new RangeError('the roster lacks the certificate of this node')
    this.self = self
    this.profile = init.profile ?? 'lan'
    this.#peers = peers
    this.#genesis = init.genesis
    this.#clock = clock
    const rpc = new PeerRpc({ peers, clock, log })
    this.rpc = rpc
    const { findAddresses, saveRoster } = components
    this.#membership = new Membership(
      { peers, rpc, roster, clock, random, log, findAddresses, saveRoster },
      {
        certificate,
        incarnation: init.bootCounter * INCARNATIONS_PER_BOOT,
        version: init.version,
        weight: init.weight,
        services: init.services,
        known: init.known,
        settings: { ...membershipProfiles[this.profile], ...init.membership },
      },
    )
    const members = this.#membership
    this.members = members
    this.roster = roster
    const { root, saveIssuer, onPutOut } = components
    const announce = (news: RosterNews): Promise<void> => this.#membership.announce(news)
    this.authority = new Authority(
      { clock, random, log, rpc, roster, members, announce, root, saveIssuer },
      { ...init.issuer, self, lifetimeMs: init.certificateMs },
    )
    this.#renewer = new Renewer({ clock, random, log, roster, authority: this.authority }, { self })
    const expel = (nodeId: NodeId): void => this.#membership.expel(nodeId)
    this.#gatekeeper = new Gatekeeper({ peers, rpc, roster, members, clock, random, log, expel, onPutOut })
    const { onStale } = components
    const lives = new Lives(
      { clock, random, log, rpc, members, disk },
      { self, forced: init.acceptOldCopy, onStale: onStale && ((by) => onStale(by)) },
    )
    this.lives = lives
    this.#condition = new Condition(
      { clock, random, log, rpc, members, disk, space: components.space },
      { onChange: (troubles) => this.#membership.setTroubles(troubles) },
    )
    this.configs = new ConfigTable(
      { disk, rpc },
      { self, rangeCount: init.rangeCount, mayVote: (config) => lives.mayVote(config) },
    )
    const { configs } = this
    this.#view = new RangeView({ members, configs }, { self })
    this.ranges = this.#view
    const transfer = new Transfer(
      { clock, rpc, backlogBytes: (to) => peers.backlogBytes?.(to) ?? 0 },
      { bytesPerSecond: init.copyBytesPerSecond },
    )
    this.#transfer = transfer
    const acceptors = new AcceptorStore({ clock, disk, rpc, configs, transfer })
    const reg = new Registers({ clock, random, rpc, configs, members, acceptors, transfer }, { self })
    this.#reg = reg
    this.#set = new SetRecords({ clock, disk, rpc, configs, members, log, transfer }, { choose: init.choose })
    const placement = livePlacement(members, configs.count)
    this.#soft = new SoftRecords({ clock, random, rpc, configs, members, placement, log, disk, transfer })
    for (const records of [acceptors, this.#set, this.#soft]) configs.attach(records)
    this.store = { reg, set: this.#set, soft: this.#soft }
    this.digest = (primitive, range) => ({ reg: acceptors, set: this.#set, soft: this.#soft })[primitive].digest(range)
    const { alarms } = this.#condition
    this.scrub = new Scrub(
      { clock, log, disk, members, configs, alarms, acceptors, set: this.#set, soft: this.#soft },
      init.scrub,
    )
    this.#antiEntropy = new AntiEntropy(
      { clock, random, peers: rpc, members, configs, log },
      { records: [acceptors, this.#set, this.#soft] },
    )
    this.#spread = new ConfigSpread(
      { clock, random, log, rpc, members, configs },
      { self, syncMs: init.configSyncMs ?? CONFIG_SYNC_MS },
    )
    this.#balancer = new Balancer(
      {
        clock,
        random,
        log,
        rpc,
        members,
        configs,
        ranges: this.#view,
        spread: this.#spread,
        reg,
        acceptors,
        copied: [this.#set, this.#soft],
      },
      { self, limits: init.changes },
    )
    this.verifier = new Verifier({
      clock,
      log,
      rpc,
      configs,
      records: { reg: acceptors, set: this.#set, soft: this.#soft },
    })
    this.recovery = new Recovery(
      {
        clock,
        log,
        rpc,
        members,
        configs,
        spread: this.#spread,
        deadForMs: (nodeId) => this.#balancer.deadForMs(nodeId),
        records: [this.#set, this.#soft, acceptors],
        audit: (key, body) => this.#set.put(key, body),
      },
      { self, lostAfterMs: init.changes?.lostAfterMs ?? defaultChangeLimits.lostAfterMs },
    )
  }

  /** Resolves when this node knows where every range is. It serves others' requests from then on. */
  async start(): Promise<void> {
    if (this.#started.length > 0) return
    await this.lives.open()
    await this.configs.load()
    if (this.#genesis) await this.configs.genesis()
    this.#view.refresh()
    for (const part of [
      this.#gatekeeper,
      this.lives,
      this.#condition,
      this.#peers,
      this.#membership,
      this.#renewer,
      this.#set,
      this.#soft,
      this.#spread,
      this.#balancer,
      this.#antiEntropy,
      this.scrub,
    ]) {
      this.#started.push(part)
      await part.start()
      if (part === this.#membership && this.configs.unknown > 0) await this.#catchUpWithConfigs()
    }
  }

  async stop(): Promise<void> {
    const parts = this.#started
    this.#started = []
    this.#reg.close()
    await stopAll(parts)
    this.#view.close()
  }

  /** This node's copies are as new as those of the others. */
  get caughtUp(): boolean {
    return this.#balancer.caughtUp && this.#soft.filled
  }

  /** Ranges that are not where they should be, in groups, with how far they came. */
  moves(): MoveGroup[] {
    return this.#balancer.moves()
  }

  /** Bytes of moves and repairs since the start of this node. */
  get copied(): { inBytes: number; outBytes: number } {
    const { inBytes, outBytes } = this.#transfer.snapshot()
    return { inBytes, outBytes }
  }

  /** What an operator should know about this node now. */
  alarms(): Alarm[] {
    return this.#condition.alarms.list()
  }

  /**
   * For all that stamps what lasts or judges stamps of other nodes: the clock of this node, or, while that is more than ten
   * seconds from those of most nodes, theirs.
   */
  get ringClock(): Clock {
    const clock = this.#clock
    const wall = (): number => this.#condition.clock.ringWall
    return { now: () => clock.now(), after: (afterMs, fn) => clock.after(afterMs, fn), wall }
  }

  /** False while this clock is more than ten seconds from those of most nodes. */
  get clockTrusted(): boolean {
    return this.#condition.clock.state !== 'wrong'
  }

  /** Tells everybody whether this node takes new work. */
  setServing(serving: boolean): void {
    this.#membership.setServing(serving)
  }

  updateServices(services: ServiceAddresses): void {
    this.#membership.updateServices(services)
  }

  /** Says goodbye: others need not find out. */
  sayLeft(): Promise<void> {
    return this.#membership.leave()
  }

  /** Hands all ranges to others; resolves when this node holds nothing. */
  handOver(signal?: AbortSignal): Promise<void> {
    return this.#balancer.leave(signal)
  }

  /**
   * Opens one range whose majority is gone for good; what only the lost ones had is lost. Throws as `Recovery.recover` does
   * when a majority answers or a member is not gone for long enough. `by`: who wants it, for the record.
   */
  async recover(range: RangeId, by = 'operator'): Promise<Recovered> {
    const [recovered] = await this.recovery.recover([range], by)
    if (!recovered) throw new ThorError('RANGES_STALE', `range ${range} went on meanwhile; look again`)
    return recovered
  }

  /** See `callHome`. */
  callHome<A>(range: RangeId, method: string, body: unknown): Promise<A> {
    return callHome<A>(this, range, method, body)
  }

  snapshot(): Record<string, unknown> {
    return {
      transfer: this.#transfer.snapshot(),
      life: this.lives.snapshot(),
      condition: this.#condition.snapshot(),
      scrub: this.scrub.report,
      balancer: this.#balancer.snapshot(),
      reg: this.#reg.snapshot(),
      set: this.#set.snapshot(),
      soft: this.#soft.snapshot(),
    }
  }

  /** A member that was away may know nobody yet: connections come within moments. */
  async #catchUpWithConfigs(): Promise<void> {
    const until = this.#clock.now() + JOIN_PATIENCE_MS
    for (;;) {
      try {
        return await this.#spread.join()
      } catch (error) {
        if (this.#clock.now() > until) {
          const message = 'range configs on this disk are damaged, and no other node tells them'
          throw this.configs.mute.length > 0 ? new ThorError('RANGES_CONFIG_CORRUPT', message, { cause: error }) : error
        }
        await sleep(this.#clock, JOIN_RETRY_MS)
      }
    }
  }
}
