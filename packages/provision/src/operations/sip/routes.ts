import { invalid } from '../../errors.ts'
import { limits } from '../../limits.ts'
import { checkMembers, needMembers } from '../../records/rules.ts'
import { blankRoute, type RouteRow, routeRules } from '../../records/trunks.ts'
import { type OperationContext, operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { rowOf, runQuery } from '../queries.ts'
import { dated, ownedRecord, ownedRecords, resellerOfNew } from '../scope.ts'
import { carrierOf } from './gateways.ts'

/** The routes of a request, each checked before any is changed. */
async function checkedRoutes(
  context: OperationContext,
  given: Value<'RouteArray'> | undefined,
  isNew: boolean,
): Promise<RouteRow[]> {
  const routes = required(given, 'routes')
  if (routes.length > limits.routesAtOnce) throw invalid('routes', `has more than ${limits.routesAtOnce} entries`)
  const out: RouteRow[] = []
  for (const [index, route] of routes.entries()) {
    const wire = checkMembers('Route', route, routeRules, `routes[${index}]`)
    needMembers(wire, [isNew ? 'carrier_id' : 'id'], `routes[${index}]`)
    if (!isNew) await ownedRecord(context, context.records.trunks.routes, `${wire.id}`)
    const owns = isNew || wire.reseller !== undefined
    if (wire.carrier_id !== undefined) await carrierOf(context, wire.carrier_id)
    out.push(owns ? { ...wire, reseller: resellerOfNew(context, wire) } : wire)
  }
  return out
}

export const addRoutes = operation({
  port: 'Sip',
  name: 'addRoutes',
  doc: 'Adds routes: which carriers take calls to numbers with a prefix, in which order. All or none.',
  rest: 'POST /sip/routes',
  input: { routes: 'RouteArray' },
  faults: ['PROVISION_CARRIER_UNKNOWN'],
  async run(context, args) {
    const { routes: table } = context.records.trunks
    const changes = []
    for (const route of await checkedRoutes(context, args.routes, true)) {
      const id = await table.nextId()
      changes.push(table.adding(`${id}`, { ...blankRoute, ...route, id }))
    }
    await context.records.transact(changes)
  },
})

export const updateRoutes = operation({
  port: 'Sip',
  name: 'updateRoutes',
  doc: 'Changes the members that are given, of all routes or of none.',
  rest: 'PATCH /sip/routes',
  input: { routes: 'RouteArray' },
  faults: ['PROVISION_ROUTE_UNKNOWN', 'PROVISION_CARRIER_UNKNOWN'],
  async run(context, args) {
    const { routes: table } = context.records.trunks
    const routes = await checkedRoutes(context, args.routes, false)
    await context.records.transact(
      routes.map((wire) => table.changing(`${wire.id}`, (record) => ({ ...record, ...wire }))),
    )
  },
})

export const deleteRoutes = operation({
  port: 'Sip',
  name: 'deleteRoutes',
  doc: 'Deletes routes by their ids, all or none.',
  rest: 'POST /sip/routes/deletions',
  input: { routes: 'RouteArray' },
  faults: ['PROVISION_ROUTE_UNKNOWN'],
  async run(context, args) {
    const { routes: table } = context.records.trunks
    const routes = await checkedRoutes(context, args.routes, false)
    await context.records.transact(routes.map(({ id }) => table.removing(`${id}`)))
  },
})

export const getRoutes = operation({
  port: 'Sip',
  name: 'getRoutes',
  doc: 'Lists routes.',
  rest: 'GET /sip/routes',
  input: { query: 'RouteQuery' },
  output: 'RouteResult',
  async run(context, args) {
    const { routes, carriers } = context.records.trunks
    const names = new Map((await carriers.list()).map(({ id, name }) => [id, name]))
    const rows = (await ownedRecords(context, routes)).map((record) =>
      rowOf({ ...dated(record), carrier: names.get(record.carrier_id) ?? '' }, record.changedAt),
    )
    const { values, total } = runQuery(rows, args.query, { attribute: 'prefix', direction: 'ASC' })
    return { routes: values, total }
  },
})
