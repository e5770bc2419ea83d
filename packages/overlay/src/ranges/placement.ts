/**
 * Where ranges should be: a pure function of who is there. Kademlia with virtual ids and bounds: node ids are 256 virtual ids
 * per unit of weight, a range is a key, and its replicas are the nodes with the ids that are XOR-closest to it, as far as
 * those are not full.
 *
 *   virtual id i of a node  = first 6 bytes of SHA-256(placementId as UTF-8 ‖ i as 4 bytes, big endian)
 *   key of range n          = first 6 bytes of SHA-256("range" ‖ n as 4 bytes, big endian)
 *
 * Homes of all ranges are given out first, then second copies, then third ones (`matching.ts`), each time so that no node
 * holds much more or less than its share of what is given out so far (`shares.ts`): ±8 % for rings of up to ten nodes.
 * Without bounds the worst of ten is up to 22 % off; with XOR on one id per node, 90 %. Test vectors:
 * `test/ranges/placement.vectors.json`.
 */
import { hash } from 'node:crypto'
import { RANGE_COUNT, type RangeId } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import { type IdPoint, IdTree } from './id-tree.ts'
import { PLACEMENT_REACH, REPLICA_COUNT, VIRTUAL_IDS_PER_WEIGHT, WEIGHT_MAX } from './limits.ts'
import { type Choice, match } from './matching.ts'
import { boundsOf } from './shares.ts'

export interface PlacementNode {
  nodeId: NodeId
  /** Drawn by the ring for the node, so that it cannot choose where it lands. */
  placementId: string
  zone: string
  /** 1 is the usual share; 0 or less takes no ranges. */
  weight: number
}

/** Desired replicas of every range, the home first; index is the range. */
export type Placement = readonly (readonly NodeId[])[]

const suffixed = (text: string, n: number): number => {
  const suffix = Buffer.allocUnsafe(4)
  suffix.writeUInt32BE(n)
  return hash('sha256', Buffer.concat([Buffer.from(text, 'utf8'), suffix]), 'buffer').readUIntBE(0, 6)
}

/** The key of a range in the id space, 48 bits. */
export function rangeKey(range: RangeId): number {
  return suffixed('range', range)
}

/** A virtual id, 48 bits. */
export function virtualId(placementId: string, index: number): number {
  return suffixed(placementId, index)
}

/** How many virtual ids a weight gives. */
export function virtualIdCount(weight: number): number {
  if (!(weight > 0)) return 0
  return Math.max(1, Math.round(VIRTUAL_IDS_PER_WEIGHT * Math.min(weight, WEIGHT_MAX)))
}

let rangeKeys: number[] | undefined
const keyOf = (range: RangeId): number => {
  rangeKeys ??= Array.from({ length: RANGE_COUNT }, (_, n) => rangeKey(n))
  return rangeKeys[range] as number
}

/** Distinct nodes of a range, closest first, worked out as far as somebody looks. */
class Choices {
  readonly #tree: IdTree
  readonly #nodes: number
  readonly #lists: Choice[][]

  constructor(tree: IdTree, nodes: number, count: number) {
    this.#tree = tree
    this.#nodes = nodes
    this.#lists = Array.from({ length: count }, () => [])
  }

  of(range: number, nth: number): Choice | undefined {
    const list = this.#lists[range] as Choice[]
    if (nth >= list.length && list.length < this.#nodes)
      this.#lists[range] = this.#find(range, Math.max(nth + 1, 2 * list.length))
    return this.#lists[range]?.[nth]
  }

  #find(range: number, atLeast: number): Choice[] {
    const wanted = Math.min(this.#nodes, Math.max(PLACEMENT_REACH, atLeast))
    const seen = new Set<number>()
    const list: Choice[] = []
    this.#tree.closest(keyOf(range), (node, distance) => {
      if (!seen.has(node)) list.push({ node, distance })
      seen.add(node)
      return list.length === wanted
    })
    return list
  }
}

/** Virtual ids of nodes seen lately, the least recent first: each node places in several ways, by the same ids. */
const knownIds = new Map<string, number[]>()
const KNOWN_NODES_MAX = 4096

export class Placer {
  readonly #count: number

  constructor(init: { rangeCount?: number } = {}) {
    this.#count = init.rangeCount ?? RANGE_COUNT
  }

  /** Desired placement of all ranges. Every node once; zones count when there are at least as many as replicas. */
  place(nodes: readonly PlacementNode[]): Placement {
    const count = this.#count
    const takers = nodes
      .filter((node) => virtualIdCount(node.weight) > 0)
      .toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : a.nodeId > b.nodeId ? 1 : 0))
    const points: IdPoint[] = takers.flatMap((taker, node) => idsOf(taker).map((id) => ({ id, node })))
    const choices = new Choices(new IdTree(points), takers.length, count)
    const slots = Math.min(REPLICA_COUNT, takers.length)
    const byZone = new Set(takers.map(({ zone }) => zone)).size >= REPLICA_COUNT
    const shares = takers.map(({ zone, weight }) => ({ zone, weight: virtualIdCount(weight) }))
    const chosen: number[][] = Array.from({ length: count }, () => [])
    const loads = new Array<number>(takers.length).fill(0)
    const clashes = (a: number, b: number): boolean => a === b || (byZone && shares[a]?.zone === shares[b]?.zone)
    for (let slot = 1; slot <= slots; slot++) {
      const taken = match({
        count,
        nodes: takers.length,
        choice: (range, nth) => choices.of(range, nth),
        reach: PLACEMENT_REACH,
        isFree: (range, node) => !chosen[range]?.some((other) => clashes(other, node)),
        bounds: boundsOf(shares, count, slot, byZone),
        loads,
      })
      taken.forEach((node, range) => {
        if (node < 0) return
        chosen[range]?.push(node)
        loads[node] = (loads[node] as number) + 1
      })
    }
    return chosen.map((list) => list.map((node) => (takers[node] as PlacementNode).nodeId))
  }
}

function idsOf(node: PlacementNode): readonly number[] {
  const count = virtualIdCount(node.weight)
  const ids = knownIds.get(node.placementId) ?? []
  knownIds.delete(node.placementId)
  knownIds.set(node.placementId, ids)
  for (const oldest of knownIds.keys()) {
    if (knownIds.size <= KNOWN_NODES_MAX) break
    knownIds.delete(oldest)
  }
  for (let i = ids.length; i < count; i++) ids.push(virtualId(node.placementId, i))
  return ids.length === count ? ids : ids.slice(0, count)
}
