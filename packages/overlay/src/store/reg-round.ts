import type { Clock } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import { voters } from '../ranges/config.ts'
import type { RangeConfig } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'

/**
 * Asks every voter of a config at once and ends as soon as the answers are enough, or when nobody is left to answer. Who
 * fails or is not connected is missing in the answers; it still counts in the size of every quorum. `onLate` gets the answers
 * that came after the end.
 */
export function askVoters<A>(
  components: { rpc: Rpc; clock: Clock },
  config: RangeConfig,
  method: string,
  body: unknown,
  enough: (answers: ReadonlyMap<NodeId, A>) => boolean,
  timeoutMs: number,
  onLate?: (answer: A) => void,
): Promise<Map<NodeId, A>> {
  const nodes = voters(config)
  return new Promise((resolve) => {
    const answers = new Map<NodeId, A>()
    let waiting = nodes.length
    let ended = false
    const end = () => {
      ended = true
      resolve(answers)
    }
    if (waiting === 0) end()
    for (const nodeId of nodes) {
      components.rpc
        .call<A>(nodeId, method, body, { timeoutMs })
        .then(
          (answer) => {
            if (!ended) answers.set(nodeId, answer)
            else onLate?.(answer)
          },
          () => undefined,
        )
        .finally(() => {
          waiting--
          if (!ended && (waiting === 0 || enough(answers))) end()
        })
    }
  })
}
