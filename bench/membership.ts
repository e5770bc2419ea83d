/**
 * The failure detector in simulated time: faults under which nobody dies (and how often somebody was taken for dead or
 * suspected all the same), and how long real deaths take to be seen by all. Real membership, memory network, many seeds.
 *
 *   node bench/membership.ts [--sizes 5,10,30] [--seeds 10] [--minutes 2] [--only TEXT] [--json]
 *                            [--profile lan|wan] [--apart MS]
 *
 * `--apart`: one-way delay between two sites with half of the nodes each
 */
import { parseArgs } from 'node:util'
import { SimRandom } from '@thor-node/core/testing'
import { membershipProfiles, type Profile } from '../packages/overlay/src/membership/settings.ts'
import { deaths, die, falseDeaths, harmless, massEvents } from '../packages/overlay/test/membership/faults.fixture.ts'
import { type RingNode, TestRing } from '../packages/overlay/test/membership/ring.fixture.ts'

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '5,10,30' },
    seeds: { type: 'string', default: '10' },
    minutes: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
    profile: { type: 'string', default: 'lan' },
    apart: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
})
const sizes = values.sizes.split(',').map(Number)
const seeds = Array.from({ length: Number(values.seeds) }, (_, n) => n + 1)
const MASS = 20
const settings = membershipProfiles[values.profile as Profile]
const apartMs = Number(values.apart)

async function grown(seed: number, nodes: number): Promise<TestRing> {
  const ring = new TestRing(seed, { settings })
  await ring.grow(nodes)
  if (apartMs > 0) ring.apart(apartMs)
  await ring.clock.advance(1_000)
  return ring
}

const forMs = Number(values.minutes) * 60_000

interface Row {
  what: string
  nodes: number
  [figure: string]: string | number
}

const rows: Row[] = []
const seconds = (ms: number): string => (ms / 1000).toFixed(2)

function show(row: Row): void {
  rows.push(row)
  if (values.json) return
  const { what, nodes, ...figures } = row
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`)
  console.log(`${what.padEnd(50)} ${String(nodes).padStart(3)} nodes   ${text.join('   ')}`)
}

for (const nodes of sizes) {
  for (const fault of harmless.filter(({ name }) => name.includes(values.only))) {
    let dead = 0
    let suspected = 0
    const bad: number[] = []
    for (const seed of seeds) {
      const ring = await grown(seed, nodes)
      const since = ring.clock.now()
      await fault.play(ring, new SimRandom(seed * 7919), forMs)
      const wrong = falseDeaths(ring, since)
      if (wrong.length > 0) bad.push(seed)
      dead += wrong.length
      suspected += ring.verdicts.filter(({ at, state }) => at >= since && state === 'suspect').length
      await ring.stop()
    }
    const minutes = (forMs / 60_000) * seeds.length
    show({
      what: fault.name,
      nodes,
      'false deaths': dead,
      'suspicions per node and minute': (suspected / minutes / nodes).toFixed(2),
      ...(bad.length > 0 && { seeds: bad.join(',') }),
    })
  }
  for (const death of deaths.filter((name) => name.includes(values.only))) {
    const first: number[] = []
    const last: number[] = []
    let missed = 0
    for (const seed of seeds) {
      const ring = await grown(seed, nodes)
      await ring.clock.advance(new SimRandom(seed).int(2_000))
      const victim = ring.nodes[seed % nodes] as RingNode
      const times = await die(ring, victim, death, 60_000)
      if (times.firstMs !== undefined) first.push(times.firstMs)
      if (times.lastMs !== undefined) last.push(times.lastMs)
      else missed++
      if (death === 'stopped') ring.resume(victim)
      await ring.stop()
    }
    const sorted = last.toSorted((a, b) => a - b)
    show({
      what: `${death}: dead for all others`,
      nodes,
      'median s': seconds(sorted[sorted.length >> 1] ?? Number.NaN),
      'worst s': seconds(sorted.at(-1) ?? Number.NaN),
      'first median s': seconds(first.toSorted((a, b) => a - b)[first.length >> 1] ?? Number.NaN),
      ...(missed > 0 && { missed }),
    })
  }
}
for (const event of massEvents.filter(({ name }) => name.includes(values.only))) {
  const times: number[] = []
  let dials = 0
  let missed = 0
  for (const seed of seeds) {
    const ring = new TestRing(seed, { settings })
    const time = await event.play(ring, MASS)
    if (time === undefined) missed++
    else times.push(time)
    dials += ring.network.dials
    await ring.stop()
  }
  times.sort((a, b) => a - b)
  show({
    what: event.name,
    nodes: MASS,
    'whole, median s': seconds(times[times.length >> 1] ?? Number.NaN),
    'worst s': seconds(times.at(-1) ?? Number.NaN),
    'dials per pair': (dials / seeds.length / ((MASS * (MASS - 1)) / 2)).toFixed(2),
    ...(missed > 0 && { missed }),
  })
}
if (values.json) console.log(JSON.stringify(rows, null, 2))
