import { type Aor, splitAor, type Versioned } from '@thor-node/core'
import { failure, invalid } from '../errors.ts'
import { limits } from '../limits.ts'
import { type Accounts, accountUnknown } from './accounts.ts'
import type { AddressRecord, AliasRecord } from './contract.ts'
import type { Domains } from './domains.ts'
import type { AliasInput, ChangeOptions } from './input.ts'
import { checkEtag, type Registers } from './registers.ts'
import { identity } from './validate.ts'

export const aliasUnknown = (aor: Aor) => failure('PROVISION_ALIAS_UNKNOWN', `SIP alias ${aor} does not exist`)

/**
 * Aliases: `acct/<alias>`, a register in another range than the account's, so a change of both has several steps. Their
 * order keeps one rule at every moment, a crash included: **an alias that exists is listed in its account's `aliases`**.
 * The reverse (listed, but without a record) may be left by a crash between two steps and does no harm: calls and lists
 * go by the record, and deleting the account ignores it.
 */
export class Aliases {
  readonly #registers: Registers
  readonly #accounts: Accounts
  readonly #domains: Domains

  constructor(components: { registers: Registers; accounts: Accounts; domains: Domains }) {
    this.#registers = components.registers
    this.#accounts = components.accounts
    this.#domains = components.domains
  }

  async add(input: AliasInput): Promise<AliasRecord> {
    const { aor, target } = input
    const owner = input.owner === undefined ? undefined : identity(input.owner, 'owner')
    const taken = (current: AddressRecord) =>
      failure(
        'PROVISION_ALIAS_EXISTS',
        current.kind === 'alias' ? `SIP alias ${aor} exists already` : `${aor} is an account`,
      )
    const domain = splitAor(aor)?.domain ?? ''
    await this.#domains.require(domain)
    // Before the account lists it: nobody may claim an address that is somebody else's, not even for a moment.
    const present = await this.#registers.read<AddressRecord>('acct', aor)
    if (present) throw taken(present.body)
    const account = await this.#list(target, aor)
    const record: AliasRecord = {
      kind: 'alias',
      aor,
      target,
      owner: owner ?? account.owner,
      changedAt: this.#registers.wall(),
    }
    try {
      await this.#registers.change<AddressRecord, null>('acct', aor, (current) => {
        if (current) throw taken(current.body)
        return { body: record, result: null }
      })
    } catch (error) {
      const now = await this.#registers.read<AddressRecord>('acct', aor)
      if (!(now?.body.kind === 'alias' && now.body.target === target)) await this.#unlist(target, aor)
      throw error
    }
    await this.#verify(record)
    return record
  }

  /** Another target, another owner, or both. */
  async update(input: AliasInput, options: ChangeOptions = {}): Promise<AliasRecord> {
    const { aor, target } = input
    const owner = input.owner === undefined ? undefined : identity(input.owner, 'owner')
    const before = await this.require(aor)
    checkEtag(before, options.etag, `SIP alias ${aor}`)
    await this.#list(target, aor)
    const changedAt = this.#registers.wall()
    const { record, old } = await this.#registers.change<AddressRecord, { record: AliasRecord; old: Aor }>(
      'acct',
      aor,
      (current) => {
        if (current?.body.kind !== 'alias') throw aliasUnknown(aor)
        checkEtag(current, options.etag, `SIP alias ${aor}`)
        const body: AliasRecord = { ...current.body, target, owner: owner ?? current.body.owner, changedAt }
        return { body, result: { record: body, old: current.body.target } }
      },
    )
    if (old !== target) await this.#unlist(old, aor)
    await this.#verify(record)
    return record
  }

  async delete(aor: Aor, options: ChangeOptions = {}): Promise<void> {
    const target = await this.#registers.change<AddressRecord, Aor>('acct', aor, (current) => {
      if (current?.body.kind !== 'alias') throw aliasUnknown(aor)
      checkEtag(current, options.etag, `SIP alias ${aor}`)
      return { body: undefined, result: current.body.target }
    })
    await this.#unlist(target, aor)
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

  #list(target: Aor, alias: Aor) {
    return this.#accounts.change(target, (record) => {
      if (record.aliases.includes(alias)) return record
      if (record.aliases.length >= limits.aliasesMax) {
        throw invalid('target', `${target} has ${limits.aliasesMax} aliases, which is the limit`)
      }
      return { ...record, aliases: [...record.aliases, alias] }
    })
  }

  async #unlist(target: Aor, alias: Aor): Promise<void> {
    await this.#accounts
      .change(target, (record) =>
        record.aliases.includes(alias)
          ? { ...record, aliases: record.aliases.filter((listed) => listed !== alias) }
          : record,
      )
      .catch((error: unknown) => {
        if (!isUnknown(error)) throw error
      })
  }

  /** Account or domain may have been deleted between our steps: then the alias goes too. */
  async #verify(record: AliasRecord): Promise<void> {
    const account = await this.#accounts.find(record.target)
    const domain = await this.#domains.find(splitAor(record.aor)?.domain ?? '')
    if (account?.body.aliases.includes(record.aor) && domain) return
    await this.#registers.change<AddressRecord, null>('acct', record.aor, (current) =>
      current?.body.kind === 'alias' && current.body.target === record.target
        ? { body: undefined, result: null }
        : { keep: true, result: null },
    )
    await this.#unlist(record.target, record.aor)
    throw domain
      ? accountUnknown(record.target)
      : failure('PROVISION_DOMAIN_UNKNOWN', `the domain of ${record.aor} was deleted just now`)
  }
}

const isUnknown = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'PROVISION_ACCOUNT_UNKNOWN'
