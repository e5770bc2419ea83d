/** Faults of processes and wires under which nobody dies, and deaths: for tests and for `bench/membership.ts`. */
import type { Random } from '@thor-node/core'
import type { RingNode, TestRing } from './ring.fixture.ts'

export interface Fault {
  name: string
  /** Lets `forMs` of simulated time pass with the fault, and ends it. */
  play(ring: TestRing, random: Random, forMs: number): Promise<void>
}

const pick = (ring: TestRing, random: Random): RingNode => ring.nodes[random.int(ring.nodes.length)] as RingNode

function pickPair(ring: TestRing, random: Random): [RingNode, RingNode] {
  const one = random.int(ring.nodes.length)
  const other = (one + 1 + random.int(ring.nodes.length - 1)) % ring.nodes.length
  return [ring.nodes[one] as RingNode, ring.nodes[other] as RingNode]
}

/** The node stands still for so long, then runs for so long, again and again. */
function stalls(ring: TestRing, node: RingNode, untilMs: number, next: () => { stallMs: number; runMs: number }): void {
  const { clock } = ring
  const turn = (): void => {
    const { stallMs, runMs } = next()
    if (clock.now() + stallMs >= untilMs) return
    ring.stall(node)
    clock.after(stallMs, () => {
      ring.resume(node)
      clock.after(runMs, turn)
    })
  }
  clock.after(next().runMs, turn)
}

export const harmless: readonly Fault[] = [
  {
    name: 'one process stalls for 0.2–3 s, again and again',
    async play(ring, random, forMs) {
      const node = pick(ring, random)
      const next = () => ({ stallMs: 200 + random.float() * 2_800, runMs: 50 + random.float() * 1_000 })
      stalls(ring, node, ring.clock.now() + forMs, next)
      await ring.clock.advance(forMs)
    },
  },
  {
    name: 'every process stalls for 150 ms, at random',
    async play(ring, random, forMs) {
      const next = () => ({ stallMs: 150, runMs: random.float() * 1_500 })
      for (const node of ring.nodes) stalls(ring, node, ring.clock.now() + forMs, next)
      await ring.clock.advance(forMs)
    },
  },
  {
    name: 'one node does not hear another',
    async play(ring, random, forMs) {
      const [one, other] = pickPair(ring, random)
      ring.network.cut(one.peers.self, other.peers.self)
      await ring.clock.advance(forMs)
      ring.network.heal()
    },
  },
  {
    name: 'two nodes do not hear each other',
    async play(ring, random, forMs) {
      const [one, other] = pickPair(ring, random)
      ring.network.cut(one.peers.self, other.peers.self)
      ring.network.cut(other.peers.self, one.peers.self)
      await ring.clock.advance(forMs)
      ring.network.heal()
    },
  },
  {
    name: 'up to three links flap',
    async play(ring, random, forMs) {
      const until = ring.clock.now() + forMs
      const pairs = [1, 2, 3].slice(0, Math.ceil(ring.nodes.length / 5)).map(() => pickPair(ring, random))
      while (ring.clock.now() < until) {
        for (const [one, other] of pairs) {
          if (random.float() < 0.5) ring.network.cut(one.peers.self, other.peers.self)
          if (random.float() < 0.5) ring.network.cut(other.peers.self, one.peers.self)
          // Some of the flaps break the connection too.
          if (random.float() < 0.3) await one.peers.disconnect(other.peers.self)
        }
        await ring.clock.advance(random.float() * 2_000)
        ring.network.heal()
        await ring.clock.advance(random.float() * 1_000)
      }
    },
  },
  {
    name: '30 % of the frames from and to one node are lost',
    async play(ring, random, forMs) {
      const { self } = pick(ring, random).peers
      for (const { peers } of ring.nodes) {
        if (peers.self === self) continue
        ring.network.links.setLoss(self, peers.self, 0.3)
        ring.network.links.setLoss(peers.self, self, 0.3)
      }
      await ring.clock.advance(forMs)
      ring.network.heal()
    },
  },
  {
    name: '10 % of all frames are lost',
    async play(ring, _random, forMs) {
      ring.network.links.lossRate = 0.1
      await ring.clock.advance(forMs)
      ring.network.links.lossRate = 0
    },
  },
]

