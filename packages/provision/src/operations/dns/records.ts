import { text } from '../../accounts/validate.ts'
import { failure, invalid } from '../../errors.ts'
import { checkMembers, needMembers } from '../../records/rules.ts'
import { type Operation, type OperationContext, operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { assertCredit } from '../credits.ts'
import { rowOf, runQuery } from '../queries.ts'
import { assertMayAdd, inScope } from '../scope.ts'
import { fromWire, ownedZone, toWire } from './rights.ts'

type RecordType = 'DnsRecord' | 'DnsFancyRecord'
/** A value is as long as its type takes, which `dns` knows. */
const rules = { value: (value: string, field: string) => text(value, field, 2_048) }

/** A record of the caller's zones. Throws PROVISION_RECORD_UNKNOWN. */
async function ownedRecord(context: OperationContext, given: number | undefined, type: RecordType) {
  const id = required(given, 'recordId')
  const { zones } = context.records
  const record = await (type === 'DnsRecord' ? zones.getRecord(id) : zones.getFancyRecord(id))
  if (!inScope(context, record)) throw failure('PROVISION_RECORD_UNKNOWN', `there is no record ${id}`)
  return record
}

async function add(context: OperationContext, type: RecordType, given: Value<'DnsRecord'> | undefined) {
  const wire = checkMembers(type, required(given, 'record'), rules) as Value<'DnsRecord'>
  needMembers(wire, ['zone', 'type', 'value'])
  const { name, customer } = (await ownedZone(context, required(wire.zone, 'zone'))).body
  assertMayAdd(context)
  if (wire.type === 'MBOXFW') await assertCredit(context, customer, 'email_credit')
  const { zones } = context.records
  const input = { ...fromWire(wire), zone: name }
  return toWire(await (type === 'DnsRecord' ? zones.addRecord(input) : zones.addFancyRecord(input)))
}

async function update(context: OperationContext, type: RecordType, given: Value<'DnsRecord'> | undefined) {
  const { zone: asked, ...wire } = checkMembers(type, required(given, 'record'), rules) as Value<'DnsRecord'>
  const record = await ownedRecord(context, wire.id, type)
  if (asked !== undefined && asked !== '' && asked.toLowerCase().replace(/\.$/, '') !== record.zone) {
    throw invalid('zone', 'cannot be changed; add the record in the other zone')
  }
  const { zones } = context.records
  const input = fromWire({ type: record.type, ...wire })
  await (type === 'DnsRecord' ? zones.updateRecord(input) : zones.updateFancyRecord(input))
}

async function remove(context: OperationContext, type: RecordType, given: number | undefined): Promise<void> {
  const { id } = await ownedRecord(context, given, type)
  const { zones } = context.records
  await (type === 'DnsRecord' ? zones.deleteRecord(id) : zones.deleteFancyRecord(id))
}

async function get(context: OperationContext, type: RecordType, id: number | undefined) {
  return toWire(await ownedRecord(context, id, type))
}

async function list(context: OperationContext, type: RecordType, query: Value<'DnsRecordQuery'> | undefined) {
  const { zones } = context.records
  // One zone is read alone where it is named without wildcards.
  const zone = query?.filter?.zone ?? ''
  const asked = zone === '' || /[%_\\]/.test(zone) ? {} : { zone }
  const found = await (type === 'DnsRecord' ? zones.records(asked) : zones.fancyRecords(asked))
  const rows = found.filter((one) => inScope(context, one)).map((one) => rowOf(toWire(one), one.changedAt))
  const { values, total } = runQuery(rows, query, { attribute: 'changeDate', direction: 'DESC' })
  return { records: values, total }
}

const unknown = ['PROVISION_RECORD_UNKNOWN'] as const
const addFaults = ['PROVISION_RECORD_EXISTS', 'PROVISION_ZONE_UNKNOWN'] as const

export const dnsRecords: readonly Operation[] = [
  operation({
    port: 'Dns',
    name: 'addRecord',
    doc: 'Adds a record to a zone. The answer has its id.',
    rest: 'POST /dns/records',
    input: { record: 'DnsRecord' },
    output: 'DnsRecord',
    faults: addFaults,
    run: (context, args) => add(context, 'DnsRecord', args.record),
  }),
  operation({
    port: 'Dns',
    name: 'updateRecord',
    doc: 'Changes the members that are given; a record stays in its zone.',
    rest: 'PATCH /dns/records/{record.id}',
    input: { record: 'DnsRecord' },
    faults: unknown,
    run: (context, args) => update(context, 'DnsRecord', args.record),
  }),
  operation({
    port: 'Dns',
    name: 'deleteRecord',
    doc: 'Deletes a record.',
    rest: 'DELETE /dns/records/{recordId}',
    input: { recordId: 'int' },
    faults: unknown,
    run: (context, args) => remove(context, 'DnsRecord', args.recordId),
  }),
  operation({
    port: 'Dns',
    name: 'getRecord',
    doc: 'Reads a record.',
    rest: 'GET /dns/records/{recordId}',
    input: { recordId: 'int' },
    output: 'DnsRecord',
    faults: unknown,
    run: (context, args) => get(context, 'DnsRecord', args.recordId),
  }),
  operation({
    port: 'Dns',
    name: 'getRecords',
    doc: 'Lists records.',
    rest: 'GET /dns/records',
    input: { query: 'DnsRecordQuery' },
    output: 'DnsRecordResult',
    run: (context, args) => list(context, 'DnsRecord', args.query),
  }),
]

export const fancyRecords: readonly Operation[] = [
  operation({
    port: 'Dns',
    name: 'addFancyRecord',
    doc: 'Adds an e-mail alias or a web redirection to a zone. The answer has its id.',
    rest: 'POST /dns/fancy-records',
    input: { record: 'DnsFancyRecord' },
    output: 'DnsFancyRecord',
    faults: [...addFaults, 'PROVISION_CREDIT_EXHAUSTED'],
    run: (context, args) => add(context, 'DnsFancyRecord', args.record),
  }),
  operation({
    port: 'Dns',
    name: 'updateFancyRecord',
    doc: 'Changes the members that are given; a record stays in its zone.',
    rest: 'PATCH /dns/fancy-records/{record.id}',
    input: { record: 'DnsFancyRecord' },
    faults: unknown,
    run: (context, args) => update(context, 'DnsFancyRecord', args.record),
  }),
  operation({
    port: 'Dns',
    name: 'deleteFancyRecord',
    doc: 'Deletes an e-mail alias or web redirection.',
    rest: 'DELETE /dns/fancy-records/{recordId}',
    input: { recordId: 'int' },
    faults: unknown,
    run: (context, args) => remove(context, 'DnsFancyRecord', args.recordId),
  }),
  operation({
    port: 'Dns',
    name: 'getFancyRecord',
    doc: 'Reads an e-mail alias or web redirection.',
    rest: 'GET /dns/fancy-records/{recordId}',
    input: { recordId: 'int' },
    output: 'DnsFancyRecord',
    faults: unknown,
    run: (context, args) => get(context, 'DnsFancyRecord', args.recordId),
  }),
  operation({
    port: 'Dns',
    name: 'getFancyRecords',
    doc: 'Lists e-mail aliases and web redirections.',
    rest: 'GET /dns/fancy-records',
    input: { query: 'DnsFancyRecordQuery' },
    output: 'DnsFancyRecordResult',
    run: (context, args) => list(context, 'DnsFancyRecord', args.query),
  }),
]
