import { domainName } from '../../accounts/validate.ts'
import { failure, invalid } from '../../errors.ts'
import { checkMembers, needMembers } from '../../records/rules.ts'
import { checkValue, recordRules, type ZoneRecord, type ZoneRow } from '../../records/zones.ts'
import { type Operation, type OperationContext, operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { assertCredit } from '../credits.ts'
import { rowOf, runQuery } from '../queries.ts'
import { assertMayAdd, dated, ownedRecord, ownedRecords } from '../scope.ts'

type RecordType = 'DnsRecord' | 'DnsFancyRecord'
const fancyTypes = ['MBOXFW', 'URL']
const isFancy = (type: string): boolean => fancyTypes.includes(type)

function toWire(record: ZoneRecord, { customer = 0, reseller = 0 }: Pick<ZoneRow, 'customer' | 'reseller'>) {
  return { ...dated(record), customer, reseller } as Value<'DnsRecord'>
}

/** The record of a request and its zone, which says whose it is. Throws PROVISION_RECORD_UNKNOWN. */
async function ownedZoneRecord(context: OperationContext, given: number | undefined, type: RecordType) {
  const id = required(given, 'recordId')
  const record = await context.records.zones.record(id)
  const unknown = failure('PROVISION_RECORD_UNKNOWN', `DNS record ${id} does not exist`)
  if (isFancy(record.type) !== (type === 'DnsFancyRecord')) throw unknown
  const zone = await ownedRecord(context, context.records.zones.zones, record.zone).catch(() => {
    throw unknown
  })
  context.request.seen = undefined
  return { record, zone }
}

async function add(context: OperationContext, type: RecordType, given: Value<'DnsRecord'> | undefined) {
  const wire = checkMembers(type, required(given, 'record'), recordRules) as Value<'DnsRecord'>
  needMembers(wire, ['zone', 'type', 'value'])
  checkValue(wire)
  const zone = await ownedRecord(context, context.records.zones.zones, domainName(wire.zone, 'zone'))
  assertMayAdd(context)
  if (wire.type === 'MBOXFW') await assertCredit(context, zone.customer ?? 0, 'email_credit')
  const { id: _, type: kind = '', value = '', name = '', ...rest } = wire
  const blank = { priority: 0, ttl: zone.ttl ?? 3_600, owner: 0 }
  const row = { ...blank, ...rest, name, type: kind, value, zone: zone.name }
  return toWire(await context.records.zones.addRecord(row), zone)
}

async function update(context: OperationContext, type: RecordType, given: Value<'DnsRecord'> | undefined) {
  const { id, zone: asked, ...wire } = checkMembers(type, required(given, 'record'), recordRules) as Value<'DnsRecord'>
  const { record, zone } = await ownedZoneRecord(context, id, type)
  if (asked !== undefined && asked !== '' && asked.toLowerCase() !== zone.name) {
    throw invalid('zone', 'cannot be changed; add the record in the other zone')
  }
  checkValue({ ...record, ...wire })
  await context.records.zones.updateRecord(record.id, (before) => ({ ...before, ...wire }) as ZoneRecord)
}

async function remove(context: OperationContext, type: RecordType, id: number | undefined): Promise<void> {
  const { record } = await ownedZoneRecord(context, id, type)
  await context.records.zones.removeRecord(record.id)
}

async function get(context: OperationContext, type: RecordType, id: number | undefined) {
  const { record, zone } = await ownedZoneRecord(context, id, type)
  return toWire(record, zone)
}

async function list(context: OperationContext, type: RecordType, query: Value<'DnsRecordQuery'> | undefined) {
  const zones = new Map((await ownedRecords(context, context.records.zones.zones)).map((zone) => [zone.name, zone]))
  const rows = []
  for (const record of await context.records.zones.records()) {
    const zone = zones.get(record.zone)
    if (!zone || isFancy(record.type) !== (type === 'DnsFancyRecord')) continue
    rows.push(rowOf(toWire(record, zone), record.changedAt))
  }
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
