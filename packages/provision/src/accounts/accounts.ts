import { type Aor, type Decision, errorCode, makeAor, type Sealer, splitAor, type Versioned } from '@thor-node/core'
import { failure, invalid } from '../errors.ts'
import { limits } from '../limits.ts'
import { clearingBelongings, numbersGone } from './belongings.ts'
import type { AccountRecord, AddressRecord, DomainRecord } from './contract.ts'
import { makeCredentials, sealCredentials } from './credentials.ts'
import type { Domains } from './domains.ts'
import { type AccountCompany, type AccountInput, AUTOINCREMENT, type ChangeOptions } from './input.ts'
import { type AddressChange, addressPart, checkEtag, type Registers } from './registers.ts'
import * as validate from './validate.ts'

export const accountUnknown = (aor: Aor) => failure('PROVISION_ACCOUNT_UNKNOWN', `SIP account ${aor} does not exist`)

/** First number that `<autoincrement>` gives in a domain without numeric usernames. */
const AUTOINCREMENT_FIRST = 1_001
const NUMERIC = /^[1-9]\d{0,14}$/

const blank = {
  firstName: '',
  lastName: '',
  email: '',
  timezone: '',
  owner: 0,
  rpid: '',
  groups: [],
  prepaid: false,
  quota: 0,
  quickdialPrefix: '',
  region: '',
  callLimit: 0,
  acl: [],
  properties: [],
} satisfies Partial<AccountRecord>

/** The aliases of an account are others than were read. */
const CHANGED = new Error('aliases changed')
const CHANGED_TRIES = 5

/** The part of a transaction that deletes an alias, if it still points to its account. */
const aliasGone = (aor: Aor, target: Aor): AddressChange => ({
  aor,
  fn: (current) =>
    current?.body.kind === 'alias' && current.body.target === target
      ? { body: undefined, result: null }
      : { keep: true, result: null },
})

/** An account that was added, and its domain as it was read afterwards. */
export interface AddedAccount {
  record: AccountRecord
  owner: DomainRecord
}

/** Accounts: `acct/<aor>`, which they share with aliases, so that an address is never both. */
export class Accounts {
  readonly #registers: Registers
  readonly #sealer: Sealer
  readonly #domains: Domains
  readonly #timeoutSeconds: number

  constructor(
    components: { registers: Registers; sealer: Sealer; domains: Domains },
    init: { timeoutSeconds: number },
  ) {
    this.#registers = components.registers
    this.#sealer = components.sealer
    this.#domains = components.domains
    this.#timeoutSeconds = init.timeoutSeconds
  }

  /** With `company`, all of it or nothing. */
  async add(input: AccountInput, company?: AccountCompany): Promise<AddedAccount> {
    const domain = validate.domainName(input.domain)
    validate.password(input.password)
    await this.#domains.requireBefore(domain)
    if (input.username !== AUTOINCREMENT)
      return this.#create(makeAor(validate.user(input.username), domain), input, company)
    for (let attempt = 0; attempt < limits.autoincrementTries; attempt++) {
      try {
        return await this.#create(makeAor(await this.#nextNumber(domain), domain), input, company)
      } catch (error) {
        if (errorCode(error) !== 'PROVISION_ACCOUNT_EXISTS') throw error
      }
    }
    throw failure('PROVISION_NAMES_EXHAUSTED', `no free number was found in ${domain}; choose a username`)
  }

