import type { RangeId } from '@thor-node/core'
import type { PairsAnswer, PairsRequest } from './reg-messages.ts'

/**
 * Names and accepted ballots of all registers of these ranges at one node, in pages. Ranges that any page refuses are not
 * complete: the node does not vote for them in the epoch given.
 */
export async function* pairsOf(
  ask: (method: string, body: object) => Promise<PairsAnswer>,
  ranges: readonly { range: RangeId; epoch: number }[],
): AsyncGenerator<PairsAnswer> {
  let after: string | undefined
  do {
    const request: PairsRequest = { ranges: [...ranges], ...(after === undefined ? {} : { after }) }
    const answer = await ask('reg.pairs', request)
    yield answer
    after = answer.next
  } while (after !== undefined)
}
