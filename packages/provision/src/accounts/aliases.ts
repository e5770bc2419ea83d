import { type Aor, type Decision, splitAor, type Versioned } from '@thor-node/core'
import { failure, invalid } from '../errors.ts'
import { limits } from '../limits.ts'
import { accountUnknown } from './accounts.ts'
import type { AccountRecord, AddressRecord, AliasRecord } from './contract.ts'
import type { Domains } from './domains.ts'
import type { AliasInput, ChangeOptions } from './input.ts'
import { type AddressChange, checkEtag, type Registers } from './registers.ts'
import { identity } from './validate.ts'

export const aliasUnknown = (aor: Aor) => failure('PROVISION_ALIAS_UNKNOWN', `SIP alias ${aor} does not exist`)

/** Somebody moved the alias to another account since it was read. */
const MOVED = new Error('alias moved')
const MOVED_TRIES = 5

/**
 * Aliases: `acct/<alias>`, a register in another range than the account's. An alias exists if and only if it is listed in its
 * account's `aliases`: both change in one transaction.
 */
export class Aliases {
  readonly #registers: Registers
  readonly #domains: Domains

  constructor(components: { registers: Registers; domains: Domains }) {
    this.#registers = components.registers
    this.#domains = components.domains
  }

  async add(input: AliasInput): Promise<AliasRecord> {
    const { aor, target } = input
    const owner = input.owner === undefined ? undefined : identity(input.owner, 'owner')
    const domain = splitAor(aor)?.domain ?? ''
    await this.#domains.requireBefore(domain)
    const changedAt = this.#registers.wall()
    const checkFree = (current: Versioned<AddressRecord> | undefined): void => {
      if (!current) return
      const taken = current.body.kind === 'alias' ? `SIP alias ${aor} exists already` : `${aor} is an account`
      throw failure('PROVISION_ALIAS_EXISTS', taken)
    }
    checkFree(await this.#registers.read<AddressRecord>('acct', aor))
    const account = await this.#account(target)
    const record: AliasRecord = { kind: 'alias', aor, target, owner: owner ?? account.owner, changedAt }
    const make = (current: Versioned<AddressRecord> | undefined): Decision<AddressRecord, null> => {
      checkFree(current)
      return { body: record, result: null }
    }
    await this.#registers.transact([{ aor, fn: make }, listed(target, aor, changedAt)])
    // The other half of Domains.delete: whoever wrote second sees the other.
    if (!(await this.#domains.find(domain))) {
      await this.delete(aor)
      throw failure('PROVISION_DOMAIN_UNKNOWN', `the domain of ${aor} was deleted just now`)
    }
    return record
  }

  /** Another target, another owner, or both. */
  async update(input: AliasInput, options: ChangeOptions = {}): Promise<AliasRecord> {
    const { aor, target } = input
    const owner = input.owner === undefined ? undefined : identity(input.owner, 'owner')
    const changedAt = this.#registers.wall()
    await this.#account(target)
    return this.#settled(aor, options, async (before) => {
      const record: AliasRecord = { ...before, target, owner: owner ?? before.owner, changedAt }
      const accounts = [listed(target, aor, changedAt)]
      if (before.target !== target) accounts.push(unlisted(before.target, aor, changedAt))
      const move = unmoved(before, options, () => ({ body: record, result: null }))
      await this.#registers.transact([{ aor, fn: move }, ...accounts])
      return record
    })
  }

  async delete(aor: Aor, options: ChangeOptions = {}): Promise<void> {
    const changedAt = this.#registers.wall()
    await this.#settled(aor, options, async (before) => {
      const remove = unmoved(before, options, () => ({ body: undefined, result: null }))
      await this.#registers.transact([{ aor, fn: remove }, unlisted(before.target, aor, changedAt)])
    })
  }

  async find(aor: Aor): Promise<Versioned<AliasRecord> | undefined> {
    const found = await this.#registers.read<AddressRecord>('acct', aor)
    return found?.body.kind === 'alias' ? { ...found, body: found.body } : undefined
  }

  async require(aor: Aor): Promise<Versioned<AliasRecord>> {
    const found = await this.find(aor)
    if (!found) throw aliasUnknown(aor)
    return found
  }

  async list(): Promise<AliasRecord[]> {
    return (await this.#registers.list<AddressRecord>('acct')).filter((record) => record.kind === 'alias')
  }

  /** Reads the alias, to know which accounts are concerned; again when it moved meanwhile. */
  async #settled<R>(aor: Aor, options: ChangeOptions, change: (before: AliasRecord) => Promise<R>): Promise<R> {
    for (let attempt = 1; ; attempt++) {
      const before = await this.require(aor)
      checkEtag(before, options.etag, `SIP alias ${aor}`)
      try {
        return await change(before.body)
      } catch (error) {
        if (error !== MOVED) throw error
        if (attempt === MOVED_TRIES) throw failure('PROVISION_CONFLICT', `SIP alias ${aor} is changed by others`)
      }
    }
  }

  async #account(aor: Aor): Promise<AccountRecord> {
    const found = await this.#registers.read<AddressRecord>('acct', aor)
    if (found?.body.kind !== 'account') throw accountUnknown(aor)
    return found.body
  }
}

/** The part of a transaction that changes an alias, if it still is where it was. */
function unmoved(before: AliasRecord, { etag }: ChangeOptions, decide: () => Decision<AddressRecord, null>) {
  return (current: Versioned<AddressRecord> | undefined): Decision<AddressRecord, null> => {
    if (current?.body.kind !== 'alias') throw aliasUnknown(before.aor)
    checkEtag(current, etag, `SIP alias ${before.aor}`)
    if (current.body.target !== before.target) throw MOVED
    return decide()
  }
}

function listed(target: Aor, alias: Aor, changedAt: number): AddressChange {
  return {
    aor: target,
    fn(current) {
      if (current?.body.kind !== 'account') throw accountUnknown(target)
      const { aliases } = current.body
      if (aliases.includes(alias)) return { keep: true, result: null }
      if (aliases.length >= limits.aliasesMax) {
        throw invalid('target', `${target} has ${limits.aliasesMax} aliases, which is the limit`)
      }
      return { body: { ...current.body, aliases: [...aliases, alias], changedAt }, result: null }
    },
  }
}

function unlisted(target: Aor, alias: Aor, changedAt: number): AddressChange {
  return {
    aor: target,
    fn(current) {
      if (current?.body.kind !== 'account') return { keep: true, result: null }
      const aliases = current.body.aliases.filter((one) => one !== alias)
      if (aliases.length === current.body.aliases.length) return { keep: true, result: null }
      return { body: { ...current.body, aliases, changedAt }, result: null }
    },
  }
}
