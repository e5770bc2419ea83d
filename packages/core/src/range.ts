import { createHash } from 'node:crypto'

/** Fixed for ever: the number of ranges that keys are spread over (docs/ARCHITECTURE.md, "Ranges"). */
export const RANGE_COUNT = 4096

/** 0 … RANGE_COUNT − 1 */
export type RangeId = number

/** The range of a placement key (an AOR, a number, a name): the first 12 bits of its SHA-256. */
export function rangeOf(placementKey: string): RangeId {
  const hash = createHash('sha256').update(placementKey, 'utf8').digest()
  return (hash.readUInt16BE(0) >>> 4) as RangeId
}
