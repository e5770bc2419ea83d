import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { RANGE_COUNT } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type PlacementNode, Placer, rangeKey, virtualId, virtualIdCount } from '../../src/ranges/placement.ts'

const test = suite('overlay: placement')

const ring = (count: number, seed: number): PlacementNode[] => {
  const random = new SimRandom(seed)
  return Array.from({ length: count }, (_, i) => ({
    nodeId: `node${i}`,
    placementId: Buffer.from(random.bytes(16)).toString('hex'),
    zone: '',
    weight: 1,
  }))
}

/** The definition, word for word and slow. */
function byDefinition(nodes: readonly PlacementNode[], range: number): string[] {
  const key = rangeKey(range)
  const points = nodes.flatMap((node) =>
    Array.from({ length: virtualIdCount(node.weight) }, (_, i) => {
      const id = virtualId(node.placementId, i)
      return { node, distance: Buffer.from(id.map((byte, at) => byte ^ (key[at] as number))) }
    }),
  )
  points.sort((a, b) => Buffer.compare(a.distance, b.distance))
  const byZone = new Set(nodes.map((node) => node.zone)).size >= 3
  const chosen: PlacementNode[] = []
  for (const { node } of points) {
    if (chosen.includes(node) || (byZone && chosen.some((other) => other.zone === node.zone))) continue
    chosen.push(node)
    if (chosen.length === 3) break
  }
  return chosen.map((node) => node.nodeId)
}

test('agrees with the published vectors', () => {
  const vectors = JSON.parse(readFileSync(resolve(import.meta.dirname, 'placement.vectors.json'), 'utf8')) as {
    hashes: { rangeKey: Record<string, string>; virtualId: { placementId: string; index: number; id: string }[] }
    rings: { nodes: PlacementNode[]; replicas: Record<string, string[]> }[]
  }
  for (const [range, key] of Object.entries(vectors.hashes.rangeKey)) {
    assert.is(rangeKey(Number(range)).toString('hex'), key)
  }
  for (const { placementId, index, id } of vectors.hashes.virtualId) {
    assert.is(virtualId(placementId, index).toString('hex'), id)
  }
  for (const { nodes, replicas } of vectors.rings) {
    const placement = new Placer().place(nodes)
    for (const [range, expected] of Object.entries(replicas)) assert.equal(placement[Number(range)], expected)
  }
})

test('is the three distinct nodes with the XOR-closest virtual ids, zones first', () => {
  const sample = [0, 1, 7, 100, 1023, 2048, 4095]
  for (const [count, zones] of [
    [1, 1],
    [2, 1],
    [5, 1],
    [6, 2],
    [7, 3],
    [9, 4],
  ] as const) {
    const nodes = ring(count, count).map((node, i) => ({ ...node, zone: `z${i % zones}` }))
    const placement = new Placer().place(nodes)
    for (const range of sample) assert.equal(placement[range], byDefinition(nodes, range), `${count}/${zones}/${range}`)
  }
})

test('spreads homes and copies evenly', () => {
  for (const [count, worstHomes, worstCopies] of [
    [3, 1.15, 1.001],
    [5, 1.2, 1.12],
    [10, 1.25, 1.15],
    [30, 1.45, 1.3],
  ] as const) {
    const homes = new Map<string, number>()
    const copies = new Map<string, number>()
    for (const replicas of new Placer().place(ring(count, 42))) {
      homes.set(replicas[0] as string, (homes.get(replicas[0] as string) ?? 0) + 1)
      for (const nodeId of replicas) copies.set(nodeId, (copies.get(nodeId) ?? 0) + 1)
    }
    const worst = (counts: Map<string, number>, total: number) => Math.max(...counts.values()) / (total / count)
    assert.ok(worst(homes, RANGE_COUNT) < worstHomes, `homes of ${count}: ${worst(homes, RANGE_COUNT)}`)
    assert.ok(worst(copies, RANGE_COUNT * 3) < worstCopies, `copies of ${count}: ${worst(copies, RANGE_COUNT * 3)}`)
  }
})

test('follows weights', () => {
  const nodes = ring(6, 9).map((node, i) => ({ ...node, weight: i === 0 ? 2 : i === 1 ? 0 : 1 }))
  const homes = new Map<string, number>()
  for (const [home] of new Placer().place(nodes)) homes.set(home as string, (homes.get(home as string) ?? 0) + 1)
  const heavy = homes.get('node0') as number
  assert.ok(heavy > (RANGE_COUNT / 6) * 2 * 0.75 && heavy < (RANGE_COUNT / 6) * 2 * 1.25, `${heavy}`)
  assert.is(homes.get('node1'), undefined)
  assert.equal([-1, 0, Number.NaN, 0.001, 1, 1.5, 1e9].map(virtualIdCount), [0, 0, 0, 1, 128, 192, 8192])
})

test('a join and a leave move only what they must, and nobody changes order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.integer(), fc.nat(), (count, seed, pick) => {
      const nodes = ring(count + 1, seed)
      const leaver = nodes[pick % nodes.length] as PlacementNode
      const placer = new Placer()
      const all = placer.place(nodes)
      const less = placer.place(nodes.filter((node) => node !== leaver))
      for (let range = 0; range < RANGE_COUNT; range++) {
        const before = all[range] as readonly string[]
        const stayed = before.filter((nodeId) => nodeId !== leaver.nodeId)
        assert.equal((less[range] as readonly string[]).slice(0, stayed.length), stayed)
        assert.is((less[range] as readonly string[]).length, Math.min(3, count))
      }
    }),
    { numRuns: 12 },
  )
})

test('nobody there means no replicas', () => {
  assert.equal(new Placer().place([])[17], [])
  assert.equal(new Placer().place(ring(1, 1).map((node) => ({ ...node, weight: 0 })))[17], [])
})

test.run()
