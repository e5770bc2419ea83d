import { failure } from '../../errors.ts'
import { EnumTables, enumName, type NumberRow, numbered, numberRules, type RangeRow } from '../../records/numbers.ts'
import { checkMembers } from '../../records/rules.ts'
import type { Stamped } from '../../records/table.ts'
import { type OperationContext, operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { assertCredit } from '../credits.ts'
import { rowOf, runQuery } from '../queries.ts'
import { assertMayAdd, dateText, inScope, ownedRecords } from '../scope.ts'

type Owners = Pick<RangeRow, 'customer' | 'reseller'>

const toWire = (record: NumberRow & Stamped, owners: Owners | undefined): Value<'EnumNumber'> => {
  const { changedAt, number, tld, range: _, ...row } = record
  return {
    ...row,
    id: { number, tld },
    customer: owners?.customer ?? 0,
    reseller: owners?.reseller ?? 0,
    changeDate: dateText(changedAt),
  }
}

/** The number of a request with its range, which says whose it is. Throws PROVISION_NUMBER_UNKNOWN. */
async function ownedNumber(context: OperationContext, id: Value<'EnumId'> | undefined) {
  const { numbers, ranges } = context.records.enum
  const { digits, tld } = enumName(required(id, 'id'), 'id')
  const key = EnumTables.key(digits, tld)
  const found = await numbers.require(key)
  const range = (await ranges.find(EnumTables.key(found.body.range, tld)))?.body
  if (!inScope(context, range)) throw numbers.unknown(key)
  context.request.seen = found.etag
  return { key, record: found.body, range }
}

/** A new number, checked against its range. For `addSubscriber` too. */
export async function newNumber(context: OperationContext, wire: Value<'EnumNumber'>): Promise<NumberRow> {
  const { digits: number, tld } = enumName(required(wire.id, 'id'), 'id')
  const { id: _, customer: _customer, reseller: _reseller, ...checked } = checkMembers('EnumNumber', wire, numberRules)
  const range = await context.records.enum.rangeOf(number, tld)
  if (!inScope(context, range)) throw failure('PROVISION_FORBIDDEN', `no rights for the ENUM range of ${number}`)
  assertMayAdd(context)
  EnumTables.checkLength(number, range)
  await assertCredit(context, range.customer ?? 0, 'enum_number_credit')
  if (range.size && (await context.records.enum.numbersIn(range)).length >= range.size) {
    throw failure(
      'PROVISION_CREDIT_EXHAUSTED',
      `ENUM range ${range.prefix} has ${range.size} numbers, as many as it may`,
    )
  }
  const mappings = numbered(checked.mappings ?? [])
  return { info: '', owner: 0, ...checked, mappings, number, tld, range: range.prefix }
}

export const addNumber = operation({
  port: 'Enum',
  name: 'addNumber',
  doc: 'Adds a number with what it maps to. It belongs to the range with the longest prefix.',
  rest: 'POST /enum/numbers',
  input: { number: 'EnumNumber' },
  faults: ['PROVISION_NUMBER_EXISTS', 'PROVISION_RANGE_UNKNOWN', 'PROVISION_CREDIT_EXHAUSTED'],
  async run(context, args) {
    const row = await newNumber(context, required(args.number, 'number'))
    await context.records.enum.numbers.add(EnumTables.key(row.number, row.tld), row)
  },
})

export const updateNumber = operation({
  port: 'Enum',
  name: 'updateNumber',
  doc: 'Changes the members that are given; mappings are replaced as a list and keep their ids.',
  rest: 'PATCH /enum/numbers/{number.id.number}/{number.id.tld}',
  input: { number: 'EnumNumber' },
  faults: ['PROVISION_NUMBER_UNKNOWN'],
  async run(context, args) {
    const wire = required(args.number, 'number')
    const { key } = await ownedNumber(context, wire.id)
    const { id: _, ...checked } = checkMembers('EnumNumber', wire, numberRules)
    const change = (row: NumberRow): NumberRow => ({
      ...row,
      ...checked,
      mappings: checked.mappings ? numbered(checked.mappings, row.mappings) : (row.mappings ?? []),
    })
    await context.records.enum.numbers.change(key, change, context.request.etag)
  },
})

export const deleteNumber = operation({
  port: 'Enum',
  name: 'deleteNumber',
  doc: 'Deletes a number.',
  rest: 'DELETE /enum/numbers/{enumId.number}/{enumId.tld}',
  input: { enumId: 'EnumId' },
  faults: ['PROVISION_NUMBER_UNKNOWN'],
  async run(context, args) {
    const { key } = await ownedNumber(context, args.enumId)
    await context.records.enum.numbers.remove(key, context.request.etag)
  },
})

export const getNumber = operation({
  port: 'Enum',
  name: 'getNumber',
  doc: 'Reads a number.',
  rest: 'GET /enum/numbers/{enumId.number}/{enumId.tld}',
  input: { enumId: 'EnumId' },
  output: 'EnumNumber',
  faults: ['PROVISION_NUMBER_UNKNOWN'],
  async run(context, args) {
    const { record, range } = await ownedNumber(context, args.enumId)
    return toWire(record, range)
  },
})

export const getNumbers = operation({
  port: 'Enum',
  name: 'getNumbers',
  doc: 'Lists numbers. The filter mapto is compared without the scheme of the URI.',
  rest: 'GET /enum/numbers',
  input: { query: 'EnumNumberQuery' },
  output: 'EnumNumberResult',
  async run(context, args) {
    const ranges = new Map(
      (await ownedRecords(context, context.records.enum.ranges)).map((range) => [
        EnumTables.key(range.prefix, range.tld),
        range,
      ]),
    )
    const { type = '', mapto = '', ...filter } = args.query?.filter ?? {}
    const rows = []
    for (const record of await context.records.enum.numbers.list()) {
      const range = ranges.get(EnumTables.key(record.range, record.tld))
      if (!range && context.caller.impersonate !== 0) continue
      const fields = { number: record.number, tld: record.tld }
      for (const mapping of matchingMappings(record, type, mapto)) {
        rows.push(rowOf(toWire(record, range), record.changedAt, { ...fields, ...mapping }))
        break
      }
    }
    // What a number maps to was looked at above: each number is one row.
    const query = { ...args.query, filter }
    const { values, total } = runQuery(rows, query, { attribute: 'changeDate', direction: 'DESC' })
    return { numbers: values, total }
  },
})

/** The mappings that fit; one that is empty stands for a number without, when nothing is asked of them. */
function matchingMappings(record: NumberRow, type: string, mapto: string): { type: string; mapto: string }[] {
  const cells = (record.mappings ?? []).map((one) => ({ type: one.type ?? '', mapto: withoutScheme(one.mapto ?? '') }))
  if (type === '' && mapto === '') return [cells[0] ?? { type: '', mapto: '' }]
  const rows = cells.map((fields) => ({ fields, value: fields }))
  const filter = { type, mapto: withoutScheme(mapto) }
  return runQuery(rows, { filter }, { attribute: 'type', direction: 'ASC' }).values
}

const withoutScheme = (uri: string): string => uri.replace(/^[a-z][a-z0-9+.-]*:(\/\/)?/i, '')
