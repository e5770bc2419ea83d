import {
  type Aor,
  type Clock,
  type Decision,
  errorCode,
  inTime,
  type KeyChange,
  makeRoom,
  type Random,
  type RecordStore,
  randomHex,
  recordKey,
  type SurelyInit,
  surely,
  Turns,
  type Versioned,
} from '@thor-node/core'
import { failure } from '../errors.ts'
import { limits } from '../limits.ts'
import type { AddressRecord } from './contract.ts'
import { SharedReads } from './shared-reads.ts'

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
  | 'emergency'
  | 'dnsblock'
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
  /** Of blocks of numbers. */
  readonly #turns = new Turns({ max: limits.blockChangesMax })
  readonly #shared: SharedReads
  /** As last read for `known` or by `see`; the one not read for longest goes. */
  readonly #seen = new Map<string, { value: Versioned<unknown>; at: number }>()

  constructor(components: { store: RecordStore; random: Random; clock: Clock }) {
    this.#store = components.store
    this.#random = components.random
    this.#clock = components.clock
    this.#shared = new SharedReads(components)
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
    // Accounts whose numbers are in a row share a block of numbers: those that are made at once wait for each other here, and for
    // those of other nodes, for transactions that wait in the ring give up.
    const shared = changes.filter(({ kind }) => kind === 'dnsblock').map(({ name }) => name)
    const run = () =>
      this.#surely((opId) => this.#store.reg.transact<null>(opId, keyed), { contended: shared.length > 0 })
    await this.#turns.run(shared, run)
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
  #surely<R>(run: (opId: string) => Promise<R>, init?: SurelyInit): Promise<R> {
    return surely({ clock: this.#clock, random: this.#random }, run, init)
  }

  /** What several get of one read, they share: nobody changes it. */
  read<B>(kind: RegisterKind, name: string, mode: 'strict' | 'near' = 'strict'): Promise<Versioned<B> | undefined> {
    const key = recordKey(kind, name)
    if (mode === 'near') return this.#store.reg.read<B>(key, mode)
    return this.#shared.read(key.name, () => this.#store.reg.read<B>(key, mode))
  }

  /**
   * For who somebody is and whose something is. Read strictly; when no quorum answers within `limits.knownMs`, a copy does, and
   * where none is in reach as soon, what this node saw last.
   */
  async known<B>(kind: RegisterKind, name: string): Promise<Versioned<B> | undefined> {
    const strict = this.read<B>(kind, name)
    const first = await this.within(strict, limits.knownMs)
    if (first) return this.#see(`${kind}/${name}`, first.value)
    return (await this.copy<B>(kind, name))?.value ?? strict
  }

  /** A copy that is in reach soon, else what this node saw last; undefined when there is neither. `at` is of this node's clock. */
  async copy<B>(kind: RegisterKind, name: string): Promise<{ value: Versioned<B>; at: number } | undefined> {
    const at = this.#clock.now()
    const near = await this.within(this.read<B>(kind, name, 'near'), limits.knownMs)
    if (near?.value) return { value: near.value, at }
    return this.#seen.get(`${kind}/${name}`) as { value: Versioned<B>; at: number } | undefined
  }

  /** Sees all of a kind, of which there are few, so that there are copies when no quorum is in reach. */
  async see(kind: RegisterKind): Promise<void> {
    for (const { key, value } of await this.#store.reg.list(`${kind}/`)) this.#see(key.name, value)
  }

  /** What comes in time; undefined when nothing does or no quorum is there. Throws what else it throws. */
  async within<T>(promise: Promise<T>, ms: number): Promise<{ value: T } | undefined> {
    if (!(await inTime(this.#clock, promise, ms))) return undefined
    try {
      return { value: await promise }
    } catch (error) {
      if (errorCode(error) === 'STORE_UNAVAILABLE') return undefined
      throw error
    }
  }

  #see<B>(id: string, value: Versioned<B> | undefined): Versioned<B> | undefined {
    this.#seen.delete(id)
    if (!value) return undefined
    makeRoom(this.#seen, limits.knownMax)
    this.#seen.set(id, { value, at: this.#clock.now() })
    return value
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
