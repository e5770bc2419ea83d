import type { Registers } from '../accounts/registers.ts'
import { text } from '../accounts/validate.ts'
import { invalid } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Value } from '../schema/types.ts'
import { listOf, matching, type Rule, type Rules } from './rules.ts'
import { RecordTable } from './table.ts'

export type EmergencyRow = Value<'EmergencyRegion'>

/** The name of a trunk, or a SIP URI. */
const GATEWAY =
  /^(?:[a-z0-9][a-z0-9_.-]{0,63}|sips?:(?:[^@\s<>"]+@)?(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?(?:;[^\s<>"]*)?)$/i

const filled =
  (most: number, each: Rule): Rule =>
  (values: readonly string[], field: string): unknown => {
    if (values.length === 0) throw invalid(field, 'is empty')
    return listOf(most, each)(values as never, field)
  }

export const emergencyRules: Rules<'EmergencyRegion'> = {
  region: (value: string, field: string) => text(value, field, 64).toLowerCase(),
  numbers: filled(limits.emergencyNumbersMax, matching(/^\d{3,15}$/, 'three to fifteen digits')),
  gateways: filled(limits.emergencyGatewaysMax, matching(GATEWAY, 'the name of a trunk, or a SIP URI')),
}

/** `emergency/<region>` */
export const emergencyTable = (components: { registers: Registers }): RecordTable<EmergencyRow> =>
  new RecordTable(components, {
    kind: 'emergency',
    what: 'emergency region',
    unknown: 'PROVISION_REGION_UNKNOWN',
    exists: 'PROVISION_CONFLICT',
  })
