import { failure } from '../../errors.ts'
import { checkMembers, needMembers } from '../../records/rules.ts'
import { carrierRules } from '../../records/trunks.ts'
import { operation, required } from '../../schema/operation.ts'
import { rowOf, runQuery } from '../queries.ts'
import { dated, idOfName, ownedRecord, ownedRecords, resellerOfNew } from '../scope.ts'

export const addCarrier = operation({
  port: 'Sip',
  name: 'addCarrier',
  doc: 'Adds a carrier: who takes calls to numbers outside, by its gateways. The answer has its id.',
  rest: 'POST /sip/carriers',
  input: { carrier: 'Carrier' },
  output: 'Carrier',
  async run(context, args) {
    const { carriers } = context.records.trunks
    const wire = checkMembers('Carrier', required(args.carrier, 'carrier'), carrierRules)
    needMembers(wire, ['name'])
    const reseller = resellerOfNew(context, wire)
    const id = await carriers.nextId()
    return dated(await carriers.add(`${id}`, { ...wire, id, reseller }))
  },
})

export const updateCarrier = operation({
  port: 'Sip',
  name: 'updateCarrier',
  doc: 'Changes the members that are given.',
  rest: 'PATCH /sip/carriers/{carrier.id}',
  guarded: true,
  input: { carrier: 'Carrier' },
  output: 'Carrier',
  faults: ['PROVISION_CARRIER_UNKNOWN'],
  async run(context, args) {
    const { carriers } = context.records.trunks
    const wire = checkMembers('Carrier', required(args.carrier, 'carrier'), carrierRules)
    const id = required(wire.id, 'id')
    await ownedRecord(context, carriers, `${id}`)
    if (wire.reseller !== undefined) resellerOfNew(context, wire)
    return dated(await carriers.change(`${id}`, (record) => ({ ...record, ...wire }), context.request.etag))
  },
})

export const deleteCarrier = operation({
  port: 'Sip',
  name: 'deleteCarrier',
  doc: 'Deletes a carrier without gateways and routes.',
  rest: 'DELETE /sip/carriers/{id}',
  guarded: true,
  input: { id: 'int' },
  // Before 2009 records were known by their names.
  retiredInput: { name: 'string' },
  faults: ['PROVISION_CARRIER_UNKNOWN', 'PROVISION_CARRIER_IN_USE'],
  async run(context, args) {
    const { carriers, gateways, routes } = context.records.trunks
    const id = args.id ?? (await idOfName(context, carriers, required(args.name, 'id')))
    await ownedRecord(context, carriers, `${id}`)
    const users = [...(await gateways.list()), ...(await routes.list())]
    if (users.some(({ carrier_id }) => carrier_id === id)) {
      throw failure('PROVISION_CARRIER_IN_USE', `carrier ${id} has gateways or routes; delete those first`)
    }
    await carriers.remove(`${id}`, context.request.etag)
  },
})

export const getCarriers = operation({
  port: 'Sip',
  name: 'getCarriers',
  doc: 'Lists carriers.',
  rest: 'GET /sip/carriers',
  input: { query: 'CarrierQuery' },
  output: 'CarrierResult',
  async run(context, args) {
    const records = await ownedRecords(context, context.records.trunks.carriers)
    const rows = records.map((record) => rowOf(dated(record), record.changedAt))
    const { values, total } = runQuery(rows, args.query, { attribute: 'changeDate', direction: 'DESC' })
    return { carriers: values, total }
  },
})
