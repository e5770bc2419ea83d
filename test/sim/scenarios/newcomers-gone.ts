import type { SimNode } from '../sim-node.ts'
import type { Scenario } from './contract.ts'

/**
 * What taking a change back is for: its new members are gone for good before it ended.
 *
 *   members home, one, other @e; one and other leave → home and two new ones, joint @e+1
 *
 *   new ones  lose their disks as soon as anybody has heard of e+1: no majority of the new members is left
 *   other     dies and is started again, so it does not leave, and needs others' word before it votes
 *   home      waits, gives the new ones up, and takes the change back with the votes of one and other
 */
export const newcomersGone: Scenario = {
  nodes: 6,
  ranges: 1,
  async play(stage) {
    const { cluster } = stage.site
    const list = stage.list('0')
    const [home, one, other] = stage.members() as [SimNode, SimNode, SimNode]
    const before = await stage.append(list, 'before', home)
    const begun = stage.config((_, { next }) => next !== undefined)
    const left = Promise.all([one, other].map((node) => cluster.leave(node)))
    const { next = [] } = await begun
    const added = next.map(({ nodeId }) => stage.nodeOf(nodeId)).filter((node) => ![home, one, other].includes(node))
    for (const node of added) cluster.loseDisk(node)
    cluster.crash(other)
    await cluster.reboot(other)
    const after = await stage.append(list, 'after', home)
    await before.finish()
    await after.finish()
    await left
  },
}
