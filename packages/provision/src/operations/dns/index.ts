import type { Operation } from '../../schema/operation.ts'
import { dnsRecords, fancyRecords } from './records.ts'
import { addZone, deleteZone, getZone, getZones, updateZone } from './zones.ts'

export const dnsPort: readonly Operation[] = [
  ...[addZone, updateZone, deleteZone, getZone, getZones],
  ...dnsRecords,
  ...fancyRecords,
]
