/** Who is refused for now, why and how long: sources, and accounts (a name with `@`). */
import { makeRoom } from '@thor-node/core'

export type BlockCause = 'failed-logins' | 'scanner' | 'operator'

export interface Block {
  name: string
  cause: BlockCause
  /** Wall time at which it was made, ms: names this block, and orders it against an operator's word. */
  at: number
  /** Monotonic time of this node at which it ends. */
  until: number
  /** How often this name was blocked before, not long ago. */
  level: number
  /** Nothing is answered: a scanner, or somebody who goes on and on. */
  silent: boolean
  /** Requests that were refused here. */
  refused: number
}

/** Seconds that are forgotten of a name after its block; until then the next block is twice as long. */
const REMEMBER_MS = 24 * 3_600_000
const LEVEL_MAX = 10

export class Blocks {
  readonly #blocks = new Map<string, Block>()
  /** An operator's word: blocks of that name made before this wall time do not count. */
  readonly #lifted = new Map<string, number>()
  readonly #max: number

  constructor(init: { max: number }) {
    this.#max = init.max
  }

  get size(): number {
    return this.#blocks.size
  }

  /** In force now. */
  of(name: string, now: number): Block | undefined {
    const block = this.#blocks.get(name)
    return block && block.until > now ? block : undefined
  }

  list(now: number): Block[] {
    return [...this.#blocks.values()].filter((block) => block.until > now)
  }

  /** How long the next block of this name is, and its level. */
  next(name: string, baseMs: number, now: number): { level: number; durationMs: number } {
    const before = this.#blocks.get(name)
    const level = before && before.until + REMEMBER_MS > now ? Math.min(LEVEL_MAX, before.level + 1) : 0
    return { level, durationMs: Math.min(REMEMBER_MS, baseMs * 2 ** level) }
  }

  /** False when it says nothing new, or an operator has lifted it. The one that ends last wins. */
  put(block: Block, now: number): boolean {
    if (block.at <= (this.#lifted.get(block.name) ?? 0)) return false
    const known = this.of(block.name, now)
    if (known && (known.until >= block.until - 1_000 || known.at === block.at)) {
      known.silent ||= block.silent
      return false
    }
    this.#blocks.delete(block.name)
    if (this.#blocks.size >= this.#max) this.#makeRoom(now)
    this.#blocks.set(block.name, block)
    return true
  }

  /** Returns the wall time that goes with it, for other nodes; later than the block's even where clocks differ. */
  lift(name: string, wall: number): number {
    const at = Math.max(wall, this.#blocks.get(name)?.at ?? 0)
    this.#blocks.delete(name)
    this.#lifted.delete(name)
    makeRoom(this.#lifted, this.#max)
    this.#lifted.set(name, at)
    return at
  }

  /** Those that are over go first, then the oldest. */
  #makeRoom(now: number): void {
    for (const [name, block] of this.#blocks) if (block.until <= now) this.#blocks.delete(name)
    makeRoom(this.#blocks, this.#max)
  }
}
