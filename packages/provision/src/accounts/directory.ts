import {
  type Aor,
  type Clock,
  errorMessage,
  type Logger,
  type Random,
  type RecordStore,
  type Sealer,
  splitAor,
  type Versioned,
} from '@thor-node/core'
import { Accounts, type AddedAccount } from './accounts.ts'
import { Aliases } from './aliases.ts'
import type {
  AccountRecord,
  AddressRecord,
  AliasRecord,
  Credentials,
  DialPlanRecord,
  DomainRecord,
} from './contract.ts'
import { openCredentials } from './credentials.ts'
import { Domains, openPrivateKey } from './domains.ts'
import type { AccountCompany, AccountInput, AliasInput, ChangeOptions, DomainInput } from './input.ts'
import { Registers } from './registers.ts'

export interface DirectoryComponents {
  store: RecordStore
  /** With the ring's key for credentials. */
  sealer: Sealer
  clock: Clock
  random: Random
  logger: Logger
}

export interface DirectoryInit {
  /** No-answer time of accounts that are added without one. @default 35 seconds */
  timeoutSeconds?: number
  /**
   * Clears what others keep under the address of an account that was deleted, so that who gets the address next does not
   * get it. Awaited before the deletion is answered; when it fails, the deletion stands.
   */
  onAccountDeleted?(aor: Aor): Promise<void>
}

/**
 * Domains, accounts, aliases and groups, for SOAP and the command line alike. Everything is acknowledged by the store
 * before it is answered, and read strictly, so what one node wrote another reads at once; lists are near.
 *
 * Failures are ThorError: `PROVISION_…` of errors.ts, and what the store raises. Changes take an `etag`, as returned by
 * `getAccount` and its like.
 */
export class AccountDirectory {
  readonly #registers: Registers
  readonly #sealer: Sealer
  readonly #logger: Logger
  readonly #domains: Domains
  readonly #accounts: Accounts
  readonly #aliases: Aliases
  readonly #onAccountDeleted: DirectoryInit['onAccountDeleted']

  constructor(components: DirectoryComponents, init: DirectoryInit = {}) {
    const { sealer } = components
    const registers = new Registers(components)
    this.#registers = registers
    this.#onAccountDeleted = init.onAccountDeleted
    this.#sealer = sealer
    this.#logger = components.logger.forComponent('provision:directory')
    this.#domains = new Domains({ registers, sealer })
    this.#accounts = new Accounts(
      { registers, sealer, domains: this.#domains },
      { timeoutSeconds: init.timeoutSeconds ?? 35 },
    )
    this.#aliases = new Aliases({ registers, domains: this.#domains })
  }

  async addDomain(input: DomainInput): Promise<DomainRecord> {
    const record = await this.#domains.add(input)
    this.#logger.info('domain added', { domain: record.domain })
    return record
  }

  updateDomain(input: DomainInput, options?: ChangeOptions): Promise<DomainRecord> {
    return this.#domains.update(input, options)
  }

  /** Undefined: that of the ring counts again. */
  setDialPlan(
    domain: string,
    plan: Partial<DialPlanRecord> | undefined,
    options?: ChangeOptions,
  ): Promise<DomainRecord> {
    return this.#domains.setDialPlan(domain, plan, options)
  }

  /** Refused with PROVISION_DOMAIN_IN_USE while accounts or aliases exist in it. */
  async deleteDomain(domain: string, options?: ChangeOptions): Promise<void> {
    const inUse = async (name: string): Promise<boolean> =>
      (await this.#registers.list<AddressRecord>('acct')).some(({ aor }) => splitAor(aor)?.domain === name)
    await this.#domains.delete(domain, inUse, options)
    this.#logger.info('domain deleted', { domain })
  }

  getDomain(domain: string): Promise<Versioned<DomainRecord>> {
    return this.#domains.require(domain)
  }

  findDomain(domain: string): Promise<Versioned<DomainRecord> | undefined> {
    return this.#domains.find(domain)
  }

  /** A copy where the domain's range has no quorum. */
  knownDomain(domain: string): Promise<Versioned<DomainRecord> | undefined> {
    return this.#domains.known(domain)
  }

  /** For `knownDomain`: this node takes copies of all domains, as far as it has room. */
  seeDomains(): Promise<void> {
    return this.#domains.see()
  }

  /** All domains, sorted. A near read of the whole ring: for nodes to keep a copy of, and for lists. */
  domains(): Promise<DomainRecord[]> {
    return this.#domains.list()
  }

  /** The private key of the domain's certificate, PEM; '' when there is none. */
  privateKey(record: DomainRecord): string {
    return openPrivateKey(this.#sealer, record)
  }

  /** With `company`, that is made in the same transaction: all or nothing. */
  async addAccount(input: AccountInput, company?: AccountCompany): Promise<AccountRecord> {
    return (await this.addOwnedAccount(input, company)).record
  }

  /** The same, and tells the domain that the account has got into. */
  async addOwnedAccount(input: AccountInput, company?: AccountCompany): Promise<AddedAccount> {
    const added = await this.#accounts.add(input, company)
    // The audit log has it; a line for each would be a good part of what a thousand cost.
    this.#logger.debug('account added', { aor: added.record.aor })
    return added
  }

  updateAccount(input: AccountInput, options?: ChangeOptions): Promise<AccountRecord> {
    return this.#accounts.update(input, options)
  }

  /** Its aliases go with it, its numbers where that is asked for, and what `onAccountDeleted` clears. */
  async deleteAccount(aor: Aor, options?: ChangeOptions & { withNumbers?: boolean }): Promise<void> {
    await this.#accounts.delete(aor, options)
    this.#logger.info('account deleted', { aor })
    await this.#onAccountDeleted?.(aor).catch((error: unknown) => {
      this.#logger.warn('what was kept for a deleted account could not be cleared', { aor, error: errorMessage(error) })
    })
  }

  getAccount(aor: Aor): Promise<Versioned<AccountRecord>> {
    return this.#accounts.require(aor)
  }

  findAccount(aor: Aor): Promise<Versioned<AccountRecord> | undefined> {
    return this.#accounts.find(aor)
  }

  /** All accounts of the ring, sorted by address. Near. */
  accounts(): Promise<AccountRecord[]> {
    return this.#accounts.list()
  }

  credentials(record: AccountRecord): Credentials {
    return openCredentials(this.#sealer, record)
  }

  async addAlias(input: AliasInput): Promise<AliasRecord> {
    const record = await this.#aliases.add(input)
    this.#logger.info('alias added', { aor: record.aor, target: record.target })
    return record
  }

  updateAlias(input: AliasInput, options?: ChangeOptions): Promise<AliasRecord> {
    return this.#aliases.update(input, options)
  }

  deleteAlias(aor: Aor, options?: ChangeOptions): Promise<void> {
    return this.#aliases.delete(aor, options)
  }

  getAlias(aor: Aor): Promise<Versioned<AliasRecord>> {
    return this.#aliases.require(aor)
  }

  /** All aliases of the ring, sorted by address. Near. */
  aliases(): Promise<AliasRecord[]> {
    return this.#aliases.list()
  }

  addToGroup(aor: Aor, group: string): Promise<AccountRecord> {
    return this.#accounts.addToGroup(aor, group)
  }

  removeFromGroup(aor: Aor, group: string): Promise<AccountRecord> {
    return this.#accounts.removeFromGroup(aor, group)
  }

  async groups(aor: Aor): Promise<string[]> {
    return (await this.#accounts.require(aor)).body.groups
  }
}
