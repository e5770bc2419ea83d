import { codecMap, codecName } from '../sdp/codecs.ts'
import { isHold } from '../sdp/direction.ts'
import type { Sdp, SdpStream } from '../sdp/parse.ts'
import { wantedAddresses } from '../sdp/rewrite.ts'
import type { StreamStats } from './contract.ts'
import { Leg, type LegComponents, type RelayHost } from './leg.ts'

export type Side = 'caller' | 'callee'

/**
 * One stream of a call: one leg towards the caller, and one towards the callee for each branch of the fork. Media flows
 * between the caller and the branch in use; what other branches send is taken and goes nowhere.
 *
 *     caller <--> [caller leg]  <-->  [callee leg, branch in use] <--> callee
 *                                     [callee leg, other branch ] <--- rings, or has lost
 */
export class RelayStream {
  readonly #components: LegComponents
  readonly #caller: Leg
  readonly #callees = new Map<string, Leg>()
  #used: Leg | undefined
  #media: string
  #offered = true
  #rejected = false
  #closed = false

  private constructor(components: LegComponents, media: string, caller: Leg) {
    this.#components = components
    this.#media = media
    this.#caller = caller
  }

  /** `host` faces the caller. */
  static async open(components: LegComponents, host: RelayHost, media: string): Promise<RelayStream> {
    return new RelayStream(components, media, await Leg.open(components, host))
  }

  /** Does somebody want media on it? */
  get alive(): boolean {
    return this.#offered && !this.#rejected && !this.#closed
  }

  /** Has either side put the other on hold? */
  get held(): boolean {
    return this.#caller.held || (this.#used?.held ?? false)
  }

  /** Both sides' addresses are known. */
  get answered(): boolean {
    return this.#caller.described && (this.#used?.described ?? false)
  }

  /** Clock time of the last RTP packet of the caller or any branch; undefined before the first. */
  get lastRtpAt(): number | undefined {
    return this.#all().reduce<number | undefined>((last, leg) => {
      const at = leg.rtp.lastRtpAt
      return at === undefined || (last !== undefined && last > at) ? last : at
    }, undefined)
  }

  /** Makes sure that `branch` has a leg; a new one on `host`. */
  async ensure(branch: string, host: RelayHost): Promise<void> {
    if (this.#callees.has(branch)) return
    const leg = await Leg.open(this.#components, host)
    this.#callees.set(branch, leg)
    // The only branch there is may talk before its answer has passed here.
    if (this.#callees.size === 1) this.use(branch)
  }

  /** Connects the caller with this branch; the others are heard no more. */
  use(branch: string): void {
    const next = this.#callees.get(branch)
    if (next === undefined || next === this.#used) return
    this.#used?.leadTo(undefined)
    this.#used = next
    next.leadTo(this.#caller)
    this.#caller.leadTo(next)
  }

  /** Takes in what one side says of the stream. */
  describe(side: Side, branch: string, kind: 'offer' | 'answer', sdp: Sdp, stream: SdpStream): void {
    this.#media = stream.media
    if (stream.port === 0) {
      if (kind === 'offer') this.#offered = false
      else if (this.#offered) this.#rejected = true
      return
    }
    if (kind === 'offer') this.#offered = true
    this.#rejected = false
    const leg = side === 'caller' ? this.#caller : this.#callees.get(branch)
    if (!leg) return
    const wanted = wantedAddresses(sdp, stream)
    leg.rtp.want(wanted.rtp)
    leg.rtcp.want(wanted.rtcp)
    leg.setCodecs(codecMap(stream))
    leg.held = isHold(sdp, stream)
    leg.described = true
  }

  /** The ports that face a party: they go into the SDP which that party reads. */
  facing(side: Side, branch: string): Leg['ports'] | undefined {
    return side === 'caller' ? this.#caller.ports : this.#callees.get(branch)?.ports
  }

  stats(silent: boolean): StreamStats {
    const callee = this.#used
    const branches = [...this.#callees.values()]
    const local = (leg: Leg | undefined) => {
      return { host: (leg ?? this.#caller).host.advertised, port: leg?.ports.rtp ?? 0 }
    }
    return {
      mediaType: this.#media,
      callerCodec: this.#codec(this.#caller, callee),
      calleeCodec: this.#codec(callee, this.#caller),
      callerBytes: this.#caller.rtp.bytes,
      calleeBytes: branches.reduce((sum, leg) => sum + leg.rtp.bytes, 0),
      callerPackets: this.#caller.rtp.packets,
      calleePackets: branches.reduce((sum, leg) => sum + leg.rtp.packets, 0),
      callerRemote: this.#caller.rtp.remote,
      calleeRemote: callee?.rtp.remote,
      callerLocal: local(this.#caller),
      calleeLocal: local(callee),
      status: this.#status(silent),
    }
  }

  close(): Promise<void> {
    this.#closed = true
    return Promise.all(this.#all().map((leg) => leg.close())).then(() => undefined)
  }

  #status(silent: boolean): StreamStats['status'] {
    if (this.#rejected) return 'rejected'
    if (silent) return 'no-traffic timeout'
    if (this.#closed || !this.#offered) return 'closed'
    return this.held ? 'on hold' : 'active'
  }

  /** A party sends with the payload types that the other asked for (RFC 3264 §5.1), so the other's SDP is asked first. */
  #codec(from: Leg | undefined, to: Leg | undefined): string {
    const type = from?.rtp.codecType ?? -1
    return type < 0 ? 'Unknown' : codecName(type, [to?.codecs, from?.codecs])
  }

  #all(): Leg[] {
    return [this.#caller, ...this.#callees.values()]
  }
}
