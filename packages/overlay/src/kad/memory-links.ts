import type { Clock, Random, Timer } from '@thor-node/core'
import type { NodeId } from '../peers.ts'

export interface LinkInit {
  /** One-way delay of a frame, uniform. @default { min: 0.2, max: 2 } */
  delayMs?: { min: number; max: number }
  /** Share of frames that vanish, 0 … 1. @default 0 */
  lossRate?: number
}

interface Link {
  queue: { at: number; deliver: () => void }[]
  bytes: number
  timer: Timer | undefined
  /** When the last byte given so far is on the wire; matters where the bandwidth is limited. */
  freeAt: number
}

/**
 * The wires between nodes of one process: each ordered pair is a link with a queue, so what passes keeps its order whatever
 * the delays. Faults are a table that is asked when something is sent and again when it arrives.
 */
export class MemoryLinks {
  readonly #clock: Clock
  readonly #random: Random
  readonly #links = new Map<string, Link>()
  readonly #cut = new Set<string>()
  readonly #lossy = new Map<string, number>()
  readonly #delays = new Map<string, { min: number; max: number }>()
  readonly #paused = new Set<NodeId>()
  /** Bytes per millisecond, of those links that have a limit. */
  readonly #bandwidth = new Map<string, number>()
  #delayMs: { min: number; max: number }
  #lossRate: number

  constructor(components: { clock: Clock; random: Random }, init: LinkInit = {}) {
    this.#clock = components.clock
    this.#random = components.random
    this.#delayMs = init.delayMs ?? { min: 0.2, max: 2 }
    this.#lossRate = init.lossRate ?? 0
  }

  set delayMs(delayMs: { min: number; max: number }) {
    this.#delayMs = delayMs
  }

  set lossRate(rate: number) {
    this.#lossRate = rate
  }

  /** What this direction carries from now on; frames wait for those before them. Infinity removes the limit. */
  setBandwidth(from: NodeId, to: NodeId, bytesPerSecond: number): void {
    if (Number.isFinite(bytesPerSecond)) this.#bandwidth.set(pair(from, to), bytesPerSecond / 1_000)
    else this.#bandwidth.delete(pair(from, to))
  }

  /** Nothing passes from `from` to `to` until healed; the other direction is not touched. */
  cut(from: NodeId, to: NodeId): void {
    this.#cut.add(pair(from, to))
  }

  mend(from: NodeId, to: NodeId): void {
    this.#cut.delete(pair(from, to))
  }

  /** Share of frames lost on this direction only; 0 removes the fault. */
  setLoss(from: NodeId, to: NodeId, rate: number): void {
    if (rate > 0) this.#lossy.set(pair(from, to), rate)
    else this.#lossy.delete(pair(from, to))
  }

  /** One-way delay between two nodes, in both directions, other than the usual one; no fault, so `heal` leaves it. */
  setDelay(one: NodeId, other: NodeId, delayMs: { min: number; max: number } | undefined): void {
    for (const name of [pair(one, other), pair(other, one)]) {
      if (delayMs) this.#delays.set(name, delayMs)
      else this.#delays.delete(name)
    }
  }

  /** Nodes of different sets do not reach each other. A node that is in none is not touched. */
  partition(sets: readonly (readonly NodeId[])[]): void {
    for (const one of sets)
      for (const other of sets) if (one !== other) for (const from of one) for (const to of other) this.cut(from, to)
  }

  /** Ends every cut and every loss of a single direction. */
  heal(): void {
    this.#cut.clear()
    this.#lossy.clear()
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.#cut.has(pair(from, to))
  }

  pause(node: NodeId): void {
    this.#paused.add(node)
  }

  /** What waited for the node, or was said by it meanwhile, arrives now. */
  resume(node: NodeId): void {
    if (!this.#paused.delete(node)) return
    for (const [name, link] of this.#links) if (name.split('>').includes(node)) this.#arm(name, link)
  }

  isPaused(node: NodeId): boolean {
    return this.#paused.has(node)
  }

  /** Bytes that are on the way. */
  waitingBytes(from: NodeId, to: NodeId): number {
    return this.#links.get(pair(from, to))?.bytes ?? 0
  }

  /** Runs `arrive` when the frame gets there; never, when a fault swallows it. */
  carry(from: NodeId, to: NodeId, bytes: number, arrive: () => void): void {
    const loss = this.#lossy.get(pair(from, to)) ?? this.#lossRate
    const lost = loss > 0 && this.#random.float() < loss
    const { min, max } = this.#delays.get(pair(from, to)) ?? this.#delayMs
    const delay = min + this.#random.float() * (max - min)
    if (lost || this.isCut(from, to)) return
    const name = pair(from, to)
    let link = this.#links.get(name)
    if (!link) {
      link = { queue: [], bytes: 0, timer: undefined, freeAt: 0 }
      this.#links.set(name, link)
    }
    const bandwidth = this.#bandwidth.get(name)
    const now = this.#clock.now()
    link.freeAt = Math.max(link.freeAt, now) + (bandwidth ? bytes / bandwidth : 0)
    const at = Math.max(link.freeAt + delay, link.queue.at(-1)?.at ?? 0)
    const held = link
    held.bytes += bytes
    held.queue.push({
      at,
      deliver: () => {
        held.bytes -= bytes
        if (!this.isCut(from, to)) arrive()
      },
    })
    this.#arm(name, held)
  }

  /** What is on the way between the two is lost. */
  drop(one: NodeId, other: NodeId): void {
    for (const name of [pair(one, other), pair(other, one)]) {
      this.#links.get(name)?.timer?.cancel()
      this.#links.delete(name)
    }
  }

  #arm(name: string, link: Link): void {
    const head = link.queue[0]
    if (!head || link.timer) return
    link.timer = this.#clock.after(Math.max(0, head.at - this.#clock.now()), () => {
      link.timer = undefined
      const [from, to] = name.split('>') as [NodeId, NodeId]
      if (this.#paused.has(from) || this.#paused.has(to)) return
      link.queue.shift()?.deliver()
      this.#arm(name, link)
    })
  }
}

/** Kept: asked for several times per frame, the same text must not be made and hashed anew. */
const pairs = new Map<NodeId, Map<NodeId, string>>()

function pair(from: NodeId, to: NodeId): string {
  let ofFrom = pairs.get(from)
  if (!ofFrom) {
    ofFrom = new Map()
    pairs.set(from, ofFrom)
  }
  let name = ofFrom.get(to)
  if (name === undefined) {
    name = `${from}>${to}`
    ofFrom.set(to, name)
  }
  return name
}
