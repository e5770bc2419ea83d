import type { Registers } from '../accounts/registers.ts'
import { email, text, timezone, user } from '../accounts/validate.ts'
import { failure, invalid } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Value } from '../schema/types.ts'
import { checkMembers, listOf, matching, type Rules } from './rules.ts'
import { RecordTable, type Stamped } from './table.ts'

/** `customer/<id>`. The password is what scrypt makes of it. */
export type CustomerRow = Omit<Value<'CustomerAccount'>, 'password'> & { secret?: Secret }
export interface Secret {
  salt: Uint8Array
  hash: Uint8Array
  costLog2: number
}

export type CustomerRecord = CustomerRow & Stamped

const country = matching(/^([A-Za-z]{2})?$/, 'a country of two letters')

const property = (value: Value<'CustomerProperty'>, field: string): Value<'CustomerProperty'> => {
  const checked = checkMembers('CustomerProperty', value, propertyRules, field)
  if (!checked.name) throw invalid(`${field}.name`, 'is empty')
  return { value: '', category: '', permission: '', ...checked }
}

const propertyRules: Rules<'CustomerProperty'> = {
  name: (value: string, field: string) => text(value, field, 64),
  value: (value: string, field: string) => text(value, field, limits.propertyValueBytesMax),
}

export const customerProperties = listOf(limits.propertiesMax, property)

export const customerRules: Rules<'CustomerAccount'> = {
  username: (value: string, field: string) => (value === '' ? value : user(value, field)),
  email,
  billingEmail: (value: string, field: string) => (value === '' ? value : text(value, field)),
  timezone,
  country,
  address: (value: string, field: string) => multiline(value, field),
  billingAddress: (value: string, field: string) => multiline(value, field),
  properties: customerProperties,
}

/** Addresses have lines. */
function multiline(value: string, field: string): string {
  text(value.replace(/[\r\n\t]/g, ' '), field, 1_024)
  return value
}

export const blankCustomer: CustomerRow = {
  ...{ impersonate: 0, resellerActive: true, companyCode: '', balance: 0, credit: 0 },
  ...{ firstName: '', lastName: '', organization: '', tel: '', fax: '', sip: '', enum: '', mobile: '', email: '' },
  ...{ web: '', address: '', postcode: '', city: '', state: '', country: '', timezone: '', language: '' },
  ...{ vatNumber: '', bankAccount: '', billingEmail: '', billingAddress: '', properties: [] },
}

/** Customers and resellers: `customer/<id>`, and `customername/<username>`, which makes names unique and log-ins quick. */
export class Customers {
  readonly table: RecordTable<CustomerRow>
  readonly #names: RecordTable<{ id: number }>
  readonly #registers: Registers

  constructor(components: { registers: Registers }) {
    this.#registers = components.registers
    this.table = new RecordTable(components, {
      kind: 'customer',
      what: 'customer',
      unknown: 'PROVISION_CUSTOMER_UNKNOWN',
      exists: 'PROVISION_CUSTOMER_EXISTS',
    })
    this.#names = new RecordTable(components, {
      kind: 'customername',
      what: 'customer',
      unknown: 'PROVISION_CUSTOMER_UNKNOWN',
      exists: 'PROVISION_CUSTOMER_EXISTS',
    })
  }

  /** Gives it an id; without a reseller it becomes one. */
  async add(row: CustomerRow): Promise<CustomerRecord> {
    const id = await this.table.nextId()
    const record = { ...blankCustomer, ...row, id, reseller: row.reseller || id }
    const changes = [this.table.adding(`${id}`, record)]
    if (record.username) changes.push(this.#names.adding(record.username, { id }))
    await this.#registers.transactAll(changes)
    return (await this.table.require(`${id}`)).body
  }

  async update(
    id: number,
    change: (record: CustomerRecord) => CustomerRow,
    username?: string,
  ): Promise<CustomerRecord> {
    const before = (await this.table.require(`${id}`)).body.username ?? ''
    const after = username ?? before
    if (after === before) return this.table.change(`${id}`, change)
    const checked = (record: CustomerRecord): CustomerRow => {
      if ((record.username ?? '') !== before) {
        throw failure('PROVISION_CONFLICT', `customer ${id} was changed by somebody else; read it again`)
      }
      return change(record)
    }
    const changes = [this.table.changing(`${id}`, checked)]
    if (before !== '') changes.push(this.#names.removing(before))
    if (after !== '') changes.push(this.#names.adding(after, { id }))
    await this.#registers.transactAll(changes)
    return (await this.table.require(`${id}`)).body
  }

  async remove(id: number): Promise<void> {
    const { username = '' } = (await this.table.require(`${id}`)).body
    const changes = [this.table.removing(`${id}`)]
    if (username !== '') changes.push(this.#names.removing(username))
    await this.#registers.transactAll(changes)
  }

  /** For log-ins, strictly. */
  async byName(username: string): Promise<CustomerRecord | undefined> {
    const pointer = await this.#names.find(username)
    return pointer && (await this.table.find(`${pointer.body.id}`))?.body
  }

  /** The value of a property, such as `sip_credit`. */
  static property(record: CustomerRow | undefined, name: string): string | undefined {
    return record?.properties?.find((one) => one.name === name)?.value
  }
}
