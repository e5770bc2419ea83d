import type { EnumNumber, StoredNumber } from '@thor-node/dns'
import { failure, invalid } from '../../errors.ts'
import { limits } from '../../limits.ts'
import { checkMembers } from '../../records/rules.ts'
import { type OperationContext, operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { assertCredit } from '../credits.ts'
import { BestRows, runQuery } from '../queries.ts'
import { assertMayAdd, dateText, inScope } from '../scope.ts'
import { etagOf } from './ranges.ts'
import { actorOf, ownedNumber } from './rights.ts'

const toWire = ({ changedAt, number, tld, ...row }: EnumNumber): Value<'EnumNumber'> => ({
  ...row,
  id: { number, tld },
  changeDate: dateText(changedAt),
})

const rules = { mappings: (mappings: Value<'EnumMapping'>[]) => mappings, id: (id: Value<'EnumId'>) => id }

/** What of a request is to be kept. */
function inputOf(wire: Value<'EnumNumber'>) {
  const { id, owner, info, mappings } = checkMembers('EnumNumber', wire, rules)
  const own = { ...(owner !== undefined && { owner }), ...(info !== undefined && { info }) }
  return { ...required(id, 'id'), ...own, ...(mappings && { mappings }) }
}

/** A new number, checked against its range, and the customer that has one more with it. For `addSubscriber` too. */
export async function newNumber(
  context: OperationContext,
  wire: Value<'EnumNumber'>,
): Promise<{ number: StoredNumber; customer: number }> {
  const input = inputOf(wire)
  const { numbers } = context.records
  const { customer, ...range } = await numbers.rangeOf(numbers.numberId(input))
  if (!inScope(context, { ...range, customer })) {
    throw failure('PROVISION_FORBIDDEN', `no rights for the ENUM range of ${input.number}`)
  }
  assertMayAdd(context)
  return { number: (await numbers.newNumber(input)).number, customer }
}

export const addNumber = operation({
  port: 'Enum',
  name: 'addNumber',
  doc: 'Adds a number with what it maps to. It belongs to the range with the longest prefix.',
  rest: 'POST /enum/numbers',
  input: { number: 'EnumNumber' },
  faults: ['PROVISION_NUMBER_EXISTS', 'PROVISION_RANGE_UNKNOWN', 'PROVISION_CREDIT_EXHAUSTED'],
  async run(context, args) {
    const wire = required(args.number, 'number')
    const { customer } = await newNumber(context, wire)
    await assertCredit(context, customer, 'enum_number_credit')
    await context.records.numbers.addNumber(inputOf(wire))
  },
})

export const updateNumber = operation({
  port: 'Enum',
  name: 'updateNumber',
  doc: 'Changes the members that are given; mappings are replaced as a list and keep their ids. The user of an account may do so with numbers whose owner is that of the account.',
  who: 'user',
  rest: 'PATCH /enum/numbers/{number.id.number}/{number.id.tld}',
  guarded: true,
  input: { number: 'EnumNumber' },
  faults: ['PROVISION_NUMBER_UNKNOWN'],
  async run(context, args) {
    const input = inputOf(required(args.number, 'number'))
    await ownedNumber(context, input)
    const actor = await actorOf(context)
    await context.records.numbers.updateNumber(input, { ...etagOf(context.request), ...actor })
  },
})

export const deleteNumber = operation({
  port: 'Enum',
  name: 'deleteNumber',
  doc: 'Deletes a number.',
  rest: 'DELETE /enum/numbers/{enumId.number}/{enumId.tld}',
  guarded: true,
  input: { enumId: 'EnumId' },
  faults: ['PROVISION_NUMBER_UNKNOWN'],
  async run(context, args) {
    await ownedNumber(context, args.enumId)
    await context.records.numbers.deleteNumber(required(args.enumId, 'enumId'), etagOf(context.request))
  },
})

export const getNumber = operation({
  port: 'Enum',
  name: 'getNumber',
  doc: 'Reads a number; the user of an account reads those whose owner is that of the account.',
  who: 'user',
  rest: 'GET /enum/numbers/{enumId.number}/{enumId.tld}',
  input: { enumId: 'EnumId' },
  output: 'EnumNumber',
  faults: ['PROVISION_NUMBER_UNKNOWN'],
  async run(context, args) {
    return toWire((await ownedNumber(context, args.enumId)).body)
  },
})

export const getNumbers = operation({
  port: 'Enum',
  name: 'getNumbers',
  doc: 'Lists numbers, to the user of an account those whose owner is that of the account. The filter mapto is compared without the scheme of the URI.',
  who: 'user',
  rest: 'GET /enum/numbers',
  input: { query: 'EnumNumberQuery' },
  output: 'EnumNumberResult',
  async run(context, args) {
    const { type = '', mapto = '', ...filter } = args.query?.filter ?? {}
    if ((args.query?.range?.start ?? 0) > limits.numbersAheadMax) {
      throw invalid(
        'range.start',
        `is more than ${limits.numbersAheadMax}; a filter of numbers or a tree makes the list shorter`,
      )
    }
    const actor = await actorOf(context)
    // What a number maps to is looked at below: each number is one row.
    const best = new BestRows<EnumNumber>({ ...args.query, filter }, { attribute: 'changeDate', direction: 'DESC' })
    const rest = context.slices.begin()
    for await (const number of context.records.numbers.numbersIn(beginning(filter))) {
      const mine = actor.owner === undefined ? inScope(context, number) : number.owner === actor.owner
      const [cells] = mine ? matchingMappings(number, type, mapto) : []
      if (!cells) continue
      const { changedAt, mappings: _, ...fields } = number
      best.add({ fields: { ...fields, ...cells, changeDate: changedAt }, value: number })
      const pause = rest()
      if (pause) await pause
    }
    const { values, total } = best.result()
    return { numbers: values.map(toWire), total }
  },
})

/** What has to be looked through for a filter: all trees or one, by what stands before the first wildcard. */
function beginning({ number = '', tld = '' }: { number?: string; tld?: string }): { tld?: string; prefix: string } {
  const prefix = /^\+?(\d*)/.exec(number)?.[1] ?? ''
  return { prefix, ...(tld !== '' && !/[%_]/.test(tld) && { tld: tld.toLowerCase() }) }
}

/** The mappings that fit; one that is empty stands for a number without, when nothing is asked of them. */
function matchingMappings({ mappings }: StoredNumber, type: string, mapto: string): { type: string; mapto: string }[] {
  const cells = mappings.map((one) => ({ type: one.type, mapto: withoutScheme(one.mapto) }))
  if (type === '' && mapto === '') return [cells[0] ?? { type: '', mapto: '' }]
  const rows = cells.map((fields) => ({ fields, value: fields }))
  const filter = { type, mapto: withoutScheme(mapto) }
  return runQuery(rows, { filter }, { attribute: 'type', direction: 'ASC' }).values
}

const withoutScheme = (uri: string): string => uri.replace(/^[a-z][a-z0-9+.-]*:(\/\/)?/i, '')
