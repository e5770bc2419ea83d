import { failure } from '../../errors.ts'
import { customerProperties } from '../../records/customers.ts'
import { type OperationContext, operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { ownedCustomer } from './accounts.ts'

type Property = Value<'CustomerProperty'>

/** Who may change a property: its own `permission`, and those above it. Credits are never a customer's to set. */
function mayChange({ caller }: OperationContext, property: Property): boolean {
  const { impersonate, isReseller } = caller
  if (impersonate === 0) return true
  if (property.permission === 'admin') return false
  const forResellers = property.permission === 'reseller' || property.category === 'credit'
  return isReseller || !forResellers
}

/**
 * The list after a change: what the caller may not change must come as it is, or not at all, and stays as it is. Throws
 * PROVISION_FORBIDDEN.
 */
export function keptProperties(context: OperationContext, before: readonly Property[], given: readonly Property[]) {
  const byName = new Map(before.map((property) => [property.name, property]))
  for (const property of given) {
    const known = byName.get(property.name)
    const same = known?.value === property.value
    if (!same && !(mayChange(context, property) && (!known || mayChange(context, known)))) {
      throw failure('PROVISION_FORBIDDEN', `the property ${property.name} is not yours to change`)
    }
  }
  const names = new Set(given.map(({ name }) => name))
  const fixed = before.filter((property) => !names.has(property.name) && !mayChange(context, property))
  return [...fixed, ...given]
}

export const setProperties = operation({
  port: 'Customer',
  name: 'setProperties',
  doc: 'Sets properties of a customer; those that are not named stay.',
  rest: 'PATCH /customers/{customer}/properties',
  guarded: true,
  input: { customer: 'int', properties: 'CustomerPropertyArray' },
  faults: ['PROVISION_CUSTOMER_UNKNOWN'],
  async run(context, args) {
    const { id } = await ownedCustomer(context, args.customer)
    const given = customerProperties(required(args.properties, 'properties') as never, 'properties') as Property[]
    const names = new Set(given.map(({ name }) => name))
    await context.records.customers.table.change(
      `${id}`,
      (record) => {
        const before = record.properties ?? []
        const next = [...before.filter(({ name }) => !names.has(name)), ...given]
        const properties = customerProperties(
          keptProperties(context, before, next) as never,
          'properties',
        ) as Property[]
        return { ...record, properties }
      },
      context.request.etag,
    )
  },
})

export const getProperties = operation({
  port: 'Customer',
  name: 'getProperties',
  doc: 'Reads the properties of a customer.',
  rest: 'GET /customers/{customer}/properties',
  input: { customer: 'int' },
  output: 'CustomerPropertyArray',
  faults: ['PROVISION_CUSTOMER_UNKNOWN'],
  async run(context, args) {
    return (await ownedCustomer(context, args.customer)).properties ?? []
  },
})
