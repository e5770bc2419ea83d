/**
 * Spoiled packets: FORMERR, another refusal, an answer or nothing; never an exception, and never much more than was sent.
 * `THOR_FUZZ_PACKETS=1000000` for a long run, which tells what it counted.
 */
import { silentLogger, systemClock } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import { Packet } from 'dns2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Cookies } from '../../src/server/cookies.ts'
import { Responder } from '../../src/server/responder.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { readQuery } from '../../src/wire/query.ts'
import { hosts, queryBytes, tree, zonesOf } from '../fixtures.ts'

const fuzz = suite('dns: spoiled packets')

const PACKETS = Number(process.env.THOR_FUZZ_PACKETS ?? 60_000)

const zones = zonesOf(
  hosts(24),
  tree('example', [
    '*.example TXT "wild"',
    'a.example CNAME b.example.',
    'sub.example NS ns.sub.example.',
    'ns.sub.example A 192.0.2.1',
  ]),
)
const names = [
  'thor.local',
  'n7.thor.local',
  '_sip._udp.thor.local',
  'no.thor.local',
  'x.example',
  'a.example',
  'c.sub.example',
  '.',
]
const types = [TYPE.A, TYPE.NS, TYPE.SOA, TYPE.SRV, TYPE.NAPTR, TYPE.TXT, TYPE.ANY, TYPE.AXFR, TYPE.IXFR, 65_280]

function spoil(random: SimRandom, whole: Buffer): Buffer {
  let bytes = whole
  for (let times = random.int(5); times > 0; times--) {
    const at = random.int(bytes.length + 1)
    const kind = random.int(5)
    if (kind === 0) bytes = bytes.subarray(0, at)
    else if (kind === 1)
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(random.bytes(random.int(8))), bytes.subarray(at)])
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.int(8))])
    else {
      bytes = Buffer.from(bytes)
      if (at < bytes.length)
        bytes[at] = kind === 3 ? random.int(256) : ([0, 0xc0, 0xff, 0x3f, 0x40][random.int(5)] as number)
    }
  }
  return bytes
}

fuzz('nothing dies, nothing is amplified', () => {
  const random = new SimRandom(11)
  const cookies = new Cookies({ clock: systemClock }, { key: Buffer.alloc(16, 3) })
  const errors: unknown[] = []
  const logger = {
    ...silentLogger,
    forComponent: () => ({ ...silentLogger, error: (...said: unknown[]) => errors.push(said) }),
  }
  const responder = new Responder({ zones, random, logger: logger as never, cookies })
  const rcodes = new Map<number | string, number>()
  let largest = 0
  let refusedLargest = 0
  for (let round = 0; round < PACKETS; round++) {
    const name = names[random.int(names.length)] as string
    const edns = random.int(3) > 0 && {
      edns: { size: 4_096, version: 0, options: Buffer.from('000a00080102030405060708', 'hex') },
    }
    const bytes = spoil(random, queryBytes(name, types[random.int(types.length)], { ...edns }))
    const query = readQuery(bytes)
    const answer = query && responder.overUdp(query, '192.0.2.1')
    const kind = answer ? (answer[3] as number) & 0xf : 'dropped'
    rcodes.set(kind, (rcodes.get(kind) ?? 0) + 1)
    if (!answer) continue
    assert.ok(answer.length <= 1_232)
    assert.is(answer.readUInt16BE(0), bytes.readUInt16BE(0))
    if (round % 100 === 0) assert.equal(Packet.parse(answer).errors, [])
    const factor = answer.length / bytes.length
    largest = Math.max(largest, factor)
    if (kind === 1 || kind === 4 || kind === 5) refusedLargest = Math.max(refusedLargest, factor)
  }
  assert.equal(errors, [])
  assert.ok((rcodes.get(1) ?? 0) > PACKETS / 20, 'some are FORMERR')
  assert.ok((rcodes.get('dropped') ?? 0) > PACKETS / 100, 'some are dropped')
  // A header without a question is 12 octets; with cookies a refusal grows by ours.
  assert.ok(refusedLargest <= 2, `a refusal is ${refusedLargest} times the question`)
  if (process.env.THOR_FUZZ_PACKETS)
    console.log({ packets: PACKETS, rcodes: Object.fromEntries(rcodes), largest, refusedLargest })
})

fuzz.run()
