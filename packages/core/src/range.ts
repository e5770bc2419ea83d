import { hash } from 'node:crypto'

/** Fixed for ever: the number of ranges that keys are spread over (docs/ARCHITECTURE.md, "Ranges"). */
export const RANGE_COUNT = 4096

/** 0 … RANGE_COUNT − 1 */
export type RangeId = number

/** The range of a placement key (an AOR, a number, a name): the first 12 bits of its SHA-256. */
export function rangeOf(placementKey: string): RangeId {
  return (hash('sha256', placementKey, 'buffer').readUInt16BE(0) >>> 4) as RangeId
}
