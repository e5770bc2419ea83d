import { type Clock, ThorError } from '@thor-node/core'
import { BRANCHES_MAX } from '../limits.ts'
import { hostOf } from '../sdp/direction.ts'
import { attribute, formatSdp, type Sdp } from '../sdp/parse.ts'
import { type IcePolicy, isRelayed, rewriteSdp } from '../sdp/rewrite.ts'
import type { MediaRelay, SessionStats } from './contract.ts'
import type { LegComponents, RelayHost } from './leg.ts'
import type { SilenceView } from './silence.ts'
import { RelayStream, type Side } from './stream.ts'

type RewriteQuery = Parameters<MediaRelay['rewrite']>[0]

export interface SessionInit {
  callUuid: string
  /** Of each address family at most one; the first is for whom the family is not known. */
  hosts: readonly [RelayHost, ...RelayHost[]]
  ice: IcePolicy
}

/**
 * The streams of one call. Stream i belongs to the i-th `m=` line of either side (RFC 3264 §6 keeps them in step).
 *
 * Branches: each branch that is offered before anybody has answered gets callee ports of its own; the branch whose SDP
 * came last is connected with the caller. Afterwards an unknown branch name is a new transaction of the same dialog (a
 * re-INVITE), or the next try of a serial fork: it means the branch in use, with its ports, and learns anew when the
 * address is another. Rewrites of one session run one after the other.
 */
export class RelaySession {
  readonly #components: LegComponents & { clock: Clock }
  readonly #init: SessionInit
  readonly #createdAt: number
  readonly #streams: (RelayStream | undefined)[] = []
  readonly #branches = new Set<string>()
  /** What faces the caller, and each branch: the family that a party had first stays. */
  #callerHost: RelayHost | undefined
  readonly #calleeHosts = new Map<string, RelayHost>()
  #branchInUse: string | undefined
  #talkingSince: number | undefined
  #describedAt: number
  #wasHeld = false
  #mayBypass = false
  #closed = false
  /** At least one SDP was taken in. */
  usable = false
  #queue: Promise<unknown> = Promise.resolve()
  /** When silence was last reported. */
  reportedAt: number | undefined

  constructor(components: LegComponents & { clock: Clock }, init: SessionInit) {
    this.#components = components
    this.#init = init
    this.#createdAt = components.clock.now()
    this.#describedAt = this.#createdAt
  }

  rewrite(query: RewriteQuery, sdp: Sdp): Promise<string> {
    const result = this.#queue.then(() => this.#rewrite(query, sdp))
    this.#queue = result.catch(() => undefined)
    return result
  }

