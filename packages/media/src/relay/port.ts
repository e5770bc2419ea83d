import type { Address, Clock, UdpSocket } from '@thor-node/core'
import { RELEARN_GRACE_MS } from '../limits.ts'
import { isRtp, payloadType } from '../rtp/packet.ts'

const same = (a: Address | undefined, b: Address | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.port === b.port && a.host === b.host)

/**
 * One UDP port of the relay, facing one side of a call. It takes packets from one address only:
 *
 *                  first packet, from anywhere
 *     +----------+ --------------------------> +---------+
 *     | learning |                             | learned | -- others' packets --> dropped
 *     +----------+ <-------------------------- +---------+
 *                   this side's SDP changed its address
 *                   (the old one is not believed for RELEARN_GRACE_MS)
 *
 * Before it has learned, it sends to the address of the SDP. A packet from exactly that address is believed even when
 * another was faster. What it takes goes out of `peer`, to where that one has learned.
 */
export class RelayPort {
  readonly #clock: Clock
  #socket: UdpSocket | undefined
  /** Where this side's packets really come from. */
  #learned: Address | undefined
  /** Where this side's SDP says. */
  #wanted: Address | undefined
  #former: Address | undefined
  #formerUntil = 0
  /** The port that faces the other side; undefined: what is taken is counted, and goes nowhere. */
  peer: RelayPort | undefined
  /** RTP taken from this side (not RTCP, STUN or DTLS), UDP payload octets. */
  packets = 0
  bytes = 0
  /** Packets from addresses that are not this side's. */
  strangers = 0
  /** Payload type of the first RTP packet that is not `auxiliary`; −1 before. */
  codecType = -1
  /** Payload types of tones and comfort noise, which are not the codec. */
  auxiliary: ReadonlySet<number> = new Set()
  /** Clock time of the last RTP packet. */
  lastRtpAt: number | undefined

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock
  }

  /** The address that packets come from, or undefined before the first. */
  get remote(): Address | undefined {
    return this.#learned
  }

  attach(socket: UdpSocket): void {
    this.#socket = socket
  }

  async close(): Promise<void> {
    const socket = this.#socket
    this.#socket = undefined
    this.peer = undefined
    await socket?.close()
  }

  /**
   * The address in this side's SDP: `undefined` (hold, a name) changes nothing, another than before re-opens learning.
   */
  want(address: Address | undefined): void {
    if (address === undefined || same(address, this.#wanted)) return
    const moved = this.#wanted !== undefined && this.#learned !== undefined && !same(address, this.#learned)
    this.#wanted = address
    if (!moved) return
    this.#former = this.#learned
    this.#formerUntil = this.#clock.now() + RELEARN_GRACE_MS
    this.#learned = undefined
  }

  /** The hot path: no allocation, nothing read beyond the fixed header. */
  receive(bytes: Uint8Array, from: Address): void {
    const learned = this.#learned
    if (learned === undefined || from.port !== learned.port || from.host !== learned.host) {
      if (!this.#learn(from)) {
        this.strangers += 1
        return
      }
    }
    if (isRtp(bytes)) {
      this.packets += 1
      this.bytes += bytes.length
      this.lastRtpAt = this.#clock.now()
      if (this.codecType < 0) this.#seeCodec(bytes)
    }
    this.peer?.send(bytes)
  }

  send(bytes: Uint8Array): void {
    const to = this.#learned ?? this.#wanted
    if (to !== undefined) this.#socket?.send(bytes, to)
  }

  #seeCodec(bytes: Uint8Array): void {
    const type = payloadType(bytes)
    if (!this.auxiliary.has(type)) this.codecType = type
  }

  #learn(from: Address): boolean {
    if (this.#learned !== undefined) {
      if (!same(from, this.#wanted)) return false
    } else if (same(from, this.#former) && this.#clock.now() < this.#formerUntil) return false
    this.#learned = { host: from.host, port: from.port }
    return true
  }
}
