import type { Clock } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import { voters } from './config.ts'
import type { RangeConfig } from './contract.ts'

/** What each voter answered about each range; `answers[i]` belongs to `configs[i]`. */
export type Answers<A> = Map<NodeId, A>[]

/**
 * One round over many ranges: every voter of any of them gets one request with the items that concern it. Ends when
 * everybody has answered or failed, or `graceMs` after every range has enough; a slow node is worth a moment, because what
 * it misses now must be repaired later.
 */
export function fanOut<I, A>(
  components: { rpc: Rpc; clock: Clock },
  configs: readonly RangeConfig[],
  round: {
    item: (index: number) => I
    send: (nodeId: NodeId, items: I[]) => Promise<readonly A[]>
    enough: (index: number, answers: ReadonlyMap<NodeId, A>) => boolean
    graceMs: number
    /** Default: all voters of the config. */
    to?: (index: number) => readonly NodeId[]
  },
): Promise<Answers<A>> {
  const answers: Answers<A> = configs.map(() => new Map())
  const byNode = new Map<NodeId, number[]>()
  configs.forEach((config, index) => {
    for (const nodeId of round.to?.(index) ?? voters(config)) {
      const indexes = byNode.get(nodeId)
      if (indexes) indexes.push(index)
      else byNode.set(nodeId, [index])
    }
  })
  const lacking = new Set(configs.keys())
  return new Promise((resolve) => {
    let waiting = byNode.size
    let ended = false
    let grace: { cancel(): void } | undefined
    const end = () => {
      ended = true
      grace?.cancel()
      resolve(answers)
    }
    if (waiting === 0) return end()
    for (const [nodeId, indexes] of byNode) {
      const settled = () => {
        waiting--
        if (ended) return
        if (waiting === 0) end()
        else if (lacking.size === 0) grace ??= components.clock.after(round.graceMs, end)
      }
      round
        .send(
          nodeId,
          indexes.map((index) => round.item(index)),
        )
        .then((replies) => {
          if (ended) return
          indexes.forEach((index, at) => {
            const reply = replies[at]
            const known = answers[index]
            if (reply === undefined || !known) return
            known.set(nodeId, reply)
            if (round.enough(index, known)) lacking.delete(index)
          })
        })
        .then(settled, settled)
    }
  })
}
