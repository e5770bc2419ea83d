/** Emergency numbers and their gateways, by region. */
import { emergencyRules } from '../../records/emergency.ts'
import { checkMembers, needMembers } from '../../records/rules.ts'
import { type Operation, operation, required } from '../../schema/operation.ts'
import { rowOf, runQuery } from '../queries.ts'
import { dated } from '../scope.ts'

export const emergencyOperations: readonly Operation[] = [
  operation({
    port: 'Platform',
    name: 'setEmergencyRegion',
    doc:
      'Says where emergency calls of a region go: of accounts of that region, else of nodes of that site (zone), else those of the ' +
      'region default. Such calls go to its gateways alone, and nothing that bars or limits calls counts for them.',
    who: 'admin',
    rest: 'PUT /emergency/regions/{region.region}',
    guarded: true,
    input: { region: 'EmergencyRegion' },
    async run(context, args) {
      const row = checkMembers('EmergencyRegion', required(args.region, 'region'), emergencyRules)
      needMembers(row, ['region', 'numbers', 'gateways'])
      await context.records.emergency.upsert(row.region as string, () => row, context.request.etag)
    },
  }),
  operation({
    port: 'Platform',
    name: 'deleteEmergencyRegion',
    doc: 'Takes a region away.',
    who: 'admin',
    rest: 'DELETE /emergency/regions/{region}',
    guarded: true,
    input: { region: 'string' },
    faults: ['PROVISION_REGION_UNKNOWN'],
    async run(context, args) {
      await context.records.emergency.remove(required(args.region, 'region').toLowerCase(), context.request.etag)
    },
  }),
  operation({
    port: 'Platform',
    name: 'getEmergencyRegions',
    doc: 'Lists the regions.',
    who: 'admin',
    rest: 'GET /emergency/regions',
    input: {},
    output: 'EmergencyRegionArray',
    async run(context) {
      const rows = (await context.records.emergency.list()).map((row) => rowOf(dated(row), row.changedAt))
      return runQuery(rows, undefined, { attribute: 'region', direction: 'ASC' }).values
    },
  }),
]
