import { type RangeId, ThorError } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { PairsAnswer, PairsRequest } from './reg-messages.ts'

/**
 * Names and accepted ballots of all registers of these ranges at one node, in pages. Throws `STORE_UNAVAILABLE` when the
 * node does not vote for one of them in the epoch given: its answer would not be complete.
 */
export async function* pairsOf(
  ask: (method: string, body: object) => Promise<PairsAnswer>,
  source: NodeId,
  ranges: readonly { range: RangeId; epoch: number }[],
): AsyncGenerator<PairsAnswer['pairs']> {
  let after: string | undefined
  do {
    const request: PairsRequest = { ranges: [...ranges], ...(after === undefined ? {} : { after }) }
    const answer = await ask('reg.pairs', request)
    if (answer.refused.length > 0) {
      throw new ThorError('STORE_UNAVAILABLE', `${source} does not vote for range ${answer.refused[0]} in this epoch`)
    }
    yield answer.pairs
    after = answer.next
  } while (after !== undefined)
}
