import { type NodeId, Placer, type RangeConfig } from '@thor-node/overlay'
import type { Cluster } from '../cluster.ts'
import type { SimNode } from '../sim-node.ts'

const COPIES = 3

/** I13: after quiet every range is where it should be, its copies are equal, and nobody else keeps any. */
export async function checkRest(cluster: Cluster): Promise<string[]> {
  const wrong: string[] = []
  const { nodes } = cluster
  const place = new Placer({ rangeCount: cluster.ranges }).place(
    nodes.map(({ certificate: { nodeId, placementId, zone } }) => ({ nodeId, placementId, zone, weight: 1 })),
  )
  const byId = new Map(nodes.map((node) => [node.certificate.nodeId, node]))
  for (let range = 0; range < cluster.ranges; range++) {
    const configs = nodes.map((node) => node.overlay?.configs.get(range) as RangeConfig)
    const epochs = new Set(configs.map((config) => config.epoch))
    if (epochs.size > 1) wrong.push(`I13 range ${range}: nodes know epochs ${[...epochs].join(', ')}`)
    const config = configs[0] as RangeConfig
    // Who is lost stays a member while nobody is there to take its place: a death alone never makes a config smaller.
    const isReplaced = (place[range]?.length ?? 0) >= COPIES
    const holders = config.old.map(({ nodeId }) => nodeId).filter((nodeId) => isReplaced || byId.has(nodeId))
    if (names(byId, holders) !== names(byId, place[range] ?? [])) {
      wrong.push(`I13 range ${range} is at ${names(byId, holders)} and should be at ${names(byId, place[range] ?? [])}`)
    }
    for (const kind of ['reg', 'set', 'soft'] as const) {
      const digests = await Promise.all(holders.map((id) => byId.get(id)?.overlay?.digest(kind, range)))
      if (new Set(digests).size > 1) wrong.push(`I13 range ${range}: the copies of ${kind} differ`)
    }
    for (const node of nodes) {
      if (holders.includes(node.certificate.nodeId)) continue
      if (node.overlay?.configs.holds(range)) wrong.push(`I13 range ${range}: n${node.index} keeps an old copy`)
    }
  }
  return wrong
}

function names(byId: ReadonlyMap<NodeId, SimNode>, ids: readonly NodeId[]): string {
  return ids
    .map((id) => `n${byId.get(id)?.index ?? '?'}`)
    .sort()
    .join(' ')
}

/** I14: some time after the faults every range takes a change, at any node, at the first try. */
export async function checkWritable(cluster: Cluster): Promise<string[]> {
  const outcomes = Array.from({ length: cluster.ranges }, async (_, range) => {
    const node = cluster.nodes[range % cluster.nodes.length]
    const key = { range, name: `writable/${range}` }
    try {
      await node?.overlay?.store.reg.change(key, 'now', () => ({ body: range, result: range }))
      return []
    } catch (error) {
      return [
        `I14 range ${range} takes no change at n${node?.index}: ${error instanceof Error ? error.message : error}`,
      ]
    }
  })
  return (await Promise.all(outcomes)).flat()
}