export const deaths = ['killed', 'power lost', 'stopped'] as const
export type Death = (typeof deaths)[number]

/**
 * One node dies. Returns how long it took until the first and until the last of the others had it dead, in simulated
 * milliseconds; undefined for what did not happen within `withinMs`.
 */
export async function die(
  ring: TestRing,
  node: RingNode,
  death: Death,
  withinMs: number,
): Promise<{ firstMs: number | undefined; lastMs: number | undefined }> {
  const since = ring.clock.now()
  const { name } = node.certificate
  if (death === 'stopped') ring.stall(node)
  else await ring.crash(node, { power: death === 'power lost' })
  const others = ring.nodes.filter((one) => one !== node)
  const isDead = (one: RingNode): boolean => one.members.get(node.peers.self)?.state === 'dead'
  while (ring.clock.now() - since < withinMs && !others.every(isDead)) await ring.clock.advance(50)
  const seen = ring.verdicts.filter(({ at, member, state }) => at >= since && member === name && state === 'dead')
  const times = seen.map(({ at }) => at - since).sort((a, b) => a - b)
  return { firstMs: times[0], lastMs: others.every(isDead) ? times.at(-1) : undefined }
}

/** Members that somebody took for dead since then, besides those that are. */
export function falseDeaths(ring: TestRing, since: number, dead: readonly string[] = []): string[] {
  return ring.verdicts
    .filter(({ at, member, state }) => at >= since && state === 'dead' && !dead.includes(member))
    .map(({ at, observer, member }) => `${observer}: ${member} dead at ${Math.round(at - since)} ms`)
}

/** Everybody is alive for everybody, and connected. */
export function isWhole(ring: TestRing, nodes: readonly RingNode[] = ring.nodes): boolean {
  return nodes.every(({ members, peers }) =>
    nodes.every(
      ({ peers: { self } }) => self === peers.self || (members.get(self)?.state === 'alive' && peers.isConnected(self)),
    ),
  )
}

/** Simulated milliseconds until then; undefined when it takes longer than `withinMs`. */
export async function timeUntil(ring: TestRing, isSo: () => boolean, withinMs = 120_000): Promise<number | undefined> {
  const since = ring.clock.now()
  while (!isSo()) {
    if (ring.clock.now() - since >= withinMs) return undefined
    await ring.clock.advance(50)
  }
  return ring.clock.now() - since
}

/** What happens to many at once. Each returns the time until the ring is whole, see `timeUntil`. */
export const massEvents: { name: string; play(ring: TestRing, count: number): Promise<number | undefined> }[] = [
  {
    name: 'all join at once',
    async play(ring, count) {
      const first = await ring.join()
      const certificates = Array.from({ length: count - 1 }, (_, index) => ring.certify(`n${index + 2}`))
      for (const certificate of certificates) first.roster.add(ring.sign(certificate))
      const known = { ...first.roster.contents, members: [first.members.self] }
      await Promise.all(certificates.map((certificate) => ring.boot(certificate, known)))
      return timeUntil(ring, () => isWhole(ring))
    },
  },
  {
    name: 'all are killed and start again',
    async play(ring, count) {
      await ring.grow(count)
      const before = ring.nodes.splice(0)
      for (const node of before) await ring.crash(node)
      await ring.clock.advance(1_000)
      for (const { certificate, saved, roster } of before) {
        await ring.boot(certificate, saved.at(-1) ?? { ...roster.contents, members: [] })
      }
      return timeUntil(ring, () => isWhole(ring))
    },
  },
  {
    name: 'halves that were apart for a minute meet again',
    async play(ring, count) {
      await ring.grow(count)
      const ids = ring.nodes.map(({ peers }) => peers.self)
      ring.network.partition([ids.slice(0, count / 2), ids.slice(count / 2)])
      await ring.clock.advance(60_000)
      ring.network.heal()
      return timeUntil(ring, () => isWhole(ring))
    },
  },
]
