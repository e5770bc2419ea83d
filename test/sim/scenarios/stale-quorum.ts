import type { RangeConfig } from '@thor-node/overlay'
import type { SimNode } from '../sim-node.ts'
import type { Scenario } from './contract.ts'

/** Shorter than it takes connections to break. */
const APART_MS = 4_000

/**
 * What refusing requests of earlier epochs is for: a quorum of members that have left, asked by who has not heard of it.
 *
 *   members home, one, other @e → home and two new ones @e+2; one and other keep their copies until that is confirmed
 *
 *   ring      one, other and a proposer who knows only e are apart from home and the new ones
 *   home      decides a first value of a new register in e+2
 *   proposer  asks home, one, other in e for the same register: two of three could answer
 */
export const staleQuorum: Scenario = {
  nodes: 6,
  ranges: 1,
  async play(stage) {
    const { cluster } = stage.site
    const list = stage.list('0')
    const [home, ...leaving] = stage.members() as [SimNode, ...SimNode[]]
    const settled = leaving.map((one) =>
      stage.config((node, { next, old }) => node === one && !next && !isIn(old, one)),
    )
    const left = Promise.all(leaving.map((node) => cluster.leave(node)))
    const [config] = (await Promise.all(settled)) as [RangeConfig]
    const members = config.old.map(({ nodeId }) => stage.nodeOf(nodeId))
    const unaware = cluster.nodes.filter(
      (node) =>
        ![home, ...leaving, ...members].includes(node) && (node.overlay?.configs.get(0).epoch ?? 0) < config.epoch - 1,
    )
    const [proposer] = unaware
    if (!proposer) {
      stage.tell('everybody has heard of the change')
      await left
      return
    }
    const whole = stage.apart([...leaving, proposer], members)
    const first = await stage.append(list, 'new', members[0] as SimNode)
    const second = await stage.append(list, 'stale', proposer)
    await stage.sleep(APART_MS)
    whole()
    await first.finish()
    await second.finish()
    await left
  },
}

const isIn = (list: readonly { nodeId: string }[], { certificate }: SimNode): boolean =>
  list.some(({ nodeId }) => nodeId === certificate.nodeId)