  async #create(aor: Aor, input: AccountInput, company?: AccountCompany): Promise<AddedAccount> {
    const fields = validate.accountFields(input)
    const now = this.#registers.wall()
    const record: AccountRecord = {
      kind: 'account',
      aor,
      ...blank,
      timeout: this.#timeoutSeconds,
      ...fields,
      sealedCredentials: sealCredentials(this.#sealer, makeCredentials(aor, input.password)),
      aliases: company?.aliases ?? [],
      ...(company && { numbers: company.numbers }),
      createdAt: now,
      changedAt: now,
    }
    const make = (current: Versioned<AddressRecord> | undefined): Decision<AddressRecord, null> => {
      if (current?.body.kind === 'alias') {
        throw failure('PROVISION_ACCOUNT_EXISTS', `${aor} is an alias of ${current.body.target}`)
      }
      if (current) throw failure('PROVISION_ACCOUNT_EXISTS', `SIP account ${aor} exists already`)
      return { body: record, result: null }
    }
    if (company) {
      // Which of several that are taken is told, is the order of the ring: clients act on the account.
      make(await this.#registers.read<AddressRecord>('acct', aor))
      await this.#registers.transactAll([addressPart({ aor, fn: make }), ...company.parts(aor)])
    } else await this.#registers.change<AddressRecord, null>('acct', aor, make)
    // The other half of Domains.delete: whoever wrote second sees the other.
    const owner = await this.#domains.find(splitAor(aor)?.domain ?? '')
    if (!owner) {
      await this.delete(aor, { withNumbers: true })
      throw failure('PROVISION_DOMAIN_UNKNOWN', `the domain of ${aor} was deleted just now`)
    }
    return { record, owner: owner.body }
  }

  async #nextNumber(domain: string): Promise<string> {
    const counter = await this.#registers.read<{ last: number }>('autoincrement', domain)
    let floor = AUTOINCREMENT_FIRST - 1
    if (!counter) {
      for (const { aor } of await this.#registers.list<AddressRecord>('acct')) {
        const parts = splitAor(aor)
        if (parts?.domain === domain && NUMERIC.test(parts.user)) floor = Math.max(floor, Number(parts.user))
      }
    }
    const next = await this.#registers.change<{ last: number }, number>('autoincrement', domain, (current) => {
      const last = Math.max(current?.body.last ?? 0, floor) + 1
      return { body: { last }, result: last }
    })
    return String(next)
  }

  /** Fields that are absent keep their value; `groups`, `acl` and `properties` replace the whole list. */
  async update(input: AccountInput, options: ChangeOptions = {}): Promise<AccountRecord> {
    const aor = makeAor(validate.user(input.username), validate.domainName(input.domain))
    const changes: Partial<AccountRecord> = validate.accountFields(input)
    if (input.password !== undefined && input.password !== '') {
      changes.sealedCredentials = sealCredentials(this.#sealer, makeCredentials(aor, input.password))
    }
    return this.change(aor, (record) => ({ ...record, ...changes }), options)
  }

  /** Applies a pure function to an account. Returning the same object changes nothing. */
  change(aor: Aor, fn: (record: AccountRecord) => AccountRecord, options: ChangeOptions = {}): Promise<AccountRecord> {
    const changedAt = this.#registers.wall()
    return this.#registers.change<AddressRecord, AccountRecord>('acct', aor, (current) => {
      if (current?.body.kind !== 'account') throw accountUnknown(aor)
      checkEtag(current, options.etag, `SIP account ${aor}`)
      const record = current.body
      const next = fn(record)
      if (next === record) return { keep: true, result: record }
      const body: AccountRecord = { ...next, changedAt }
      return { body, result: body }
    })
  }

  /**
   * Its aliases go with it, all that `clearingBelongings` names, and its numbers where that is asked for, in one transaction; the
   * first aliases and numbers ahead, when there are more than fit into one.
   */
  async delete(aor: Aor, options: ChangeOptions & { withNumbers?: boolean } = {}): Promise<void> {
    let first = true
    for (let changed = 0; ; ) {
      const seen = await this.require(aor)
      // What went ahead changed the account, so the etag counts once.
      if (first) checkEtag(seen, options.etag, `SIP account ${aor}`)
      const { aliases, numbers = [] } = seen.body
      const goneAliases = aliases.slice(0, limits.aliasesAtOnce)
      const room = options.withNumbers ? limits.aliasesAtOnce - goneAliases.length : 0
      const goneNumbers = numbers.slice(0, room)
      const left = { aliases: aliases.slice(goneAliases.length), numbers: numbers.slice(goneNumbers.length) }
      const isLast = left.aliases.length === 0 && (!options.withNumbers || left.numbers.length === 0)
      const changedAt = this.#registers.wall()
      const remove: AddressChange = {
        aor,
        fn(current) {
          if (current?.body.kind !== 'account') throw accountUnknown(aor)
          if (first) checkEtag(current, options.etag, `SIP account ${aor}`)
          if (current.body.aliases.join() !== aliases.join()) throw CHANGED
          return isLast
            ? { body: undefined, result: null }
            : { body: { ...current.body, ...left, changedAt }, result: null }
        },
      }
      const addresses = [remove, ...goneAliases.map((alias) => aliasGone(alias, aor))]
      try {
        await this.#registers.transactAll([
          ...addresses.map(addressPart),
          ...numbersGone(goneNumbers, aor, changedAt),
          ...(isLast ? await clearingBelongings(this.#registers, aor, this.#registers.freshId()) : []),
        ])
      } catch (error) {
        if (error !== CHANGED) throw error
        if (++changed === CHANGED_TRIES) throw failure('PROVISION_CONFLICT', `SIP account ${aor} is changed by others`)
        continue
      }
      if (isLast) return
      first = false
    }
  }

  async find(aor: Aor): Promise<Versioned<AccountRecord> | undefined> {
    const found = await this.#registers.read<AddressRecord>('acct', aor)
    return found?.body.kind === 'account' ? { ...found, body: found.body } : undefined
  }

  async require(aor: Aor): Promise<Versioned<AccountRecord>> {
    const found = await this.find(aor)
    if (!found) throw accountUnknown(aor)
    return found
  }

  async list(): Promise<AccountRecord[]> {
    return (await this.#registers.list<AddressRecord>('acct')).filter((record) => record.kind === 'account')
  }

  async addToGroup(aor: Aor, name: string): Promise<AccountRecord> {
    const group = validate.group(name)
    return this.change(aor, (record) => {
      if (record.groups.includes(group)) throw failure('PROVISION_GROUP_MEMBER', `${aor} is in group ${group} already`)
      if (record.groups.length >= limits.groupsMax) throw invalid('group', `${aor} is in ${limits.groupsMax} groups`)
      return { ...record, groups: [...record.groups, group] }
    })
  }

  async removeFromGroup(aor: Aor, name: string): Promise<AccountRecord> {
    const group = validate.group(name)
    return this.change(aor, (record) => {
      if (!record.groups.includes(group)) throw failure('PROVISION_GROUP_NOT_MEMBER', `${aor} is not in group ${group}`)
      return { ...record, groups: record.groups.filter((member) => member !== group) }
    })
  }
}
