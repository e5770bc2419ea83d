import type { SimNode } from './sim-node.ts'

/**
 * Whose word on bindings counts. SOFT state survives any one fault; a node that is cut off, or has not caught up with what it
 * missed, shows its own side's view and binds nobody, and several faults at once may take both copies.
 */
export class Sight {
  readonly #now: () => number
  readonly #lostUntil = new Map<SimNode, number>()
  /** False while faults may overlap: then nobody's word counts. */
  judged: boolean

  constructor(now: () => number, judged: boolean) {
    this.#now = now
    this.judged = judged
  }

  lose(nodes: readonly SimNode[], forMs: number): void {
    for (const node of nodes) this.#lostUntil.set(node, Math.max(this.#lostUntil.get(node) ?? 0, this.#now() + forMs))
  }

  isLost(node: SimNode): boolean {
    return !this.judged || (this.#lostUntil.get(node) ?? 0) > this.#now()
  }
}
