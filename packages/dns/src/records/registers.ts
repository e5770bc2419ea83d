import {
  type Clock,
  type Decision,
  errorCode,
  type KeyChange,
  type Random,
  type RecordKey,
  type RecordStore,
  randomHex,
  type Versioned,
} from '@thor-node/core'
import { failure } from '../errors.ts'

const UNKNOWN_TRIES = 3

export interface ChangeOptions {
  /** Only if it is still the value of this etag, else `DNS_CONFLICT`. */
  etag?: string
}

/** Registers by key, and the rule that every change follows: what has an unknown outcome is repeated under the same id. */
export class Registers {
  readonly #store: Pick<RecordStore, 'reg'>
  readonly #random: Random
  readonly #clock: Clock

  constructor(components: { store: Pick<RecordStore, 'reg'>; random: Random; clock: Clock }) {
    this.#store = components.store
    this.#random = components.random
    this.#clock = components.clock
  }

  /** Epoch milliseconds. */
  wall(): number {
    return this.#clock.wall()
  }

  change<B, R>(key: RecordKey, fn: (current: Versioned<B> | undefined) => Decision<B, R>): Promise<R> {
    return this.#surely((opId) => this.#store.reg.change<B, R>(key, opId, fn))
  }

  /** Several registers, all or none. */
  async transact(changes: readonly KeyChange<null>[]): Promise<void> {
    await this.#surely((opId) => this.#store.reg.transact<null>(opId, changes))
  }

  async #surely<R>(run: (opId: string) => Promise<R>): Promise<R> {
    const opId = randomHex(this.#random, 16)
    let unknown: unknown
    for (let attempt = 1; ; attempt++) {
      try {
        return await run(opId)
      } catch (error) {
        const code = errorCode(error)
        if (code === 'STORE_UNKNOWN') unknown = error
        // A repetition that finds no quorum tells nothing about the first try.
        if (!unknown || (code !== 'STORE_UNKNOWN' && code !== 'STORE_UNAVAILABLE')) throw error
        if (attempt === UNKNOWN_TRIES) throw unknown
      }
    }
  }

  read<B>(key: RecordKey, mode: 'strict' | 'near' = 'strict'): Promise<Versioned<B> | undefined> {
    return this.#store.reg.read<B>(key, mode)
  }

  list<B>(prefix: string): Promise<{ key: RecordKey; value: Versioned<B> }[]> {
    return this.#store.reg.list<B>(prefix)
  }
}

export function checkEtag(current: Versioned<unknown>, etag: string | undefined, what: string): void {
  if (etag !== undefined && etag !== current.etag) {
    throw failure('DNS_CONFLICT', `${what} was changed by somebody else; read it again`)
  }
}
