import { scrypt, timingSafeEqual } from 'node:crypto'
import type { Random } from '@thor-node/core'
import { failure } from '../errors.ts'
import { limits } from '../limits.ts'

/** What is kept of a password that people log in with. */
export interface PasswordHash {
  salt: Uint8Array
  hash: Uint8Array
  /** log2 of scrypt's N, so that it may grow without locking anybody out. */
  costLog2: number
}

/** scrypt (RFC 7914), some at once and some waiting; more throw PROVISION_BUSY. */
export class Scrypt {
  readonly #random: Random
  readonly #costLog2: number
  #running = 0
  readonly #waiting: (() => void)[] = []
  readonly #matching = new Map<string, Promise<boolean>>()

  constructor(components: { random: Random }, init: { costLog2: number }) {
    this.#random = components.random
    this.#costLog2 = init.costLog2
  }

  async make(password: string): Promise<PasswordHash> {
    const salt = this.#random.bytes(16)
    return { salt, hash: await this.#run(password, salt, this.#costLog2), costLog2: this.#costLog2 }
  }

  /**
   * Without a hash it takes as long, and is false. Many who come at once with the same name, which may be any, and password share
   * one run.
   */
  matches(name: string, password: string, kept: PasswordHash | undefined): Promise<boolean> {
    const key = `${kept ? Buffer.from(kept.hash).toString('base64') : ''}\0${name}\0${password}`
    let matching = this.#matching.get(key)
    if (!matching) {
      matching = this.#matches(password, kept).finally(() => this.#matching.delete(key))
      this.#matching.set(key, matching)
    }
    return matching
  }

  async #matches(password: string, kept: PasswordHash | undefined): Promise<boolean> {
    const salt = kept?.salt ?? new Uint8Array(16)
    const found = await this.#run(password, salt, kept?.costLog2 ?? this.#costLog2)
    return timingSafeEqual(kept?.hash ?? new Uint8Array(32), found) && kept !== undefined
  }

  async #run(password: string, salt: Uint8Array, costLog2: number): Promise<Uint8Array> {
    if (this.#running >= limits.scryptMax) {
      if (this.#waiting.length >= limits.scryptQueueMax) throw failure('PROVISION_BUSY', 'too many log-ins at once')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else {
      this.#running += 1
    }
    try {
      return await new Promise((resolve, reject) =>
        scrypt(password, salt, 32, { N: 2 ** costLog2, r: 8, p: 1, maxmem: 2 ** (costLog2 + 11) }, (error, hash) =>
          error ? reject(error) : resolve(hash),
        ),
      )
    } finally {
      // The turn passes to who waits longest, or ends.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running -= 1
    }
  }
}
