import type { Random, RecordStore, Sealer } from '@thor-node/core'
import type { EnumDirectory, ZoneDirectory } from '@thor-node/dns'
import type { RegisterChange, Registers } from '../accounts/registers.ts'
import { invalid } from '../errors.ts'
import { limits } from '../limits.ts'
import type { PresenceRow } from '../operations/presence.ts'
import type { Value } from '../schema/types.ts'
import { Customers } from './customers.ts'
import { type EmergencyRow, emergencyTable } from './emergency.ts'
import { AccountTables } from './preferences.ts'
import { RecordTable } from './table.ts'
import { TrunkTables } from './trunks.ts'
import { Mailboxes } from './voicemail.ts'

/** Everything that operators configure beside domains, accounts and aliases. */
export class ProvisionRecords {
  readonly trunks: TrunkTables
  /** Ranges and numbers of ENUM, which `dns` keeps for everybody. */
  readonly numbers: EnumDirectory
  /** Zones, the same. */
  readonly zones: ZoneDirectory
  readonly customers: Customers
  readonly accounts: AccountTables
  readonly mailboxes: Mailboxes
  readonly profiles: RecordTable<Value<'RatingEntityProfiles'>>
  readonly presence: RecordTable<PresenceRow>
  readonly emergency: RecordTable<EmergencyRow>
  readonly #registers: Registers

  constructor(components: {
    registers: Registers
    store: Pick<RecordStore, 'set'>
    sealer: Sealer
    random: Random
    numbers: EnumDirectory
    zones: ZoneDirectory
  }) {
    this.#registers = components.registers
    this.trunks = new TrunkTables(components)
    this.numbers = components.numbers
    this.zones = components.zones
    this.customers = new Customers(components)
    this.emergency = emergencyTable(components)
    this.accounts = new AccountTables(components)
    this.mailboxes = new Mailboxes(components)
    this.profiles = new RecordTable(components, {
      kind: 'profiles',
      what: 'rating profiles of',
      unknown: 'PROVISION_PROFILE_UNKNOWN',
      exists: 'PROVISION_CONFLICT',
    })
    this.presence = new RecordTable(components, {
      kind: 'presence',
      what: 'presence of',
      unknown: 'PROVISION_ACCOUNT_UNKNOWN',
      exists: 'PROVISION_ACCOUNT_EXISTS',
    })
  }

  /** For an operation of its own. */
  freshId(): string {
    return this.#registers.freshId()
  }

  /** Several registers, all or none. Throws PROVISION_INVALID_VALUE for more than fit into one transaction. */
  async transact(changes: readonly RegisterChange[]): Promise<void> {
    if (changes.length > limits.changesAtOnce) {
      throw invalid('request', `changes ${changes.length} records at once; ${limits.changesAtOnce} is the limit`)
    }
    if (changes.length > 0) await this.#registers.transactAll(changes)
  }
}
