import type { StoredZone } from '@thor-node/dns'
import { checkMembers } from '../../records/rules.ts'
import { operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { assertCredit } from '../credits.ts'
import { etagOf } from '../enum/ranges.ts'
import { rowOf, runQuery } from '../queries.ts'
import { assertKept, dateText, inScope, ownersOfNew } from '../scope.ts'
import { assertMayHold, ownedZone } from './rights.ts'

const toWire = (zone: Omit<StoredZone, 'records' | 'fancy'>): Value<'DnsZone'> => {
  const { name, email, ttl, minimum, retry, expire, serial, info, nameservers, customer, reseller, changedAt } = zone
  const fields = { name, email, ttl, minimum, retry, expire, serial, info, nameservers, customer, reseller }
  return { ...fields, changeDate: dateText(changedAt) }
}

export const addZone = operation({
  port: 'Dns',
  name: 'addZone',
  doc: 'Adds a DNS zone.',
  rest: 'POST /dns/zones',
  input: { zone: 'DnsZone' },
  faults: ['PROVISION_ZONE_EXISTS', 'PROVISION_CREDIT_EXHAUSTED'],
  async run(context, args) {
    const wire = checkMembers('DnsZone', required(args.zone, 'zone'), {})
    const owners = ownersOfNew(context, wire)
    await assertMayHold(context, context.records.zones.zoneName(wire.name))
    await assertCredit(context, owners.customer, 'dns_zone_credit')
    await context.records.zones.addZone({ ...wire, ...owners })
  },
})

export const updateZone = operation({
  port: 'Dns',
  name: 'updateZone',
  doc: 'Changes the members that are given.',
  rest: 'PATCH /dns/zones/{zone.name}',
  guarded: true,
  input: { zone: 'DnsZone' },
  faults: ['PROVISION_ZONE_UNKNOWN'],
  async run(context, args) {
    const wire = checkMembers('DnsZone', required(args.zone, 'zone'), {})
    const { customer, reseller } = (await ownedZone(context, required(wire.name, 'name'))).body
    assertKept(context, { customer, reseller, ...wire })
    await context.records.zones.updateZone(wire, etagOf(context.request))
  },
})

export const deleteZone = operation({
  port: 'Dns',
  name: 'deleteZone',
  doc: 'Deletes a DNS zone with all its records.',
  rest: 'DELETE /dns/zones/{zone}',
  guarded: true,
  input: { zone: 'string' },
  faults: ['PROVISION_ZONE_UNKNOWN'],
  async run(context, args) {
    const { name } = (await ownedZone(context, required(args.zone, 'zone'))).body
    await context.records.zones.deleteZone(name, etagOf(context.request))
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
    return toWire((await ownedZone(context, required(args.zone, 'zone'))).body)
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
    const zones = (await context.records.zones.zones()).filter((zone) => inScope(context, zone))
    const rows = zones.map((zone) => rowOf(toWire(zone), zone.changedAt))
    const { values, total } = runQuery(rows, args.query, { attribute: 'changeDate', direction: 'DESC' })
    return { zones: values, total }
  },
})
