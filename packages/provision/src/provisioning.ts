import {
  type Clock,
  type Logger,
  type Random,
  type RecordKey,
  type RecordStore,
  type Sealer,
  Slices,
} from '@thor-node/core'
import type { EnumDirectory, ZoneDirectory } from '@thor-node/dns'
import type { Admins } from './accounts/admins.ts'
import type { AccountDirectory } from './accounts/directory.ts'
import { Logins } from './accounts/logins.ts'
import { Registers } from './accounts/registers.ts'
import { Tokens } from './accounts/tokens.ts'
import { Audit } from './audit/audit.ts'
import type { CallHistory, DeviceLocations, NetworkState, SipTraces } from './delegates.ts'
import { limits } from './limits.ts'
import { Balances } from './money/balances.ts'
import { CreditCounts } from './operations/credit-counts.ts'
import { ProvisionRecords } from './records/index.ts'
import { Idempotency } from './rest/idempotency.ts'
import { Dispatcher } from './schema/dispatcher.ts'

export interface ProvisioningComponents {
  store: RecordStore
  /** With the ring's key for credentials. */
  sealer: Sealer
  directory: AccountDirectory
  /** Ranges and numbers of ENUM. */
  numbers: EnumDirectory
  zones: ZoneDirectory
  admins: Admins
  locations: DeviceLocations
  calls: CallHistory
  network: NetworkState
  traces: SipTraces
  /** Keeps a SET record that found no quorum until it is stored. */
  spool?(key: RecordKey, body: unknown): Promise<void>
  clock: Clock
  random: Random
  logger: Logger
}

export interface ProvisioningInit {
  /** Name of this node, for the audit log. */
  node: string
}

/** All of provisioning but its servers: what SOAP, REST and the command line share. */
export class Provisioning {
  readonly records: ProvisionRecords
  readonly tokens: Tokens
  readonly logins: Logins
  readonly audit: Audit
  readonly dispatcher: Dispatcher
  readonly balances: Balances
  readonly idempotency: Idempotency
  readonly slices: Slices

  constructor(components: ProvisioningComponents, init: ProvisioningInit) {
    const { store } = components
    const registers = new Registers(components)
    this.records = new ProvisionRecords({ ...components, registers })
    this.tokens = new Tokens({ ...components, registers })
    this.idempotency = new Idempotency({ registers })
    this.balances = new Balances(components)
    this.logins = new Logins({ ...components, customers: this.records.customers, tokens: this.tokens })
    this.audit = new Audit({ ...components, set: store.set }, init)
    this.slices = new Slices(components, { sliceMs: limits.sliceMs })
    const creditCounts = new CreditCounts(components)
    const { records, balances, logins, audit, slices } = this
    this.dispatcher = new Dispatcher({ ...components, records, balances, logins, audit, slices, creditCounts })
  }
}
