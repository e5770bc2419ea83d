/**
 * Where ranges should be: a pure function of who is there. Literally Kademlia: node ids are 128 virtual ids per unit of
 * weight, a range is a key, and its replicas are the nodes with the ids that are XOR-closest to it.
 *
 *   virtual id i of a node  = SHA-256(placementId as UTF-8 ‖ i as 4 bytes, big endian)
 *   key of range n          = SHA-256("range" ‖ n as 4 bytes, big endian)
 *
 * Virtual ids, because XOR on one id per node leaves the worst of ten nodes with 1.9 times its share. Test vectors:
 * `test/ranges/placement.vectors.json`.
 */
import { createHash } from 'node:crypto'
import { RANGE_COUNT, type RangeId } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import { REPLICA_COUNT, VIRTUAL_IDS_PER_WEIGHT, WEIGHT_MAX } from './limits.ts'

export interface PlacementNode {
  nodeId: NodeId
  /** Drawn by the ring for the node, so that it cannot choose where it lands. */
  placementId: string
  zone: string
  /** 1 is the usual share; 0 or less takes no ranges. */
  weight: number
}

/** Desired replicas of every range, closest first; index is the range. */
export type Placement = readonly (readonly NodeId[])[]

const suffixed = (text: string, n: number): Buffer => {
  const suffix = Buffer.allocUnsafe(4)
  suffix.writeUInt32BE(n)
  return createHash('sha256').update(text, 'utf8').update(suffix).digest()
}

/** The key of a range in the id space, 32 bytes. */
export function rangeKey(range: RangeId): Buffer {
  return suffixed('range', range)
}

/** A virtual id, 32 bytes. */
export function virtualId(placementId: string, index: number): Buffer {
  return suffixed(placementId, index)
}

/** How many virtual ids a weight gives. */
export function virtualIdCount(weight: number): number {
  if (!(weight > 0)) return 0
  return Math.max(1, Math.round(VIRTUAL_IDS_PER_WEIGHT * Math.min(weight, WEIGHT_MAX)))
}

let rangeKeys: Buffer[] | undefined
const keyOf = (range: RangeId): Buffer => {
  rangeKeys ??= Array.from({ length: RANGE_COUNT }, (_, n) => rangeKey(n))
  return rangeKeys[range] as Buffer
}

interface Point {
  id: Buffer
  node: PlacementNode
}

/** A binary trie over virtual ids; a branch has the bit that tells its two sides apart. */
type Trie = { point: Point } | { bit: number; zero: Trie; one: Trie }

const bitOf = (id: Buffer, bit: number): number => ((id[bit >>> 3] as number) >>> (7 - (bit & 7))) & 1

/** `points` sorted by id, `low` ≤ index < `high`, all equal before `bit`. */
function grow(points: readonly Point[], low: number, high: number, bit: number): Trie {
  if (high - low === 1 || bit >= 256) return { point: points[low] as Point }
  let left = low
  let right = high
  while (left < right) {
    const middle = (left + right) >>> 1
    if (bitOf((points[middle] as Point).id, bit) === 0) left = middle + 1
    else right = middle
  }
  if (left === low || left === high) return grow(points, low, high, bit + 1)
  return { bit, zero: grow(points, low, left, bit + 1), one: grow(points, left, high, bit + 1) }
}

/** Visits ids from the XOR-closest on, until `visit` returns true. */
function closest(trie: Trie, key: Buffer, visit: (point: Point) => boolean): boolean {
  if ('point' in trie) return visit(trie.point)
  const [near, far] = bitOf(key, trie.bit) === 0 ? [trie.zero, trie.one] : [trie.one, trie.zero]
  return closest(near, key, visit) || closest(far, key, visit)
}

/** Keeps the hashes of nodes seen before: a change of membership costs the hashes of the new node only. */
export class Placer {
  readonly #ids = new Map<string, Buffer[]>()

  readonly #count: number

  constructor(init: { rangeCount?: number } = {}) {
    this.#count = init.rangeCount ?? RANGE_COUNT
  }

  /** Desired placement of all ranges. Every node once; zones count when there are at least as many as replicas. */
  place(nodes: readonly PlacementNode[]): Placement {
    const points: Point[] = []
    const used = new Set<string>()
    for (const node of nodes) {
      used.add(node.placementId)
      for (const id of this.#idsOf(node)) points.push({ id, node })
    }
    for (const placementId of this.#ids.keys()) if (!used.has(placementId)) this.#ids.delete(placementId)
    if (points.length === 0) return Array.from({ length: this.#count }, () => [])
    points.sort((a, b) => Buffer.compare(a.id, b.id) || (a.node.nodeId < b.node.nodeId ? -1 : 1))
    const trie = grow(points, 0, points.length, 0)
    const takers = nodes.filter((node) => virtualIdCount(node.weight) > 0)
    const wanted = Math.min(REPLICA_COUNT, new Set(takers.map((node) => node.nodeId)).size)
    const byZone = new Set(takers.map((node) => node.zone)).size >= REPLICA_COUNT
    return Array.from({ length: this.#count }, (_, range) => {
      const chosen: NodeId[] = []
      const zones = new Set<string>()
      closest(trie, keyOf(range), ({ node }) => {
        if (chosen.includes(node.nodeId) || (byZone && zones.has(node.zone))) return false
        chosen.push(node.nodeId)
        zones.add(node.zone)
        return chosen.length === wanted
      })
      return chosen
    })
  }

  #idsOf(node: PlacementNode): readonly Buffer[] {
    const count = virtualIdCount(node.weight)
    let ids = this.#ids.get(node.placementId)
    if (!ids) {
      ids = []
      this.#ids.set(node.placementId, ids)
    }
    for (let i = ids.length; i < count; i++) ids.push(virtualId(node.placementId, i))
    return ids.length === count ? ids : ids.slice(0, count)
  }
}
