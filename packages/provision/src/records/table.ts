import type { Decision, ThorError, Versioned } from '@thor-node/core'
import { checkEtag, type RegisterKind, type Registers } from '../accounts/registers.ts'
import { failure, type ProvisionCode } from '../errors.ts'

/** What every record of a table has. */
export interface Stamped {
  /** Epoch milliseconds. */
  changedAt: number
}

export interface TableInit {
  kind: RegisterKind
  /** As messages have it: `carrier`. */
  what: string
  unknown: ProvisionCode
  exists: ProvisionCode
}

/** Records of one kind, one register each: `kind/<name>`. Single ones are read strictly, lists near. */
export class RecordTable<B extends object> {
  readonly #registers: Registers
  readonly #init: TableInit

  constructor(components: { registers: Registers }, init: TableInit) {
    this.#registers = components.registers
    this.#init = init
  }

  nextId(): Promise<number> {
    return this.#registers.nextId(this.#init.kind)
  }

  /** Throws the table's `exists`. */
  add(name: string, body: B): Promise<B & Stamped> {
    const record = { ...body, changedAt: this.#registers.wall() }
    return this.#registers.change<B & Stamped, B & Stamped>(this.#init.kind, name, (current) => {
      if (current) throw this.existing(name)
      return { body: record, result: record }
    })
  }

  /** Applies a pure function to a record. Throws the table's `unknown`, PROVISION_CONFLICT. */
  change(name: string, fn: (record: B & Stamped) => B, etag?: string): Promise<B & Stamped> {
    const changedAt = this.#registers.wall()
    return this.#registers.change<B & Stamped, B & Stamped>(this.#init.kind, name, (current) => {
      if (!current) throw this.unknown(name)
      checkEtag(current, etag, this.#named(name))
      const body = { ...fn(current.body), changedAt }
      return { body, result: body }
    })
  }

  /** Adds a record, or replaces it. */
  put(name: string, body: B): Promise<B & Stamped> {
    const record = { ...body, changedAt: this.#registers.wall() }
    return this.#registers.change<B & Stamped, B & Stamped>(this.#init.kind, name, () => ({
      body: record,
      result: record,
    }))
  }

  /** Adds or changes: `fn` gets undefined where there is none. */
  upsert(name: string, fn: (record: (B & Stamped) | undefined) => B, etag?: string): Promise<B & Stamped> {
    const changedAt = this.#registers.wall()
    return this.#registers.change<B & Stamped, B & Stamped>(this.#init.kind, name, (current) => {
      if (current) checkEtag(current, etag, this.#named(name))
      const body = { ...fn(current?.body), changedAt }
      return { body, result: body }
    })
  }

  /** Throws the table's `unknown`, PROVISION_CONFLICT. */
  async remove(name: string, etag?: string): Promise<void> {
    await this.#registers.change<B & Stamped, null>(this.#init.kind, name, (current) => {
      if (!current) throw this.unknown(name)
      checkEtag(current, etag, this.#named(name))
      return { body: undefined, result: null }
    })
  }

  find(name: string, mode: 'strict' | 'near' = 'strict'): Promise<Versioned<B & Stamped> | undefined> {
    return this.#registers.read<B & Stamped>(this.#init.kind, name, mode)
  }

  /** See `Registers.known`. */
  known(name: string): Promise<Versioned<B & Stamped> | undefined> {
    return this.#registers.known<B & Stamped>(this.#init.kind, name)
  }

  async require(name: string): Promise<Versioned<B & Stamped>> {
    const found = await this.find(name)
    if (!found) throw this.unknown(name)
    return found
  }

  /** All of the ring, by name. Near. */
  list(): Promise<(B & Stamped)[]> {
    return this.#registers.list<B & Stamped>(this.#init.kind)
  }

  /** The part of a transaction that adds a record. */
  adding(name: string, body: B) {
    const record = { ...body, changedAt: this.#registers.wall() }
    return {
      kind: this.#init.kind,
      name,
      fn: (current: Versioned<unknown> | undefined): Decision<unknown, null> => {
        if (current) throw this.existing(name)
        return { body: record, result: null }
      },
    }
  }

  /** The part of a transaction that changes a record. Throws the table's `unknown`. */
  changing(name: string, fn: (record: B & Stamped) => B) {
    const changedAt = this.#registers.wall()
    return {
      kind: this.#init.kind,
      name,
      fn: (current: Versioned<unknown> | undefined): Decision<unknown, null> => {
        if (!current) throw this.unknown(name)
        return { body: { ...fn(current.body as B & Stamped), changedAt }, result: null }
      },
    }
  }

  /** The part of a transaction that removes a record, if it is there. */
  removing(name: string) {
    return {
      kind: this.#init.kind,
      name,
      fn: (current: Versioned<unknown> | undefined): Decision<unknown, null> =>
        current ? { body: undefined, result: null } : { keep: true, result: null },
    }
  }

  unknown(name: string): ThorError {
    return failure(this.#init.unknown, `${this.#named(name)} does not exist`)
  }

  existing(name: string): ThorError {
    return failure(this.#init.exists, `${this.#named(name)} exists already`)
  }

  #named(name: string): string {
    return `${this.#init.what} ${name}`
  }
}
