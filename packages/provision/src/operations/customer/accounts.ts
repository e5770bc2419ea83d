import { failure, invalid } from '../../errors.ts'
import { type CustomerRecord, type CustomerRow, customerRules } from '../../records/customers.ts'
import { checkMembers, needMembers } from '../../records/rules.ts'
import { type OperationContext, operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { rowOf, runQuery } from '../queries.ts'
import { dated, inScope } from '../scope.ts'
import { keptProperties } from './properties.ts'

export function toWire({ secret: _, ...record }: CustomerRecord): Value<'CustomerAccount'> {
  return dated(record)
}

/** Customers are their own customer. */
export const ownersOf = ({ id = 0, reseller = 0 }: CustomerRow) => ({ customer: id, reseller })

/** A customer that is the caller's: itself, or one of its own. That of another is unknown to it. */
export async function ownedCustomer(context: OperationContext, given: number | undefined): Promise<CustomerRecord> {
  const id = required(given, 'id')
  const { table } = context.records.customers
  const found = await table.require(`${id}`)
  if (!inScope(context, ownersOf(found.body))) throw table.unknown(`${id}`)
  context.request.seen = found.etag
  return found.body
}

/** What the caller may say of who a customer is. Throws PROVISION_FORBIDDEN, PROVISION_INVALID_VALUE. */
function checkStanding(context: OperationContext, wire: CustomerRow, before: CustomerRow | undefined): void {
  const { impersonate, reseller: own, isReseller, mayAdd } = context.caller
  if (impersonate !== 0) {
    const forbidden = (why: string) => failure('PROVISION_FORBIDDEN', why)
    if (!before && (!isReseller || !mayAdd)) throw forbidden('only active resellers and administrators add customers')
    if (wire.reseller !== undefined && wire.reseller !== own) throw forbidden(`reseller must be ${own}`)
    if (wire.resellerActive !== undefined && before && wire.resellerActive !== before.resellerActive) {
      throw forbidden('only administrators change resellerActive')
    }
    for (const name of ['balance', 'credit'] as const) {
      const changed = wire[name] !== undefined && wire[name] !== (before?.[name] ?? 0)
      if (changed && !isReseller) throw forbidden(`${name} is not yours to change`)
    }
    const { impersonate: wanted } = wire
    if (wanted && !isReseller && wanted !== before?.impersonate && wanted !== before?.id) {
      throw forbidden('impersonate is not yours to change')
    }
  }
  const allowed = [0, before?.id, wire.reseller ?? before?.reseller ?? own]
  if (wire.impersonate && wire.impersonate !== before?.impersonate && !allowed.includes(wire.impersonate)) {
    throw invalid('impersonate', 'is neither the customer nor its reseller')
  }
}

async function checkedRow(context: OperationContext, wire: Value<'CustomerAccount'>, before?: CustomerRecord) {
  const { password, changeDate: _, id: _id, ...row } = checkMembers('CustomerAccount', wire, customerRules)
  checkStanding(context, row, before)
  if (row.properties) row.properties = keptProperties(context, before?.properties ?? [], row.properties)
  if (password === undefined || password === '') return row as CustomerRow
  return { ...row, secret: await context.logins.hash(password) } as CustomerRow
}

export const addAccount = operation({
  port: 'Customer',
  name: 'addAccount',
  doc: 'Adds a customer; without a reseller it becomes one. The answer has its id.',
  rest: 'POST /customers',
  input: { account: 'CustomerAccount' },
  output: 'CustomerAccount',
  faults: ['PROVISION_CUSTOMER_EXISTS', 'PROVISION_CUSTOMER_UNKNOWN'],
  async run(context, args) {
    const wire = required(args.account, 'account')
    needMembers(wire, ['username', 'password'])
    const row = await checkedRow(context, wire)
    const reseller = context.caller.impersonate === 0 ? (row.reseller ?? 0) : context.caller.reseller
    if (reseller !== 0) await context.records.customers.table.require(`${reseller}`)
    return toWire(await context.records.customers.add({ ...row, reseller }))
  },
})

export const updateAccount = operation({
  port: 'Customer',
  name: 'updateAccount',
  doc: 'Changes the members that are given; properties are replaced as a list.',
  rest: 'PATCH /customers/{account.id}',
  guarded: true,
  input: { account: 'CustomerAccount' },
  output: 'CustomerAccount',
  faults: ['PROVISION_CUSTOMER_UNKNOWN', 'PROVISION_CUSTOMER_EXISTS'],
  async run(context, args) {
    const wire = required(args.account, 'account')
    const before = await ownedCustomer(context, wire.id)
    if (context.request.etag !== undefined && context.request.etag !== context.request.seen) {
      throw failure('PROVISION_CONFLICT', `customer ${wire.id} was changed by somebody else; read it again`)
    }
    const row = await checkedRow(context, wire, before)
    const change = (record: CustomerRecord): CustomerRow => ({ ...record, ...row })
    return toWire(await context.records.customers.update(before.id as number, change, row.username))
  },
})

export const deleteAccount = operation({
  port: 'Customer',
  name: 'deleteAccount',
  doc: 'Deletes a customer that owns nothing any more.',
  rest: 'DELETE /customers/{id}',
  input: { id: 'int' },
  faults: ['PROVISION_CUSTOMER_UNKNOWN', 'PROVISION_CUSTOMER_IN_USE'],
  async run(context, args) {
    const { id = 0 } = await ownedCustomer(context, args.id)
    if (id === context.caller.impersonate) throw failure('PROVISION_FORBIDDEN', 'nobody deletes itself')
    const has = await ownedBy(context, id)
    if (has) throw failure('PROVISION_CUSTOMER_IN_USE', `customer ${id} owns ${has}; delete those first`)
    await context.records.customers.remove(id)
  },
})

/** The first kind of records that a customer owns, in words. Near. */
async function ownedBy({ directory, records }: OperationContext, id: number): Promise<string | undefined> {
  const owns = (owned: { customer?: number; reseller?: number }): boolean =>
    owned.customer === id || owned.reseller === id
  const looks: [what: string, look: () => Promise<{ customer?: number; reseller?: number }[]>][] = [
    ['SIP domains', () => directory.domains()],
    ['ENUM ranges', () => records.numbers.ranges()],
    ['DNS zones', () => records.zones.zones()],
    ['trusted peers', () => records.trunks.peers.list()],
    ['carriers', () => records.trunks.carriers.list()],
    ['gateways', () => records.trunks.gateways.list()],
    ['routes', () => records.trunks.routes.list()],
    ['customers', async () => (await records.customers.table.list()).filter((other) => other.id !== id)],
  ]
  for (const [what, look] of looks) if ((await look()).some(owns)) return what
  return undefined
}

export const getAccount = operation({
  port: 'Customer',
  name: 'getAccount',
  doc: 'Reads a customer.',
  rest: 'GET /customers/{id}',
  input: { id: 'int' },
  output: 'CustomerAccount',
  faults: ['PROVISION_CUSTOMER_UNKNOWN'],
  async run(context, args) {
    return toWire(await ownedCustomer(context, args.id))
  },
})

async function list(context: OperationContext, query: Value<'CustomerQuery'> | undefined, resellers: boolean) {
  const { only_resellers = false, ...filter } = query?.filter ?? {}
  const all = (await context.records.customers.table.list()).filter((record) => inScope(context, ownersOf(record)))
  const asked = resellers || only_resellers
  const rows = all
    // A filter for one account finds it, reseller or not: portals read login accounts so.
    .filter(({ id, reseller }) => !asked || filter.customer || id === reseller)
    .map((record) =>
      rowOf(toWire(record), record.changedAt, { customer: record.id ?? 0, reseller: record.reseller ?? 0 }),
    )
  const { values, total } = runQuery(rows, { ...query, filter }, { attribute: 'changeDate', direction: 'DESC' })
  return { accounts: values, total }
}

export const getCustomers = operation({
  port: 'Customer',
  name: 'getCustomers',
  doc: 'Lists customers, resellers among them.',
  rest: 'GET /customers',
  input: { query: 'CustomerQuery' },
  output: 'CustomerResult',
  run: (context, args) => list(context, args.query, false),
})

export const getResellers = operation({
  port: 'Customer',
  name: 'getResellers',
  doc: 'Lists resellers; with the filter customer, that account, whoever it is.',
  rest: 'GET /resellers',
  input: { query: 'CustomerQuery' },
  output: 'CustomerResult',
  run: (context, args) => list(context, args.query, true),
})
