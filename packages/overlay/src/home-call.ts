import { errorCode, type RangeId, ThorError } from '@thor-node/core'
import type { Members } from './membership/contract.ts'
import type { Profile } from './membership/settings.ts'
import type { NodeId } from './peers.ts'
import type { Ranges } from './ranges/contract.ts'
import type { Rpc } from './rpc/contract.ts'

/** What says nothing about the request, only that this node did not answer it. */
const TRY_NEXT = new Set(['RPC_TIMEOUT', 'RPC_NOT_CONNECTED', 'RPC_OVERLOADED', 'RPC_UNKNOWN_METHOD'])
/**
 * One attempt; with `lan` three of them stay below the two seconds in which the next home must have answered. With `wan` the
 * way to the home and its own rounds to another site must fit.
 */
export const attemptMs: Record<Profile, number> = { lan: 600, wan: 1_500 }

export interface HomeCallComponents {
  members: Members
  ranges: Ranges
  rpc: Rpc
  profile: Profile
}

/** Replicas in the order in which to ask: alive ones first, then suspects, as the ring ranks them. */
function candidates({ members, ranges }: HomeCallComponents, range: RangeId): NodeId[] {
  const rank = (nodeId: NodeId): number => (members.get(nodeId)?.state === 'alive' ? 0 : 1)
  return ranges
    .replicasOf(range)
    .filter((nodeId) => members.isLive(nodeId))
    .map((nodeId, order) => ({ nodeId, order }))
    .sort((a, b) => rank(a.nodeId) - rank(b.nodeId) || a.order - b.order)
    .map(({ nodeId }) => nodeId)
}

/**
 * Calls `method` at the home of the range; when it does not answer, at the next live replica. For idempotent methods only.
 * Throws `OVERLAY_NO_HOME` when nobody answers, or what the method threw.
 */
export async function callHome<A>(
  components: HomeCallComponents,
  range: RangeId,
  method: string,
  body: unknown,
): Promise<A> {
  let cause: unknown
  const options = { timeoutMs: attemptMs[components.profile] }
  const { rpc, members, ranges } = components
  // Nearly always that is all; the others are ranked only when it is not.
  const home = ranges.homeOf(range)
  const well = home !== undefined && (home === members.self.nodeId || members.get(home)?.state === 'alive')
  if (well) {
    try {
      return await rpc.call<A>(home, method, body, options)
    } catch (error) {
      cause = error
      if (!TRY_NEXT.has(errorCode(error) ?? '')) throw error
    }
  }
  for (const nodeId of candidates(components, range)) {
    if (well && nodeId === home) continue
    try {
      return await rpc.call<A>(nodeId, method, body, options)
    } catch (error) {
      cause = error
      if (!TRY_NEXT.has(errorCode(error) ?? '')) throw error
    }
  }
  throw new ThorError('OVERLAY_NO_HOME', `no replica of range ${range} answers; try again in some seconds`, { cause })
}
