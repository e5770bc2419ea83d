import { domainName } from '../../accounts/validate.ts'
import { checkMembers } from '../../records/rules.ts'
import { type ZoneRow, zoneRules } from '../../records/zones.ts'
import { operation, required } from '../../schema/operation.ts'
import { assertCredit } from '../credits.ts'
import { rowOf, runQuery } from '../queries.ts'
import { assertKept, dated, ownedRecord, ownedRecords, ownersOfNew } from '../scope.ts'

export const addZone = operation({
  port: 'Dns',
  name: 'addZone',
  doc: 'Adds a DNS zone.',
  rest: 'POST /dns/zones',
  input: { zone: 'DnsZone' },
  faults: ['PROVISION_ZONE_EXISTS', 'PROVISION_CREDIT_EXHAUSTED'],
  async run(context, args) {
    const wire = checkMembers('DnsZone', required(args.zone, 'zone'), zoneRules)
    const name = domainName(wire.name, 'name')
    const owners = ownersOfNew(context, wire)
    await assertCredit(context, owners.customer, 'dns_zone_credit')
    const blank = { email: '', ttl: 3_600, minimum: 300, retry: 7_200, expire: 604_800, info: '', nameservers: [] }
    await context.records.zones.zones.add(name, { ...blank, ...wire, ...owners, name, serial: 1 })
  },
})

export const updateZone = operation({
  port: 'Dns',
  name: 'updateZone',
  doc: 'Changes the members that are given.',
  rest: 'PATCH /dns/zones/{zone.name}',
  input: { zone: 'DnsZone' },
  faults: ['PROVISION_ZONE_UNKNOWN'],
  async run(context, args) {
    const { zones } = context.records.zones
    const { name: given, ...wire } = checkMembers('DnsZone', required(args.zone, 'zone'), zoneRules)
    const name = domainName(given, 'name')
    assertKept(context, { ...(await ownedRecord(context, zones, name)), ...wire })
    const change = (row: ZoneRow): ZoneRow => ({ ...row, ...wire, serial: row.serial + 1 })
    await zones.change(name, change, context.request.etag)
  },
})

export const deleteZone = operation({
  port: 'Dns',
  name: 'deleteZone',
  doc: 'Deletes a DNS zone with all its records.',
  rest: 'DELETE /dns/zones/{zone}',
  input: { zone: 'string' },
  faults: ['PROVISION_ZONE_UNKNOWN'],
  async run(context, args) {
    const name = domainName(args.zone, 'zone')
    await ownedRecord(context, context.records.zones.zones, name)
    await context.records.zones.removeZone(name, context.request.etag)
  },
})

export const getZone = operation({
  port: 'Dns',
  name: 'getZone',
  doc: 'Reads a DNS zone.',
  rest: 'GET /dns/zones/{zone}',
  input: { zone: 'string' },
  output: 'DnsZone',
  faults: ['PROVISION_ZONE_UNKNOWN'],
  async run(context, args) {
    return dated(await ownedRecord(context, context.records.zones.zones, domainName(args.zone, 'zone')))
  },
})

export const getZones = operation({
  port: 'Dns',
  name: 'getZones',
  doc: 'Lists DNS zones.',
  rest: 'GET /dns/zones',
  input: { query: 'DnsZoneQuery' },
  output: 'DnsZoneResult',
  async run(context, args) {
    const records = await ownedRecords(context, context.records.zones.zones)
    const rows = records.map((record) => rowOf(dated(record), record.changedAt))
    const { values, total } = runQuery(rows, args.query, { attribute: 'changeDate', direction: 'DESC' })
    return { zones: values, total }
  },
})
