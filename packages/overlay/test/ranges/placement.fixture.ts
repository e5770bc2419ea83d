/** The definition of placement, word for word and slow; and rings to try it on. */
import { SimRandom } from '@thor-node/core/testing'
import { type PlacementNode, rangeKey, virtualId, virtualIdCount } from '../../src/ranges/placement.ts'
import { boundsOf } from '../../src/ranges/shares.ts'

export const ring = (count: number, seed: number): PlacementNode[] => {
  const random = new SimRandom(seed)
  return Array.from({ length: count }, (_, i) => ({
    nodeId: `node${i}`,
    placementId: Buffer.from(random.bytes(16)).toString('hex'),
    zone: '',
    weight: 1,
  }))
}

/** `seed`: ranges propose in an order by chance, which must make no difference. */
export function placeByDefinition(nodes: readonly PlacementNode[], rangeCount: number, seed: number): string[][] {
  const random = new SimRandom(seed)
  const sorted = nodes.toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
  const byZone = new Set(nodes.map(({ zone }) => zone)).size >= 3
  const ids = sorted.map(({ placementId, weight }) =>
    Array.from({ length: virtualIdCount(weight) }, (_, i) => BigInt(virtualId(placementId, i))),
  )
  const apart = Array.from({ length: rangeCount }, (_, range) => {
    const key = BigInt(rangeKey(range))
    return ids.map((own) => Number(own.reduce((least, id) => ((id ^ key) < least ? id ^ key : least), 1n << 48n)))
  })
  const orders = apart.map((row) => row.map((_, node) => node).sort((a, b) => (row[a] ?? 0) - (row[b] ?? 0) || a - b))
  const chosen: number[][] = Array.from({ length: rangeCount }, () => [])
  const may = (range: number, node: number): boolean =>
    !chosen[range]?.some((one) => one === node || (byZone && sorted[one]?.zone === sorted[node]?.zone))
  const closer = (node: number) => (a: number, b: number) => (apart[a]?.[node] ?? 0) - (apart[b]?.[node] ?? 0) || a - b
  for (let slot = 1; slot <= Math.min(3, nodes.length); slot++) {
    const shares = sorted.map(({ zone, weight }) => ({ zone, weight: virtualIdCount(weight) }))
    const bounds = boundsOf(shares, rangeCount, slot, byZone)
    const before = sorted.map((_, node) => chosen.filter((list) => list.includes(node)).length)
    const held: number[][] = sorted.map(() => [])
    const forced = new Map<number, number>()
    const refused = new Set<string>()
    const waiting = Array.from({ length: rangeCount }, (_, range) => range)
    while (waiting.length > 0) {
      const [range] = waiting.splice(random.int(waiting.length), 1) as [number]
      const order = orders[range] as number[]
      const node = order.find((one) => may(range, one) && !refused.has(`${range}>${one}`))
      if (node === undefined) {
        forced.set(range, order.find((one) => may(range, one)) as number)
        continue
      }
      const list = held[node] as number[]
      list.push(range)
      list.sort(closer(node))
      if (list.length > Math.max(0, (bounds[node]?.ceiling ?? 0) - (before[node] ?? 0))) {
        const last = list.pop() as number
        refused.add(`${last}>${node}`)
        waiting.push(last)
      }
    }
    const taken = new Map<number, number>(forced)
    for (const [node, list] of held.entries()) for (const range of list) taken.set(range, node)
    const load = (node: number): number =>
      (before[node] ?? 0) + [...taken.values()].filter((one) => one === node).length
    const lowest = sorted.map((_, node) => node).filter((node) => load(node) < (bounds[node]?.floor ?? 0))
    const free = lowest.map((node) =>
      [...taken.keys()]
        .filter((range) => taken.get(range) !== node && may(range, node) && orders[range]?.slice(0, 16).includes(node))
        .sort(closer(node)),
    )
    lowest.forEach((node, index) => {
      for (const range of free[index] ?? []) {
        const from = taken.get(range) as number
        if (load(node) >= (bounds[node]?.floor ?? 0)) break
        if (load(from) > (bounds[from]?.fair ?? 0)) taken.set(range, node)
      }
    })
    for (const [range, node] of taken) chosen[range]?.push(node)
  }
  return chosen.map((list) => list.map((node) => sorted[node]?.nodeId ?? ''))
}
