import { hash } from 'node:crypto'

/** Fixed for ever: the number of ranges that keys are spread over (docs/ARCHITECTURE.md, "Ranges"). */
export const RANGE_COUNT = 4096

/** 0 … RANGE_COUNT − 1 */
export type RangeId = number

/** Ranges of keys asked for lately: a request asks several times for the same few. Emptied when it is full. */
const known = new Map<string, RangeId>()
const KNOWN_MAX = 50_000
/** Longer ones come from outside, and are not worth their memory. */
const KNOWN_LENGTH_MAX = 128

/** The range of a placement key (an AOR, a number, a name): the first 12 bits of its SHA-256. */
export function rangeOf(placementKey: string): RangeId {
  let range = known.get(placementKey)
  if (range !== undefined) return range
  range = (hash('sha256', placementKey, 'buffer').readUInt16BE(0) >>> 4) as RangeId
  if (placementKey.length > KNOWN_LENGTH_MAX) return range
  if (known.size >= KNOWN_MAX) known.clear()
  known.set(placementKey, range)
  return range
}
