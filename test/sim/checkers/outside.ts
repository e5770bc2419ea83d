import type { Cluster } from '../cluster.ts'
import type { Stranger } from '../stranger.ts'

/** I15: who has no certificate is served nothing, and who was revoked is connected to nobody. */
export function checkOutside(cluster: Cluster, stranger: Stranger): string[] {
  const wrong: string[] = []
  const { served, admitted } = stranger
  if (served + admitted > 0) wrong.push(`I15 a stranger was admitted ${admitted} times and got ${served} frames`)
  for (const outcast of cluster.all.filter(({ state }) => state === 'revoked')) {
    const net = cluster.network.peer(outcast.certificate.nodeId)
    for (const node of cluster.nodes) {
      if (!net?.isConnected(node.certificate.nodeId)) continue
      wrong.push(`I15 n${outcast.index} was revoked and is still connected to n${node.index}`)
    }
    for (let range = 0; range < cluster.ranges; range++) {
      const config = cluster.nodes[0]?.overlay?.configs.get(range)
      const ids = [...(config?.old ?? []), ...(config?.next ?? [])].map(({ nodeId }) => nodeId)
      if (ids.includes(outcast.certificate.nodeId))
        wrong.push(`I15 n${outcast.index} was revoked and votes for ${range}`)
    }
  }
  return wrong
}
