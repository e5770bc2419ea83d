import type { SimNode } from '../sim-node.ts'
import type { Scenario } from './contract.ts'

/** Shorter than it takes connections to break: nobody compares copies before the look-ups. */
const APART_MS = 6_000

/**
 * What markers of removed bindings are for: a copy that was apart when the binding was removed.
 *
 *   all    have the binding
 *   apart  is cut off; the binding is removed at the others, and looked up there now and then
 *   apart  is back with its old copy, and is asked before anybody has compared copies
 */
export const removedApart: Scenario = {
  nodes: 3,
  ranges: 1,
  async play(stage) {
    const { cluster } = stage.site
    const key = cluster.key('loc/0')
    const [one, other, apart] = cluster.nodes as [SimNode, SimNode, SimNode]
    await stage.bind(key, 1, one)
    await stage.sleep(100)
    const whole = stage.apart([apart], [one, other])
    await stage.sleep(100)
    await stage.bind(key, 2, other, true)
    await stage.sleep(APART_MS)
    await stage.lookUp(key, one)
    whole()
    await stage.sleep(500)
    for (const node of [apart, one, other]) await stage.lookUp(key, node)
    await stage.sleep(20_000)
    for (const node of [other, one, apart]) await stage.lookUp(key, node)
  },
}
