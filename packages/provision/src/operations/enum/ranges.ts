import type { EnumRange } from '@thor-node/dns'
import { text } from '../../accounts/validate.ts'
import { checkMembers } from '../../records/rules.ts'
import { operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { assertCredit } from '../credits.ts'
import { rowOf, runQuery } from '../queries.ts'
import { assertKept, dateText, inScope, ownersOfNew } from '../scope.ts'
import { assertMayNest, ownedRange } from './rights.ts'

const toWire = ({ changedAt, prefix, tld, ...row }: EnumRange, used: number, serial: number): Value<'EnumRange'> => ({
  ...row,
  id: { prefix, tld },
  used,
  serial,
  changeDate: dateText(changedAt),
})

const rules = { id: (id: Value<'EnumRangeId'>) => id, info: (value: string, field: string) => text(value, field) }

/** What of a request is to be kept. */
function inputOf(wire: Value<'EnumRange'>) {
  const { id, used: _used, serial: _serial, ...checked } = checkMembers('EnumRange', wire, rules)
  return { ...checked, ...required(id, 'id') }
}

export const addRange = operation({
  port: 'Enum',
  name: 'addRange',
  doc: 'Adds a range: a prefix of numbers under a domain, which numbers can be added to.',
  rest: 'POST /enum/ranges',
  input: { range: 'EnumRange' },
  faults: ['PROVISION_RANGE_EXISTS', 'PROVISION_CREDIT_EXHAUSTED'],
  async run(context, args) {
    const input = inputOf(required(args.range, 'range'))
    const owners = ownersOfNew(context, input)
    await assertMayNest(context, input)
    await assertCredit(context, owners.customer, 'enum_range_credit')
    await context.records.numbers.addRange({ ...input, ...owners })
  },
})

export const updateRange = operation({
  port: 'Enum',
  name: 'updateRange',
  doc: 'Changes the members that are given.',
  rest: 'PATCH /enum/ranges/{range.id.prefix}/{range.id.tld}',
  guarded: true,
  input: { range: 'EnumRange' },
  faults: ['PROVISION_RANGE_UNKNOWN'],
  async run(context, args) {
    const input = inputOf(required(args.range, 'range'))
    const { customer, reseller } = (await ownedRange(context, input)).body
    assertKept(context, { customer, reseller, ...input })
    await context.records.numbers.updateRange(input, etagOf(context.request))
  },
})

export const etagOf = ({ etag }: { etag?: string | undefined }): { etag?: string } =>
  etag === undefined ? {} : { etag }

export const deleteRange = operation({
  port: 'Enum',
  name: 'deleteRange',
  doc: 'Deletes a range without numbers.',
  rest: 'DELETE /enum/ranges/{range.prefix}/{range.tld}',
  guarded: true,
  input: { range: 'EnumRangeId' },
  faults: ['PROVISION_RANGE_UNKNOWN', 'PROVISION_RANGE_IN_USE'],
  async run(context, args) {
    await ownedRange(context, args.range)
    await context.records.numbers.deleteRange(required(args.range, 'range'), etagOf(context.request))
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
    const { numbers } = context.records
    const rows = (await numbers.ranges())
      .filter((range) => inScope(context, range))
      .map((range) => {
        const { prefix, tld, info, changedAt } = range
        return rowOf({ ...range, info }, changedAt, { prefix, tld })
      })
    const { values, total } = runQuery(rows, args.query, { attribute: 'changeDate', direction: 'DESC' })
    const ranges = values.map(async (range) => toWire(range, await numbers.used(range), numbers.serial(range)))
    return { ranges: await Promise.all(ranges), total }
  },
})
