import { failure } from '../../errors.ts'
import { checkMembers, needMembers } from '../../records/rules.ts'
import type { Stamped } from '../../records/table.ts'
import { blankGateway, type CarrierRow, type GatewayRow, gatewayRules } from '../../records/trunks.ts'
import { type OperationContext, operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { rowOf, runQuery } from '../queries.ts'
import { dated, idOfName, ownedRecord, ownedRecords, resellerOfNew } from '../scope.ts'

const toWire = (record: GatewayRow & Stamped, carrier: CarrierRow | undefined): Value<'Gateway'> => ({
  ...dated(record),
  carrier: carrier?.name ?? '',
})

/** The carrier that a gateway or route shall belong to. Throws PROVISION_CARRIER_UNKNOWN. */
export function carrierOf(context: OperationContext, id: number): Promise<CarrierRow & Stamped> {
  return ownedRecord(context, context.records.trunks.carriers, `${id}`)
}

export const addGateway = operation({
  port: 'Sip',
  name: 'addGateway',
  doc: 'Adds a gateway of a carrier. The answer has its id.',
  rest: 'POST /sip/gateways',
  input: { gateway: 'Gateway' },
  output: 'Gateway',
  faults: ['PROVISION_CARRIER_UNKNOWN'],
  async run(context, args) {
    const { gateways } = context.records.trunks
    const wire = checkMembers('Gateway', required(args.gateway, 'gateway'), gatewayRules)
    needMembers(wire, ['name', 'ip', 'carrier_id'])
    const reseller = resellerOfNew(context, wire)
    const carrier = await carrierOf(context, wire.carrier_id as number)
    const id = await gateways.nextId()
    return toWire(await gateways.add(`${id}`, { ...blankGateway, ...wire, id, reseller }), carrier)
  },
})

export const updateGateway = operation({
  port: 'Sip',
  name: 'updateGateway',
  doc: 'Changes the members that are given.',
  rest: 'PATCH /sip/gateways/{gateway.id}',
  guarded: true,
  input: { gateway: 'Gateway' },
  output: 'Gateway',
  faults: ['PROVISION_GATEWAY_UNKNOWN', 'PROVISION_CARRIER_UNKNOWN'],
  async run(context, args) {
    const { gateways } = context.records.trunks
    const wire = checkMembers('Gateway', required(args.gateway, 'gateway'), gatewayRules)
    const id = required(wire.id, 'id')
    const before = await ownedRecord(context, gateways, `${id}`)
    if (wire.reseller !== undefined) resellerOfNew(context, wire)
    const carrier = await carrierOf(context, wire.carrier_id ?? (before.carrier_id as number))
    const change = (record: GatewayRow): GatewayRow => ({ ...record, ...wire })
    return toWire(await gateways.change(`${id}`, change, context.request.etag), carrier)
  },
})

export const deleteGateway = operation({
  port: 'Sip',
  name: 'deleteGateway',
  doc: 'Deletes a gateway without rules.',
  rest: 'DELETE /sip/gateways/{id}',
  guarded: true,
  input: { id: 'int' },
  retiredInput: { name: 'string' },
  faults: ['PROVISION_GATEWAY_UNKNOWN', 'PROVISION_GATEWAY_IN_USE'],
  async run(context, args) {
    const { gateways, rules } = context.records.trunks
    const id = args.id ?? (await idOfName(context, gateways, required(args.name, 'id')))
    await ownedRecord(context, gateways, `${id}`)
    if ((await rules.list()).some(({ gateway_id }) => gateway_id === id)) {
      throw failure('PROVISION_GATEWAY_IN_USE', `gateway ${id} has rules; delete those first`)
    }
    await gateways.remove(`${id}`, context.request.etag)
  },
})

export const getGateways = operation({
  port: 'Sip',
  name: 'getGateways',
  doc: 'Lists gateways.',
  rest: 'GET /sip/gateways',
  input: { query: 'GatewayQuery' },
  output: 'GatewayResult',
  async run(context, args) {
    const { gateways, carriers } = context.records.trunks
    const byId = new Map((await carriers.list()).map((carrier) => [carrier.id, carrier]))
    const rows = (await ownedRecords(context, gateways)).map((record) =>
      rowOf(toWire(record, byId.get(record.carrier_id)), record.changedAt, { customer: record.reseller ?? 0 }),
    )
    const { values, total } = runQuery(rows, args.query, { attribute: 'changeDate', direction: 'DESC' })
    return { gateways: values, total }
  },
})
