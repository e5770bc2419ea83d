/** The numbers of the ENUM benchmark: the same for every server. */

export const TREE = 'e164.test'

const SPAN = 9_000_000
const STEP = 7_919
/** `STEP * INVERSE` is 1 modulo `SPAN`. */
const INVERSE = 5_017_679

/** Which number this is; undefined: none of the first `count`. */
export function indexOf(digits: string, count: number): number | undefined {
  const i = ((Number(digits.slice(4)) - 1_000_000) * INVERSE) % SPAN
  return i < count ? i : undefined
}

/** Eleven digits: a step through nine million, so that neighbours in time are none in order. */
export const numberOf = (i: number): string => `3120${1_000_000 + ((i * STEP) % SPAN)}`

/** Of the same range, but not there. */
export const missing = (n: number): string => `31200${String(n % 1_000_000).padStart(6, '0')}`

export const uriOf = (i: number, version = 0): string =>
  `sip:u${String(i % 30_000).padStart(6, '0')}.${i}.${version}@example.test`

export const mappingOf = (i: number, version = 0) => ({
  id: 1,
  type: 'sip',
  mapto: uriOf(i, version),
  priority: 10,
  ttl: 3_600,
})

export const nameOf = (digits: string): string => `${[...digits].reverse().join('.')}.${TREE}`
