/** Calls of trusted peers, counted over all nodes: each tells the others what it has (`own`), and adds what they told it. */
import type { Clock } from '@thor-node/core'
import { guardLimits } from '../limits.ts'
import type { Peer } from './peers.ts'

/** Calls that a node has of a peer, and how many began there within the last second. */
export type Load = readonly [peer: string, calls: number, perSecond: number]

/** What a node told counts for so long. */
const FRESH_MS = 3_000
const SECOND_MS = 1_000

interface Own {
  peer: string
  startedAt: number
}

export class PeerLoad {
  readonly #clock: Clock
  readonly #calls = new Map<string, Own>()
  readonly #now = new Map<string, number>()
  /** When the calls of the last second began, by peer. */
  readonly #begun = new Map<string, number[]>()
  readonly #others = new Map<string, { at: number; loads: Map<string, Load> }>()
  readonly #max: number

  constructor(components: { clock: Clock }, init: { callsMax?: number } = {}) {
    this.#clock = components.clock
    this.#max = init.callsMax ?? guardLimits.peerCallsMax
  }

  /** False when a limit of this peer, or of this table, is reached; nothing is counted then. */
  begin(peer: Pick<Peer, 'name' | 'callsMax' | 'callsPerSecond'>, callUuid: string): boolean {
    const recent = this.#recent(peer.name)
    const others = this.#othersOf(peer.name)
    const calls = (this.#now.get(peer.name) ?? 0) + others.calls
    if (peer.callsMax > 0 && calls >= peer.callsMax) return false
    if (peer.callsPerSecond > 0 && recent.length + others.perSecond >= peer.callsPerSecond) return false
    if (this.#calls.size >= this.#max) return false
    const now = this.#clock.now()
    this.#calls.set(callUuid, { peer: peer.name, startedAt: now })
    this.#now.set(peer.name, (this.#now.get(peer.name) ?? 0) + 1)
    if (peer.callsPerSecond > 0) recent.push(now)
    return true
  }

  /** As often as one likes. */
  end(callUuid: string): void {
    const own = this.#calls.get(callUuid)
    if (!own) return
    this.#calls.delete(callUuid)
    const left = (this.#now.get(own.peer) ?? 1) - 1
    if (left > 0) this.#now.set(own.peer, left)
    else this.#now.delete(own.peer)
  }

  /** Calls that began that long ago: their end may have been seen elsewhere. */
  olderThan(ageMs: number): string[] {
    const before = this.#clock.now() - ageMs
    return [...this.#calls].filter(([, { startedAt }]) => startedAt <= before).map(([callUuid]) => callUuid)
  }

  /** For the other nodes. */
  own(): Load[] {
    return [...this.#now].map(([name, calls]) => [name, calls, this.#recent(name).length] as const)
  }

  take(node: string, loads: readonly Load[]): void {
    const named = new Map(loads.slice(0, guardLimits.peersMax).map((load) => [load[0], load]))
    this.#others.set(node, { at: this.#clock.now(), loads: named })
  }

  callsOf(peer: string): number {
    return (this.#now.get(peer) ?? 0) + this.#othersOf(peer).calls
  }

  #recent(peer: string): number[] {
    const since = this.#clock.now() - SECOND_MS
    const recent = (this.#begun.get(peer) ?? []).filter((at) => at > since)
    this.#begun.set(peer, recent)
    return recent
  }

  #othersOf(peer: string): { calls: number; perSecond: number } {
    let [calls, perSecond] = [0, 0]
    for (const [node, { at, loads }] of this.#others) {
      if (this.#clock.now() - at > FRESH_MS) this.#others.delete(node)
      else {
        calls += loads.get(peer)?.[1] ?? 0
        perSecond += loads.get(peer)?.[2] ?? 0
      }
    }
    return { calls, perSecond }
  }
}
