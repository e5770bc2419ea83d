/** How many branches a request may have at a time, over all proxies together (RFC 5393 §5). */
import { SipParseError } from '../errors.ts'
import type { SipRequest } from '../message/contract.ts'
import { MAX_BREADTH } from './limits.ts'

/** Max-Breadth of a request, at most our own; that when it has none. Throws SipParseError. */
export function breadthOf(request: SipRequest): number {
  const values = request.headers.getAll('Max-Breadth')
  const [value] = values
  if (value === undefined) return MAX_BREADTH
  if (values.length > 1 || !/^\d{1,10}$/.test(value)) {
    throw new SipParseError('not a Max-Breadth', { reason: 'Bad Max-Breadth' })
  }
  return Math.min(MAX_BREADTH, Number(value))
}

/**
 * The share of every branch; `groups[i]` is the group of branch i. Branches of one group run at the same time and share all
 * of it, groups follow each other and have it in turn. Undefined when a group is larger than what may run: 440.
 */
export function shareBreadth(breadth: number, groups: readonly number[]): number[] | undefined {
  const sizes = new Map<number, number>()
  for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1)
  if ([...sizes.values()].some((size) => size > breadth)) return undefined
  const given = new Map<number, number>()
  return groups.map((group) => {
    const size = sizes.get(group) ?? 1
    const place = given.get(group) ?? 0
    given.set(group, place + 1)
    return Math.floor(breadth / size) + (place < breadth % size ? 1 : 0)
  })
}
