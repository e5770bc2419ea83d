import { createHash } from 'node:crypto'
import { type Clock, makeRoom, type Random } from '@thor-node/core'
import { limits } from '../limits.ts'

/**
 * Passwords that were right a moment ago, as keyed hashes, because portals send them with each of many calls per page. One that
 * was changed on another node ends here within 10 s.
 */
export class Remembered {
  readonly #clock: Pick<Clock, 'now'>
  readonly #key: Uint8Array
  /** Good without a look until `until`, and without a quorum until `keptUntil`. */
  readonly #until = new Map<string, { name: string; proof: string; until: number; keptUntil: number }>()

  constructor(components: { clock: Pick<Clock, 'now'>; random: Random }) {
    this.#clock = components.clock
    this.#key = components.random.bytes(32)
  }

  has(name: string, password: string): boolean {
    const known = this.#until.get(this.#digest(name, password))
    return known !== undefined && known.until > this.#clock.now()
  }

  /**
   * Whether it was right for what is kept of the password now, which was read just now: then scrypt need not say so again, and
   * a name that many log in with at once is not looked at by all of them.
   */
  isStill(name: string, password: string, hash: Uint8Array | undefined): boolean {
    const known = this.#until.get(this.#digest(name, password))
    if (!known || !hash || known.proof !== proofOf(hash)) return false
    this.add(name, password, hash)
    return true
  }

  /** `hash`: what is kept of the password. `leftMs`: it comes from a copy, which may be believed for so long. */
  add(name: string, password: string, hash: Uint8Array, leftMs?: number): void {
    const key = this.#digest(name, password)
    this.#until.delete(key)
    makeRoom(this.#until, limits.verifiedMax)
    const now = this.#clock.now()
    const until = now + (leftMs === undefined ? limits.verifiedMs : Math.min(leftMs, limits.verifiedProbeMs))
    const keptUntil = now + (leftMs ?? limits.verifiedKeptMs)
    this.#until.set(key, { name, proof: proofOf(hash), until, keptUntil })
  }

  /** Whether it was right within 15 minutes, for while there is no quorum; then it is not looked at again for a second. */
  goesOn(name: string, password: string): boolean {
    const known = this.#until.get(this.#digest(name, password))
    const now = this.#clock.now()
    if (!known || known.keptUntil <= now) return false
    known.until = now + limits.verifiedProbeMs
    return true
  }

  drop(name: string, password: string): void {
    this.#until.delete(this.#digest(name, password))
  }

  forget(name: string): void {
    for (const [key, entry] of this.#until) if (entry.name === name) this.#until.delete(key)
  }

  #digest(name: string, password: string): string {
    return createHash('sha256').update(this.#key).update(`${name}\0${password}`).digest('base64')
  }
}

const proofOf = (hash: Uint8Array): string => Buffer.from(hash).toString('base64')
