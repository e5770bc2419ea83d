import type { SimNode } from '../sim-node.ts'
import type { Scenario } from './contract.ts'

/** Between the home and the member that leaves, and to the new one: makes room between the steps of the change. */
const FAR_MS = 50
const NEAR_MS = 15
/** So long the home waits for who does not answer the install; meanwhile a member dies. */
const GRACE_MS = 500
/** When the late accept arrives: after the leaving member was asked for its copy, before it votes on the last config. */
const LATE_MS = 720

/**
 * What deciding registers anew is for: an accept of the old config that is on its way when everything is copied.
 *
 *   members home, leaving, dying @e → home, dying, new; the proposer is none of them, and carries a promise
 *
 *   home      decides e+1 and tells home, dying, new; leaving does not hear it
 *   proposer  sends its accept in e: dying takes it before it hears of e+1, to leaving it takes long
 *   dying     ends
 *   home      copies from home and leaving, who are equal and still without the value
 *   leaving   takes the accept: decided by two of three in e, and acknowledged
 *   home      decides e+2, with the vote of leaving; home and new are a quorum that never heard of the value
 *
 * Deciding anew asks leaving for all that it has, in e+1: from then on it refuses the accept, and the proposer starts again.
 */
export const lateAccept: Scenario = {
  nodes: 6,
  ranges: 1,
  changes: { graceMs: GRACE_MS },
  async play(stage) {
    const { cluster } = stage.site
    const [home, leaving, dying] = stage.members() as [SimNode, SimNode, SimNode]
    const outside = cluster.nodes.filter((node) => ![home, leaving, dying].includes(node))
    for (const node of outside) {
      // Each has a list of its own: the next append to it needs one round only.
      await stage.append(stage.list(`${node.index}`), `before.${node.index}`, node)
      stage.delay(node, leaving, FAR_MS)
    }
    stage.delay(home, leaving, FAR_MS)
    stage.delay(home, dying, NEAR_MS)
    const begun = stage.config((node, config) => node === home && config.next !== undefined)
    const left = cluster.leave(leaving)
    const { next = [] } = await begun
    const added = outside.filter((node) => next.some(({ nodeId }) => nodeId === node.certificate.nodeId))
    const proposer = outside.find((node) => !added.includes(node))
    if (!proposer) {
      stage.tell('nobody is left who could propose')
      await left
      return
    }
    const whole = cluster.wires.block([[home, leaving]])
    stage.delay(proposer, leaving, LATE_MS)
    const list = stage.site.cluster.key(`list/${proposer.index}`)
    const appended = stage.append(list, 'late', proposer)
    await stage.sleep(5)
    stage.delay(proposer, leaving)
    await stage.sleep(FAR_MS + 25)
    whole()
    cluster.crash(dying)
    const { finish } = await appended
    await stage.sleep(2_000)
    const after = await stage.append(list, 'after', home)
    await cluster.reboot(dying)
    await finish()
    await after.finish()
    await left
  },
}
