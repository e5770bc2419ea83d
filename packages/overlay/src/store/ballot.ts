import type { NodeId } from '../peers.ts'

/**
 * `[epoch, counter, nodeId]`, compared in that order: whatever is decided in a later epoch of a range outranks everything
 * of the earlier ones, and no two nodes ever use the same ballot.
 */
export type Ballot = readonly [epoch: number, counter: number, nodeId: NodeId]

/** Below every ballot in use. */
export const NO_BALLOT: Ballot = [0, 0, '']

/** Negative, zero or positive, as for sorting. */
export function compareBallots(a: Ballot, b: Ballot): number {
  if (a[0] !== b[0]) return a[0] - b[0]
  if (a[1] !== b[1]) return a[1] - b[1]
  return a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : 0
}

export const sameBallot = (a: Ballot, b: Ballot): boolean => compareBallots(a, b) === 0

/** The same node's ballot of this epoch above everything seen. */
export function ballotAbove(epoch: number, self: NodeId, ...seen: readonly Ballot[]): Ballot {
  let counter = 0
  for (const ballot of seen) if (ballot[0] === epoch && ballot[1] > counter) counter = ballot[1]
  return [epoch, counter + 1, self]
}

/** Checks what came over the network; undefined when it is no ballot. */
export function parseBallot(data: unknown): Ballot | undefined {
  if (!Array.isArray(data) || data.length !== 3) return undefined
  const [epoch, counter, nodeId] = data as unknown[]
  if (typeof epoch !== 'number' || typeof counter !== 'number' || typeof nodeId !== 'string') return undefined
  return Number.isSafeInteger(epoch) && Number.isSafeInteger(counter) ? [epoch, counter, nodeId] : undefined
}
