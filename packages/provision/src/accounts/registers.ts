import {
  type Aor,
  type Clock,
  type Decision,
  errorCode,
  type KeyChange,
  type Random,
  type RecordStore,
  randomHex,
  recordKey,
  type Versioned,
} from '@thor-node/core'
import { failure } from '../errors.ts'
import type { AddressRecord } from './contract.ts'

const UNKNOWN_TRIES = 3

export type RegisterKind =
  | 'acct'
  | 'domain'
  | 'admin'
  | 'token'
  | 'autoincrement'
  | 'counter'
  | 'prefs'
  | 'phonebook'
  | 'voicemail'
  | 'presence'
  | 'trustedpeer'
  | 'carrier'
  | 'gateway'
  | 'gatewayrule'
  | 'route'
  | 'enumrange'
  | 'enum'
  | 'zone'
  | 'zonename'
  | 'zonerecord'
  | 'customer'
  | 'customername'
  | 'profiles'
  | 'bal'
  | 'idempotency'

/** What a transaction makes of one register. */
export interface RegisterChange<B = unknown> {
  kind: RegisterKind
  name: string
  fn(current: Versioned<B> | undefined, now: number): Decision<B, null>
}

/** What a transaction makes of one address. */
export interface AddressChange {
  aor: Aor
  fn(current: Versioned<AddressRecord> | undefined): Decision<AddressRecord, null>
}

export const addressPart = ({ aor, fn }: AddressChange): RegisterChange => ({
  kind: 'acct',
  name: aor,
  fn: fn as RegisterChange['fn'],
})

/** The registers of this package by kind and name, and the two rules that every change of theirs follows. */
export class Registers {
  readonly #store: RecordStore
  readonly #random: Random
  readonly #clock: Clock

  constructor(components: { store: RecordStore; random: Random; clock: Clock }) {
    this.#store = components.store
    this.#random = components.random
    this.#clock = components.clock
  }

  /** Epoch milliseconds, for stamps that people read. */
  wall(): number {
    return this.#clock.wall()
  }

  change<B, R>(
    kind: RegisterKind,
    name: string,
    fn: (current: Versioned<B> | undefined, now: number) => Decision<B, R>,
  ): Promise<R> {
    return this.#surely((opId) => this.#store.reg.change<B, R>(recordKey(kind, name), opId, fn))
  }

  /** Several registers of addresses, all or none. */
  async transact(changes: readonly AddressChange[]): Promise<void> {
    await this.transactAll(changes.map(addressPart))
  }

  /** Several registers, all or none; at most `limits.changesAtOnce`. */
  async transactAll(changes: readonly RegisterChange[]): Promise<void> {
    const keyed = changes.map(({ kind, name, fn }): KeyChange<null> => ({ key: recordKey(kind, name), fn }))
    await this.#surely((opId) => this.#store.reg.transact<null>(opId, keyed))
  }

  /** For an operation of its own. */
  freshId(): string {
    return randomHex(this.#random, 16)
  }

  /** The next number of a kind of records, from 1. One that was given is never given again. */
  nextId(kind: RegisterKind): Promise<number> {
    return this.change<{ last: number }, number>('counter', kind, (current) => {
      const last = (current?.body.last ?? 0) + 1
      return { body: { last }, result: last }
    })
  }

  /** What has an unknown outcome is repeated under the same operation id, so it is never done twice. */
  async #surely<R>(run: (opId: string) => Promise<R>): Promise<R> {
    const opId = randomHex(this.#random, 16)
    let unknown: unknown
    for (let attempt = 1; ; attempt++) {
      try {
        return await run(opId)
      } catch (error) {
        const code = errorCode(error)
        if (code === 'STORE_UNKNOWN') unknown = error
        // A repetition that finds no quorum tells nothing about the first try, and the next one would find none either.
        if (code === 'STORE_UNAVAILABLE') throw unknown ?? error
        if (code !== 'STORE_UNKNOWN') throw error
        if (attempt === UNKNOWN_TRIES) throw unknown
      }
    }
  }

  read<B>(kind: RegisterKind, name: string, mode: 'strict' | 'near' = 'strict'): Promise<Versioned<B> | undefined> {
    return this.#store.reg.read<B>(recordKey(kind, name), mode)
  }

  /** All of a kind, by name. Near. */
  async list<B>(kind: RegisterKind): Promise<B[]> {
    return (await this.#store.reg.list<B>(`${kind}/`)).map(({ value }) => value.body)
  }
}

/** Compare-and-set as clients know it: passes when no etag was given, or when it names the current value. */
export function checkEtag(current: Versioned<unknown>, etag: string | undefined, what: string): void {
  if (etag !== undefined && etag !== current.etag) {
    throw failure('PROVISION_CONFLICT', `${what} was changed by somebody else; read it again`)
  }
}