  async #rewrite(query: RewriteQuery, sdp: Sdp): Promise<string> {
    const { side, kind } = query
    const branch = this.#branchOf(query)
    const reader = side === 'caller' ? 'callee' : 'caller'
    const hosts = this.#hostsFor(query, sdp, branch)
    const streams = await this.#open(sdp, kind, branch, hosts)
    const ports = streams.map((stream) => stream?.facing(reader, branch))
    // Before anything is taken in, so that an SDP that cannot be rewritten changes nothing.
    const text = formatSdp(rewriteSdp(sdp, hosts[reader].advertised, ports, this.#init.ice))
    for (const [i, stream] of sdp.streams.entries()) {
      streams[i]?.describe(side, branch, kind, sdp, stream)
      if (side === 'callee' && stream.port !== 0) streams[i]?.use(branch)
    }
    if (side === 'callee') this.#branchInUse = branch
    this.#noteTime(sdp)
    this.usable = true
    return text
  }

  #branchOf({ branch, side, kind }: RewriteQuery): string {
    const fork = kind === 'offer' && side === 'caller' && this.#branchInUse === undefined
    if (this.#branches.size === 0 || (fork && this.#branches.size < BRANCHES_MAX)) this.#branches.add(branch)
    if (this.#branches.has(branch)) return branch
    return this.#branchInUse ?? ([...this.#branches][0] as string)
  }

  /** The writer has the family of its description; the reader that of where it is reached. */
  #hostsFor({ side, from, towards }: RewriteQuery, sdp: Sdp, branch: string): Record<Side, RelayHost> {
    const { hosts } = this.#init
    const pick = (address: string): RelayHost =>
      hosts.find(({ bind }) => bind.includes(':') === address.includes(':')) ?? hosts[0]
    const described = sdp.streams.flatMap((stream) => (isRelayed(stream) ? (hostOf(sdp, stream) ?? []) : []))[0]
    const writer = pick(described ?? from.host)
    const reader = towards ? pick(towards.host) : writer
    this.#callerHost ??= side === 'caller' ? writer : reader
    const callee = this.#calleeHosts.get(branch) ?? (side === 'caller' ? reader : writer)
    this.#calleeHosts.set(branch, callee)
    return { caller: this.#callerHost, callee }
  }

  /** The streams of `sdp` that go through here, with legs for `branch`. Only offers make new ones. */
  async #open(
    sdp: Sdp,
    kind: RewriteQuery['kind'],
    branch: string,
    hosts: Record<Side, RelayHost>,
  ): Promise<(RelayStream | undefined)[]> {
    for (const [i, { media, port }] of sdp.streams.entries()) {
      if (!isRelayed(sdp.streams[i] as Sdp['streams'][number])) continue
      this.#assertOpen()
      if (this.#streams[i] === undefined && kind === 'offer' && port !== 0) {
        this.#streams[i] = await this.#keep(await RelayStream.open(this.#components, hosts.caller, media))
      }
      if (port !== 0) await this.#streams[i]?.ensure(branch, hosts.callee)
    }
    this.#assertOpen()
    return sdp.streams.map((stream, i) => (isRelayed(stream) ? this.#streams[i] : undefined))
  }

  /** A stream that was opened while the session was released has nobody else to close it. */
  async #keep(stream: RelayStream): Promise<RelayStream> {
    if (this.#closed) await stream.close()
    this.#assertOpen()
    return stream
  }

  #assertOpen(): void {
    if (!this.#closed) return
    throw new ThorError('MEDIA_SESSION_UNKNOWN', `call ${this.#init.callUuid} was released while its SDP was rewritten`)
  }

  #noteTime(sdp: Sdp): void {
    const now = this.#components.clock.now()
    const { held } = this
    const answered = this.#streams.some((stream) => stream?.answered)
    const neverHeard = this.#lastRtpAt === undefined
    if (answered && (this.#talkingSince === undefined || neverHeard || (this.#wasHeld && !held))) {
      this.#talkingSince = now
    }
    this.#wasHeld = held
    this.#describedAt = now
    const candidates = sdp.streams.some((stream) => attribute(stream.lines, 'candidate') !== undefined)
    if (candidates && this.#init.ice !== 'relay-only') this.#mayBypass = true
  }

  get held(): boolean {
    return !this.#streams.some((stream) => stream?.alive && !stream.held)
  }

  get #lastRtpAt(): number | undefined {
    const times = this.#streams.flatMap((stream) => stream?.lastRtpAt ?? [])
    return times.length === 0 ? undefined : Math.max(...times)
  }

  silence(): SilenceView {
    return {
      talkingSince: this.#talkingSince,
      lastRtpAt: this.#lastRtpAt,
      describedAt: this.#describedAt,
      // Media that may go around us cannot be called silent.
      held: this.held || this.#mayBypass,
      reportedAt: this.reportedAt,
    }
  }

  stats(): SessionStats {
    const now = this.#components.clock.now()
    const last = this.#lastRtpAt
    return {
      callUuid: this.#init.callUuid,
      durationMs: now - this.#createdAt,
      silentMs: last === undefined ? undefined : now - last,
      streams: this.#streams.flatMap((stream) => {
        if (stream === undefined) return []
        const silent = stream.lastRtpAt === undefined && stream.alive && this.reportedAt !== undefined
        return [stream.stats(silent)]
      }),
    }
  }

  /** Idempotent; resolves when every port is back in the pool. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#streams.map((stream) => stream?.close()))
    // A rewrite under way may have opened a leg meanwhile; it ends with an error, and the leg is closed here.
    await this.#queue
    await Promise.all(this.#streams.map((stream) => stream?.close()))
  }
}
