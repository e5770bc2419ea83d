import type { MemoryNetwork } from '@thor-node/overlay'
import type { SimNode } from './sim-node.ts'

export const LINK_DELAY_MS = { min: 0.2, max: 3 }

/** Faults of the network; they overlap, and each ends by itself with the function that it returns. */
export class Wires {
  readonly #network: MemoryNetwork
  /** How many faults block a pair, and what each loses and delays. */
  readonly #blocked = new Map<string, number>()
  readonly #losses = new Set<{ share: number }>()
  readonly #delays = new Set<{ ms: number }>()

  constructor(network: MemoryNetwork) {
    this.#network = network
  }

  /** Nothing passes from the first to the second of each pair until the function that is returned is called. */
  block(pairs: readonly (readonly [from: SimNode, to: SimNode])[]): () => void {
    const change = (by: 1 | -1): void => {
      for (const [from, to] of pairs) {
        const id = `${from.index}>${to.index}`
        const count = (this.#blocked.get(id) ?? 0) + by
        this.#blocked.set(id, count)
        const [one, other] = [from.certificate.nodeId, to.certificate.nodeId]
        if (by === 1 && count === 1) this.#network.cut(one, other)
        else if (by === -1 && count === 0) this.#network.mend(one, other)
      }
    }
    change(1)
    return () => change(-1)
  }

  /** No fault blocks a pair. */
  get areWhole(): boolean {
    return this.#blocked.values().every((count) => count === 0)
  }

  /** A share of all messages is lost. */
  lose(share: number): () => void {
    const loss = { share }
    const apply = (): void => {
      this.#network.links.lossRate = Math.max(0, ...[...this.#losses].map((one) => one.share))
    }
    this.#losses.add(loss)
    apply()
    return () => {
      this.#losses.delete(loss)
      apply()
    }
  }

  /** Every message takes up to so much longer. */
  delay(ms: number): () => void {
    const delay = { ms }
    const apply = (): void => {
      const more = Math.max(0, ...[...this.#delays].map((one) => one.ms))
      this.#network.links.delayMs = { min: LINK_DELAY_MS.min, max: LINK_DELAY_MS.max + more }
    }
    this.#delays.add(delay)
    apply()
    return () => {
      this.#delays.delete(delay)
      apply()
    }
  }

  heal(): void {
    this.#network.heal()
    this.#blocked.clear()
    this.#losses.clear()
    this.#delays.clear()
    this.#network.links.lossRate = 0
    this.#network.links.delayMs = LINK_DELAY_MS
  }
}
