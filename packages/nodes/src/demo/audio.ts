/** The sound of one call at one phone: RTP (RFC 3550) with a tone out, and an ear on what comes in. */
import type { Address, Clock, Net, Random, Timer, UdpSocket } from '@thor-node/core'
import { FRAME_SAMPLES, ToneDetector, ToneSource } from './tone.ts'

const FRAME_MS = 20
const HEADER_BYTES = 12
const PAYLOAD_TYPE_PCMU = 0
/** After a stall, at most so many frames are sent at once; the rest of the time is skipped. */
const CATCH_UP_FRAMES_MAX = 10

export interface AudioComponents {
  clock: Clock
  random: Random
  net: Net
}

export interface AudioInit {
  host: string
  /** What it sends. */
  toneHz: number
  /** What it listens for. */
  peerToneHz: number
}

/** Counts since the start of the call. */
export interface Heard {
  at: number
  sent: number
  received: number
  /** Sound in which the peer's tone was recognised. */
  heardMs: number
}

/** The payload of an RTP packet with our codec, or undefined. Header extensions and CSRCs are skipped, padding is cut. */
export function rtpPayload(bytes: Buffer): Uint8Array | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt8(0) >> 6 !== 2) return undefined
  if ((bytes.readUInt8(1) & 0x7f) !== PAYLOAD_TYPE_PCMU) return undefined
  const first = bytes.readUInt8(0)
  let start = HEADER_BYTES + 4 * (first & 0x0f)
  if (first & 0x10) {
    if (bytes.length < start + 4) return undefined
    start += 4 + 4 * bytes.readUInt16BE(start + 2)
  }
  const end = first & 0x20 ? bytes.length - bytes.readUInt8(bytes.length - 1) : bytes.length
  return start <= end ? bytes.subarray(start, end) : undefined
}

export class AudioStream {
  readonly #clock: Clock
  readonly #net: Net
  readonly #host: string
  readonly #source: ToneSource
  readonly #ear: ToneDetector
  readonly #ssrc: number
  #sequence: number
  #timestamp: number
  #socket: UdpSocket | undefined
  #remote: Address | undefined
  #timer: Timer | undefined
  #nextAt = 0
  #sent = 0
  #received = 0
  #lastAt: number | undefined
  #gapMs = 0

  constructor({ clock, random, net }: AudioComponents, { host, toneHz, peerToneHz }: AudioInit) {
    this.#clock = clock
    this.#net = net
    this.#host = host
    this.#source = new ToneSource(toneHz)
    this.#ear = new ToneDetector(peerToneHz)
    this.#ssrc = random.int(2 ** 32)
    this.#sequence = random.int(2 ** 16)
    this.#timestamp = random.int(2 ** 32)
  }

  /** Opens the socket; the address goes into SDP. */
  async open(): Promise<Address> {
    this.#socket ??= await this.#net.udp({ host: this.#host, port: 0 }, (bytes) => this.#onPacket(bytes))
    return this.#socket.local
  }

  /** Begins to talk to `remote`. */
  talk(remote: Address): void {
    this.#remote = remote
    if (this.#timer) return
    this.#nextAt = this.#clock.now()
    this.#tick()
  }

  get remote(): Address | undefined {
    return this.#remote
  }

  heard(): Heard {
    return { at: this.#clock.now(), sent: this.#sent, received: this.#received, heardMs: this.#ear.heardMs }
  }

  /** The longest time without a packet since the last call of this, up to now. */
  takeGapMs(): number {
    const now = this.#clock.now()
    const gap = Math.max(this.#gapMs, this.#lastAt === undefined ? 0 : now - this.#lastAt)
    this.#gapMs = 0
    return gap
  }

  async close(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#remote = undefined
    await this.#socket?.close()
  }

  #tick(): void {
    const now = this.#clock.now()
    const late = Math.floor((now - this.#nextAt) / FRAME_MS)
    if (late > CATCH_UP_FRAMES_MAX) this.#nextAt += (late - CATCH_UP_FRAMES_MAX) * FRAME_MS
    for (; this.#nextAt <= now; this.#nextAt += FRAME_MS) this.#sendFrame()
    this.#timer = this.#clock.after(Math.max(0, this.#nextAt - now), () => this.#tick())
  }

  #sendFrame(): void {
    if (!this.#socket || !this.#remote) return
    const packet = Buffer.alloc(HEADER_BYTES + FRAME_SAMPLES)
    packet.writeUInt8(0x80, 0)
    packet.writeUInt8(PAYLOAD_TYPE_PCMU | (this.#sent === 0 ? 0x80 : 0), 1)
    packet.writeUInt16BE(this.#sequence, 2)
    packet.writeUInt32BE(this.#timestamp, 4)
    packet.writeUInt32BE(this.#ssrc, 8)
    packet.set(this.#source.frame(), HEADER_BYTES)
    this.#sequence = (this.#sequence + 1) % 2 ** 16
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES) % 2 ** 32
    this.#sent++
    this.#socket.send(packet, this.#remote)
  }

  #onPacket(bytes: Buffer): void {
    const payload = rtpPayload(bytes)
    if (!payload) return
    const now = this.#clock.now()
    if (this.#lastAt !== undefined) this.#gapMs = Math.max(this.#gapMs, now - this.#lastAt)
    this.#lastAt = now
    this.#received++
    this.#ear.push(payload)
  }
}
