/**
 * Does a slow receiver harm anybody? Three processes as in `store.ts`, each in a network namespace of its own (as root, on Linux).
 * While the third is down, one range is filled with records: half SOFT, three tenths SET, two tenths REG. Then it comes back and
 * must copy them all; the first two feel a light load of other ranges meanwhile, and say what they felt:
 *
 *   while its wire carries 2 Mbit/s; while it stands still nine tenths of the time (SIGSTOP); while nothing hinders it;
 *   and at last, when all is copied, as the measure of the others.
 *
 *   node bench/slow-receiver.ts [--records 1000000] [--bytes 200] [--window 30] [--json]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isolatedNetwork } from '../test/chaos/network.ts'
import { canIsolate } from '../test/support/namespaces.ts'
import type { ProbeResult } from './store-node.ts'
import { type StoreNode, StoreRing } from './store-ring.ts'

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    bytes: { type: 'string', default: '200' },
    window: { type: 'string', default: '30' },
    json: { type: 'boolean', default: false },
  },
})
const [records, bytes, windowMs] = [Number(values.records), Number(values.bytes), Number(values.window) * 1_000]
const RANGE = 7
const SLOW = 2
const KILOBITS = 2_000
const [STILL_MS, AWAKE_MS] = [900, 100]
const COPIED_LIMIT_MS = 300_000
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
const results: { what: string; node: number; felt: ProbeResult }[] = []
const began = performance.now()
const say = (text: string): void =>
  console.error(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${text}`)

function show(what: string, felt: readonly ProbeResult[]): void {
  for (const [node, one] of felt.entries()) {
    results.push({ what, node: node + 1, felt: one })
    if (values.json) continue
    const kinds = Object.entries(one.kinds).map(
      ([name, { p50, p99, max, failed }]) =>
        `${name} ${p50.toFixed(1)} / ${p99.toFixed(1)} / ${max.toFixed(0)}${failed ? ` (${failed} failed)` : ''}`,
    )
    console.log(
      `${what}, node ${node + 1}: ${kinds.join(', ')}; loop late ${one.loopP99.toFixed(0)} / ${one.loopMax.toFixed(0)} ms; ` +
        `${one.rssMb.toFixed(0)} MB (heap ${one.heapMb.toFixed(0)}), CPU ${one.cpuPercent.toFixed(0)} %; ${JSON.stringify(one.transfer)}`,
    )
  }
}

async function fill(nodes: readonly StoreNode[]): Promise<void> {
  const shares = [
    { work: 'reg', share: 0.2 },
    { work: 'set', share: 0.3 },
    { work: 'soft', share: 0.5 },
  ] as const
  for (const { work, share } of shares) {
    const each = Math.floor((records * share) / nodes.length)
    const fill = (node: StoreNode, index: number) =>
      node.work({ work, count: each, keys: each, from: 1e9 + index * each, width: 128, bytes, range: RANGE })
    const failed = (await Promise.all(nodes.map(fill))).reduce((sum, one) => sum + one.failed, 0)
    say(`${each * nodes.length} records of ${work}, ${failed} refused`)
  }
}

/** Equal to what the first two have, which are equal to each other. */
async function copied(nodes: readonly StoreNode[]): Promise<number> {
  const from = performance.now()
  for (;;) {
    const [first, ...others] = (await Promise.all(nodes.map((node) => node.digests(RANGE)))).map(String)
    const took = performance.now() - from
    if (others.every((one) => one === first)) return took
    if (took > COPIED_LIMIT_MS) throw new Error(`not copied after ${took} ms`)
    await pause(1_000)
  }
}

async function main(): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), 'thor-slow-'))
  const network = await isolatedNetwork(3)
  const hosts = [1, 2, 3].map((number) => `${network.net}.${number}`)
  const ring = new StoreRing({ base, hosts, prefix: (index) => network.prefix(index + 1) })
  try {
    await ring.start()
    const healthy = ring.nodes.slice(0, SLOW)
    const feel = async (what: string): Promise<void> =>
      show(what, await Promise.all(healthy.map((node) => node.probe(windowMs))))
    await ring.nodes[SLOW]?.kill()
    await fill(healthy)
    network.throttle(SLOW + 1, KILOBITS)
    const slow = await ring.launch(SLOW)
    await feel(`its wire carries ${KILOBITS / 1_000} Mbit/s`)
    network.heal()
    let stopping = true
    const stutter = (async () => {
      while (stopping) {
        slow.signal('SIGSTOP')
        await pause(STILL_MS)
        slow.signal('SIGCONT')
        await pause(AWAKE_MS)
      }
    })()
    await feel(`it stands still ${STILL_MS} of ${STILL_MS + AWAKE_MS} ms`)
    stopping = false
    await stutter
    await feel('nothing hinders it')
    say(`all is copied ${((await copied(ring.nodes)) / 1_000).toFixed(0)} s later`)
    const { rssMb, heapMb } = await slow.look()
    say(`the receiver has ${rssMb.toFixed(0)} MB (heap ${heapMb.toFixed(0)})`)
    await feel('all is copied')
    await Promise.all(ring.nodes.map((node) => node.stop()))
  } finally {
    await Promise.allSettled(ring.nodes.map((node) => node.kill()))
    await network.stop()
    rmSync(base, { recursive: true, force: true })
  }
}

if (!canIsolate()) throw new Error('this needs network namespaces: run as root on Linux')
if (!values.json) console.log(`load ${loadavg()[0]?.toFixed(1)}; median / p99 / worst in ms`)
await main()
if (values.json) console.log(JSON.stringify({ records, bytes, results }, null, 2))
process.exit(0)
