import { checkMembers, needMembers } from '../../records/rules.ts'
import type { Stamped } from '../../records/table.ts'
import { blankGatewayRule, type GatewayRow, type GatewayRuleRow, gatewayRuleRules } from '../../records/trunks.ts'
import { type OperationContext, operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { rowOf, runQuery } from '../queries.ts'
import { dated, ownedRecord, ownedRecords, resellerOfNew } from '../scope.ts'

type Names = { gateway?: GatewayRow | undefined; carrier?: string | undefined }

const toWire = (record: GatewayRuleRow & Stamped, { gateway, carrier }: Names): Value<'GatewayRule'> => ({
  ...dated(record),
  gateway: gateway?.name ?? '',
  carrier_id: gateway?.carrier_id ?? 0,
  carrier: carrier ?? '',
})

async function namesOf(context: OperationContext, gatewayId: number): Promise<Names> {
  const { gateways, carriers } = context.records.trunks
  const gateway = await ownedRecord(context, gateways, `${gatewayId}`)
  return { gateway, carrier: (await carriers.find(`${gateway.carrier_id}`))?.body.name }
}

export const addGatewayRule = operation({
  port: 'Sip',
  name: 'addGatewayRule',
  doc: 'Adds a rule: how numbers with a prefix are changed before a gateway gets them.',
  rest: 'POST /sip/gateway-rules',
  input: { rule: 'GatewayRule' },
  output: 'GatewayRule',
  faults: ['PROVISION_GATEWAY_UNKNOWN'],
  async run(context, args) {
    const { rules } = context.records.trunks
    const wire = checkMembers('GatewayRule', required(args.rule, 'rule'), gatewayRuleRules)
    needMembers(wire, ['gateway_id'])
    const reseller = resellerOfNew(context, wire)
    const names = await namesOf(context, wire.gateway_id as number)
    const id = await rules.nextId()
    return toWire(await rules.add(`${id}`, { ...blankGatewayRule, ...wire, id, reseller }), names)
  },
})

export const updateGatewayRule = operation({
  port: 'Sip',
  name: 'updateGatewayRule',
  doc: 'Changes the members that are given.',
  rest: 'PATCH /sip/gateway-rules/{rule.id}',
  guarded: true,
  input: { rule: 'GatewayRule' },
  output: 'GatewayRule',
  faults: ['PROVISION_RULE_UNKNOWN', 'PROVISION_GATEWAY_UNKNOWN'],
  async run(context, args) {
    const { rules } = context.records.trunks
    const wire = checkMembers('GatewayRule', required(args.rule, 'rule'), gatewayRuleRules)
    const id = required(wire.id, 'id')
    const before = await ownedRecord(context, rules, `${id}`)
    if (wire.reseller !== undefined) resellerOfNew(context, wire)
    const names = await namesOf(context, wire.gateway_id ?? (before.gateway_id as number))
    return toWire(await rules.change(`${id}`, (record) => ({ ...record, ...wire }), context.request.etag), names)
  },
})

export const deleteGatewayRule = operation({
  port: 'Sip',
  name: 'deleteGatewayRule',
  doc: 'Deletes a rule of a gateway.',
  rest: 'DELETE /sip/gateway-rules/{id}',
  guarded: true,
  input: { id: 'int' },
  faults: ['PROVISION_RULE_UNKNOWN'],
  async run(context, args) {
    const { rules } = context.records.trunks
    const id = required(args.id, 'id')
    await ownedRecord(context, rules, `${id}`)
    await rules.remove(`${id}`, context.request.etag)
  },
})

export const getGatewayRules = operation({
  port: 'Sip',
  name: 'getGatewayRules',
  doc: 'Lists the rules of gateways.',
  rest: 'GET /sip/gateway-rules',
  input: { query: 'GatewayRuleQuery' },
  output: 'GatewayRuleResult',
  async run(context, args) {
    const { rules, gateways, carriers } = context.records.trunks
    const gatewaysById = new Map((await gateways.list()).map((gateway) => [gateway.id, gateway]))
    const carrierNames = new Map((await carriers.list()).map(({ id, name }) => [id, name]))
    const rows = (await ownedRecords(context, rules)).map((record) => {
      const gateway = gatewaysById.get(record.gateway_id)
      const wire = toWire(record, { gateway, carrier: carrierNames.get(gateway?.carrier_id) })
      return rowOf(wire, record.changedAt, { customer: record.reseller ?? 0 })
    })
    const { values, total } = runQuery(rows, args.query, { attribute: 'changeDate', direction: 'DESC' })
    return { gateway_rules: values, total }
  },
})
