import {
  type Clock,
  type Decision,
  type KeyChange,
  type Random,
  type RecordKey,
  type RecordStore,
  surely,
  Turns,
  type Versioned,
} from '@thor-node/core'
import { failure } from '../errors.ts'
import { REGISTER_LIMITS } from '../limits.ts'

export interface ChangeOptions {
  /** Only if it is still the value of this etag, else `DNS_CONFLICT`. */
  etag?: string
}

/** Registers by key, and the rule that every change follows: what has an unknown outcome is repeated under the same id. */
export class Registers {
  readonly #store: Pick<RecordStore, 'reg'>
  readonly #random: Random
  readonly #clock: Clock
  readonly #turns = new Turns({ max: REGISTER_LIMITS.waitingMax })

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
    return this.#inTurn([key], (opId) => this.#store.reg.change<B, R>(key, opId, fn))
  }

  /** Several registers, all or none. */
  async transact(changes: readonly KeyChange<null>[]): Promise<void> {
    const keys = changes.map(({ key }) => key)
    await this.#inTurn(keys, (opId) => this.#store.reg.transact<null>(opId, changes))
  }

  /** Numbers share registers, and so do the records of a zone: what this node changes in one waits here, for the ring gives up sooner. */
  #inTurn<R>(keys: readonly RecordKey[], run: (opId: string) => Promise<R>): Promise<R> {
    const names = keys.map(({ name }) => name)
    const around = { clock: this.#clock, random: this.#random }
    return this.#turns.run(names, () => surely(around, run, { contended: true }))
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
