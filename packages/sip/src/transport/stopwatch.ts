/** How late this node is: by its timers, and by datagrams that it sends to itself, which wait in line like any other. */
import type { Address, Clock, Random, Timer } from '@thor-node/core'

const PROBE = Buffer.from('thor-age')
const PROBE_BYTES = PROBE.length + 8
const PERIOD_MS = 25

export interface StopwatchComponents {
  clock: Clock
  random: Random
  /** The first UDP listen point, where datagrams to oneself arrive; undefined where there is none. */
  local(): Address | undefined
  send(bytes: Uint8Array, to: Address): void
  measured(ageMs: number): void
  /** Called at the end of each interval. */
  turn(): void
}

export class Stopwatch {
  readonly #c: StopwatchComponents
  readonly #intervalMs: number
  #timer: Timer | undefined
  #expectedAt = 0
  #turnAt = 0
  #sent: { token: Buffer; at: number } | undefined

  constructor(components: StopwatchComponents, init: { intervalMs: number }) {
    this.#c = components
    this.#intervalMs = init.intervalMs
  }

  start(): void {
    const now = this.#c.clock.now()
    this.#turnAt = now + this.#intervalMs
    this.#arm(now)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#sent = undefined
  }

  /** True for a datagram of this stopwatch: nobody else need look at it. */
  takes(bytes: Buffer, from: Address): boolean {
    if (bytes.length !== PROBE_BYTES || !bytes.subarray(0, PROBE.length).equals(PROBE)) return false
    const local = this.#c.local()
    if (from.port !== local?.port || from.host !== local.host) return false
    if (this.#sent?.token.equals(bytes)) {
      this.#c.measured(this.#c.clock.now() - this.#sent.at)
      this.#sent = undefined
    }
    return true
  }

  #arm(now: number): void {
    this.#expectedAt = now + PERIOD_MS
    this.#timer = this.#c.clock.after(PERIOD_MS, () => this.#tick())
  }

  #tick(): void {
    const now = this.#c.clock.now()
    const lateMs = now - this.#expectedAt
    // One that has not come back, or never will, is as old as it is.
    if (this.#sent) this.#c.measured(Math.max(lateMs, now - this.#sent.at))
    else if (this.#c.local() === undefined) this.#c.measured(lateMs)
    if (!this.#sent || now - this.#sent.at > 1_000) this.#probe(now)
    if (now >= this.#turnAt) {
      this.#turnAt = now + this.#intervalMs
      this.#c.turn()
    }
    this.#arm(now)
  }

  #probe(now: number): void {
    const local = this.#c.local()
    if (!local) return
    const token = Buffer.concat([PROBE, this.#c.random.bytes(8)])
    this.#sent = { token, at: now }
    this.#c.send(token, local)
  }
}
