/** Traffic of membership per node, in simulated time: at rest, at one join, at one death; and how soon all know. */
import { SimRandom } from '@thor-node/core/testing'
import { die, isWhole, massEvents, timeUntil } from '../packages/overlay/test/membership/faults.fixture.ts'
import { Meter, type Traffic } from '../packages/overlay/test/membership/meter.fixture.ts'
import { type RingNode, TestRing } from '../packages/overlay/test/membership/ring.fixture.ts'

export interface GossipRow {
  nodes: number
  idle: Traffic
  /** Sent in all because of one join, per node; by the node that joins; until all are connected and know it. */
  join: { bytes: number; frames: number; joinerBytes: number; ms: number | undefined }
  /** The same for a node that is killed, and for one that loses power. */
  killed: { bytes: number; frames: number; ms: number | undefined }
  silent: { bytes: number; frames: number; ms: number | undefined }
  /** All start at once. */
  wholeMs: number | undefined
  /** What it took to simulate. */
  cpuSeconds: number
}

const IDLE_MS = 20_000

async function measure(nodes: number): Promise<GossipRow> {
  const cpu = process.cpuUsage()
  const ring = new TestRing(nodes)
  const meter = new Meter()
  const wholeMs = await massEvents[0]?.play(ring, nodes)
  meter.watch(ring.nodes)
  await ring.clock.advance(5_000)
  const resting = await meter.during(ring, undefined, () => ring.clock.advance(IDLE_MS))
  const idle = { bytes: resting.bytes / (IDLE_MS / 1000), frames: resting.frames / (IDLE_MS / 1000) }

  let joinMs: number | undefined
  let joinerBytes = 0
  const join = await meter.during(ring, idle, async () => {
    const before = ring.nodes.length
    const joiner = await ring.join((node) => {
      meter.watch([node])
      const send = node.peers.send.bind(node.peers)
      node.peers.send = (to, frame) => {
        joinerBytes += frame.length + 4
        return send(to, frame)
      }
    })
    joinMs = await timeUntil(ring, () => isWhole(ring, [joiner, ...ring.nodes.slice(0, before)]), 60_000)
    await ring.clock.advance(5_000)
  })
  const dying = async (death: 'killed' | 'power lost') => {
    const victim = ring.nodes[new SimRandom(nodes).int(ring.nodes.length - 1) + 1] as RingNode
    let ms: number | undefined
    const traffic = await meter.during(ring, idle, async () => {
      ms = (await die(ring, victim, death, 60_000)).lastMs
      ring.nodes.splice(ring.nodes.indexOf(victim), 1)
      await ring.clock.advance(5_000)
    })
    return { ...traffic, ms }
  }
  const killed = await dying('killed')
  const silent = await dying('power lost')
  await ring.stop()
  const { user, system } = process.cpuUsage(cpu)
  return {
    nodes,
    idle,
    join: { ...join, joinerBytes, ms: joinMs },
    killed,
    silent,
    wholeMs,
    cpuSeconds: Math.round((user + system) / 1e6),
  }
}

export async function measureGossip(sizes: readonly number[]): Promise<GossipRow[]> {
  const rows: GossipRow[] = []
  for (const nodes of sizes) {
    rows.push(await measure(nodes))
    console.error(JSON.stringify(rows.at(-1)))
  }
  return rows
}
