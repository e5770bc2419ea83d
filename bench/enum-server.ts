/**
 * A DNS server with ENUM numbers, as a node has it: the numbers come packed in blocks, as they do from the ring. For `enum.ts`.
 *
 *   node bench/enum-server.ts --port 5310 --count 3000000 [--updates 1000]
 *
 * Prints one line of JSON when it answers. `--updates`: so many numbers a second are changed after the first SIGUSR2, until the second.
 */
import { parseArgs } from 'node:util'
import { silentLogger, systemClock, systemNet, systemRandom } from '@thor-node/core'
import { DnsServer, EnumIndex, EnumZones, FastEnum, packBlock } from '@thor-node/dns'
import { indexOf, mappingOf, numberOf, TREE } from './enum-numbers.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '5310' },
    count: { type: 'string', default: '3000000' },
    updates: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
  },
})
const count = Number(values.count)

const index = new EnumIndex()
index.setRange({
  prefix: '3120',
  tld: TREE,
  ttl: 3_600,
  minDigits: 11,
  maxDigits: 11,
  size: 0,
  nameservers: [`ns1.${TREE}`],
  info: '',
  customer: 0,
  reseller: 0,
  changedAt: systemClock.wall(),
})

/** Packed, as the ring keeps it, in order. */
function* blocks(): Iterable<{ prefix: string; bytes: Uint8Array }> {
  for (let block = 10_000; block < 100_000; block++) {
    const prefix = `3120${block}`
    const members = Array.from({ length: 100 }, (_, n) => indexOf(prefix + String(n).padStart(2, '0'), count))
    const there = members.filter((i) => i !== undefined)
    if (there.length > 0) yield { prefix, bytes: pack(prefix, there) }
  }
}

function pack(prefix: string, members: readonly number[]): Uint8Array {
  const common = { tld: TREE, owner: 0, info: '', changedAt: 1_800_000_000_000 }
  const numbers = members.map((i) => ({ number: numberOf(i), ...common, mappings: [mappingOf(i)] }))
  return packBlock({ changedAt: common.changedAt, numbers }, prefix)
}

let loadMs = 0
let blockCount = 0
for (const { prefix, bytes } of blocks()) {
  const begun = systemClock.now()
  index.setPacked({ tld: TREE, prefix, length: 11 }, bytes)
  loadMs += systemClock.now() - begun
  blockCount++
}

const clock = systemClock
const zones = new EnumZones({ index, clock, nameservers: () => [] })
const server = new DnsServer(
  { logger: silentLogger, clock, random: systemRandom, net: systemNet, zones, fast: new FastEnum({ zones, clock }) },
  { host: values.host, port: Number(values.port) },
)
await server.start()
global.gc?.()
const { rss, heapUsed, arrayBuffers, external } = process.memoryUsage()
console.log(
  JSON.stringify({
    numbers: index.size,
    blocks: blockCount,
    loadMs: Math.round(loadMs),
    rss,
    heapUsed,
    arrayBuffers,
    external,
    indexBytes: index.bytes,
  }),
)

interface Change {
  prefix: string
  /** With another mapping of one number, and as it was. */
  packed: [Uint8Array, Uint8Array]
}

/** Packed beforehand: elsewhere in the ring that is another process. */
function changes(): Change[] {
  return Array.from({ length: 1_000 }, (_, n) => {
    const i = systemRandom.int(count)
    const prefix = numberOf(i).slice(0, -2)
    const members = Array.from({ length: 100 }, (_, last) => indexOf(prefix + String(last).padStart(2, '0'), count))
    const there = members.filter((member) => member !== undefined)
    const common = { tld: TREE, owner: 0, info: '', changedAt: 1_800_000_000_000 + n }
    const block = (version: number): Uint8Array =>
      packBlock(
        {
          changedAt: common.changedAt,
          numbers: there.map((member) => ({
            ...common,
            number: numberOf(member),
            mappings: [mappingOf(member, member === i ? version : 0)],
          })),
        },
        prefix,
      )
    return { prefix, packed: [block(n + 1), block(0)] }
  })
}

const prepared = Number(values.updates) > 0 ? changes() : []
let done = 0
let ticker: NodeJS.Timeout | undefined
process.on('SIGUSR2', () => {
  if (ticker) {
    clearInterval(ticker)
    ticker = undefined
    return
  }
  ticker = setInterval(() => {
    for (let n = Number(values.updates) / 100; n > 0; n--, done++) {
      const { prefix, packed } = prepared[done % prepared.length] as Change
      const bytes = packed[Math.floor(done / prepared.length) % 2] as Uint8Array
      index.setPacked({ tld: TREE, prefix, length: 11 }, bytes)
    }
  }, 10)
})
