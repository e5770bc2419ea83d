/** Which names of registers are listed to find all blocks of some ranges, in parts that are not too large. */
import type { RangeId } from './contract.ts'

export interface BlockPart {
  tld: string
  /** Names of registers begin so. */
  name: string
  /** Of the blocks found, the numbers that begin so are meant; each number of a range is in one part alone. */
  digits: string
}

/** More are listed in ten parts, by the next digit. */
const PART_NUMBERS = 20_000

/**
 * `within`: only numbers that begin so. `count`: how many numbers begin so, as far as that is known; infinitely many make ten parts of each
 * range.
 */
export function blockParts(
  ranges: readonly RangeId[],
  within: string,
  count: (id: RangeId) => number = () => Number.POSITIVE_INFINITY,
): BlockPart[] {
  return outermost(ranges).flatMap(({ tld, prefix }) => {
    if (!prefix.startsWith(within) && !within.startsWith(prefix)) return []
    const digits = prefix.length > within.length ? prefix : within
    // Those of short numbers have a shorter name than what their numbers begin with.
    const cuts = [0, 1, 2].filter((cut) => cut <= digits.length)
    const short = cuts.map((cut) => ({ tld, digits, name: `dnsblock/${tld}/${digits.slice(0, digits.length - cut)}-` }))
    return [...short, ...longer({ tld, prefix: digits }, count)]
  })
}

function longer({ tld, prefix }: RangeId, count: (id: RangeId) => number): BlockPart[] {
  return [...'0123456789'].flatMap((digit) => {
    const digits = prefix + digit
    const there = count({ tld, prefix: digits })
    if (there <= PART_NUMBERS || there === Number.POSITIVE_INFINITY || digits.length > 12) {
      return [{ tld, digits, name: `dnsblock/${tld}/${digits}` }]
    }
    return [{ tld, digits, name: `dnsblock/${tld}/${digits}-` }, ...longer({ tld, prefix: digits }, count)]
  })
}

/** Ranges that are in no other one. */
function outermost(ranges: readonly RangeId[]): RangeId[] {
  const inOrder = ranges.toSorted((a, b) => a.prefix.length - b.prefix.length)
  const kept: RangeId[] = []
  for (const range of inOrder) {
    if (!kept.some(({ tld, prefix }) => tld === range.tld && range.prefix.startsWith(prefix))) kept.push(range)
  }
  return kept
}
