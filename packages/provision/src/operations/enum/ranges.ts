import { failure } from '../../errors.ts'
import { checkRange, EnumTables, enumName, type RangeRow } from '../../records/numbers.ts'
import type { Stamped } from '../../records/table.ts'
import { operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { assertCredit } from '../credits.ts'
import { rowOf, runQuery } from '../queries.ts'
import { assertKept, dateText, ownedRecord, ownedRecords, ownersOfNew } from '../scope.ts'

const toWire = ({ changedAt, prefix, tld, ...row }: RangeRow & Stamped, used: number): Value<'EnumRange'> => ({
  ...row,
  id: { prefix, tld },
  used,
  changeDate: dateText(changedAt),
})

export const addRange = operation({
  port: 'Enum',
  name: 'addRange',
  doc: 'Adds a range: a prefix of numbers under a domain, which numbers can be added to.',
  rest: 'POST /enum/ranges',
  input: { range: 'EnumRange' },
  faults: ['PROVISION_RANGE_EXISTS', 'PROVISION_CREDIT_EXHAUSTED'],
  async run(context, args) {
    const wire = required(args.range, 'range')
    const { digits: prefix, tld } = enumName(wire.id, 'id')
    const { id: _, ...checked } = checkRange(wire)
    const owners = ownersOfNew(context, checked)
    await assertCredit(context, owners.customer, 'enum_range_credit')
    const blank = { ttl: 3_600, minDigits: 0, maxDigits: 0, size: 0, nameservers: [], info: '', serial: 1 }
    const row = { ...blank, ...checked, ...owners, prefix, tld }
    await context.records.enum.ranges.add(EnumTables.key(prefix, tld), row)
  },
})

export const updateRange = operation({
  port: 'Enum',
  name: 'updateRange',
  doc: 'Changes the members that are given.',
  rest: 'PATCH /enum/ranges/{range.id.prefix}/{range.id.tld}',
  input: { range: 'EnumRange' },
  faults: ['PROVISION_RANGE_UNKNOWN'],
  async run(context, args) {
    const { ranges } = context.records.enum
    const wire = required(args.range, 'range')
    const { digits, tld } = enumName(wire.id, 'id')
    const { id: _, ...checked } = checkRange(wire)
    const key = EnumTables.key(digits, tld)
    assertKept(context, { ...(await ownedRecord(context, ranges, key)), ...checked })
    const change = (row: RangeRow): RangeRow => ({ ...row, ...checked, serial: row.serial + 1 })
    await ranges.change(key, change, context.request.etag)
  },
})

export const deleteRange = operation({
  port: 'Enum',
  name: 'deleteRange',
  doc: 'Deletes a range without numbers.',
  rest: 'DELETE /enum/ranges/{range.prefix}/{range.tld}',
  input: { range: 'EnumRangeId' },
  faults: ['PROVISION_RANGE_UNKNOWN', 'PROVISION_RANGE_IN_USE'],
  async run(context, args) {
    const { digits, tld } = enumName(args.range, 'range')
    const key = EnumTables.key(digits, tld)
    const range = await ownedRecord(context, context.records.enum.ranges, key)
    if ((await context.records.enum.numbersIn(range)).length > 0) {
      throw failure('PROVISION_RANGE_IN_USE', `ENUM range ${key} has numbers; delete those first`)
    }
    await context.records.enum.ranges.remove(key, context.request.etag)
  },
})

export const getRanges = operation({
  port: 'Enum',
  name: 'getRanges',
  doc: 'Lists ranges.',
  rest: 'GET /enum/ranges',
  input: { query: 'EnumRangeQuery' },
  output: 'EnumRangeResult',
  async run(context, args) {
    const used = new Map<string, number>()
    for (const { range, tld } of await context.records.enum.numbers.list()) {
      const key = EnumTables.key(range, tld)
      used.set(key, (used.get(key) ?? 0) + 1)
    }
    const rows = (await ownedRecords(context, context.records.enum.ranges)).map((record) => {
      const { prefix, tld, changedAt } = record
      return rowOf(toWire(record, used.get(EnumTables.key(prefix, tld)) ?? 0), changedAt, { prefix, tld })
    })
    const { values, total } = runQuery(rows, args.query, { attribute: 'changeDate', direction: 'DESC' })
    return { ranges: values, total }
  },
})
