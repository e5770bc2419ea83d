/** The short way says, octet for octet, what the long way means. */
import { silentLogger } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import { Packet } from 'dns2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packBlock } from '../../src/enum/block.ts'
import { FastEnum } from '../../src/enum/fast.ts'
import { EnumIndex } from '../../src/enum/index-of-numbers.ts'
import { enumName } from '../../src/enum/number.ts'
import { mappings } from '../../src/enum/validate.ts'
import { EnumZones } from '../../src/enum/zones.ts'
import { Responder } from '../../src/server/responder.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { readQuery } from '../../src/wire/query.ts'
import { queryBytes } from '../fixtures.ts'

const fast = suite('dns: fast answers')

const clock = new SimClock()
const index = new EnumIndex()
let ready = true
const zones = new EnumZones({ index, clock, nameservers: () => ['ns1.thor.example'], ready: () => ready })
const range = {
  ttl: 3_600,
  minDigits: 0,
  maxDigits: 15,
  size: 0,
  nameservers: [],
  info: '',
  customer: 0,
  reseller: 0,
  changedAt: 5_000,
}
for (const tld of ['e164.arpa', 'e164.example']) {
  for (const prefix of ['31', '3120']) index.setRange({ ...range, tld, prefix })
}
const NUMBERS: [number: string, inputs: { type: string; mapto: string; priority: number }[]][] = [
  ['31208005100', [{ type: 'sip', mapto: 'sip:a@example.com', priority: 1 }]],
  [
    '31208005101',
    [
      { type: 'voice:tel', mapto: 'tel:+31208005101', priority: 2 },
      { type: 'sip', mapto: 'sip:b@example.com', priority: 1 },
    ],
  ],
  [
    '31208005102',
    Array.from({ length: 16 }, (_, i) => ({ type: 'sip', mapto: `sip:${'x'.repeat(100)}@example.com`, priority: i })),
  ],
]
const numbers = NUMBERS.map(([number, inputs]) => ({
  number,
  tld: 'e164.arpa',
  owner: 0,
  info: '',
  customer: 0,
  reseller: 0,
  changedAt: 0,
  mappings: mappings(inputs, []),
}))
index.setPacked(
  { tld: 'e164.arpa', prefix: '312080051', length: 11 },
  packBlock({ changedAt: 9_000, numbers }, '312080051'),
)

const answers = new FastEnum({ zones, clock })
const responder = new Responder({ zones, random: new SimRandom(1), logger: silentLogger })

/** As another reader sees it; where names are compressed they have the case of the question. */
function shown(answer: Buffer): unknown {
  const { header, questions, answers: records, authorities, additionals, errors } = Packet.parse(answer)
  assert.equal(errors, [])
  const text = JSON.stringify({ header, questions, records, authorities, additionals })
  return JSON.parse(text.toLowerCase())
}

const asked: [
  what: string,
  digits: string,
  fast: boolean,
  options?: Parameters<typeof queryBytes>[2],
  tree?: string,
][] = [
  ['a number', '31208005100', true],
  ['with EDNS', '31208005100', true, { edns: { size: 1_232, version: 0 } }],
  ['two records', '31208005101', true],
  ['more than fits', '31208005102', false],
  ['more than fits with EDNS', '31208005102', false, { edns: { size: 4_096, version: 0 } }],
  ['not there', '31208005199', true],
  ['not there, with EDNS', '31208005199', true, { edns: { size: 512, version: 0 } }],
  ['a name between', '3120800', true],
  ['below a number', '312080051001', true],
  ['the range itself', '3120', false],
  ['no range', '49', false],
  ['a tree without numbers', '31208005100', true, {}, 'e164.example'],
  ['a foreign tree', '31208005100', false, {}, 'e164.org'],
  ['EDNS of the future', '31208005100', false, { edns: { size: 512, version: 1 } }],
  [
    'with an option',
    '31208005100',
    false,
    { edns: { size: 512, version: 0, options: Buffer.from('00030000', 'hex') } },
  ],
  ['class CH', '31208005100', false, { class: 3 }],
  ['an update', '31208005100', false, { flags: 0x2800 }],
]
for (const [what, digits, isFast, options = {}, tree = 'E164.aRPA'] of asked) {
  fast(`${what} is answered ${isFast ? 'at once' : 'the long way'}, the same`, () => {
    const bytes = queryBytes(enumName(digits, tree), TYPE.NAPTR, options)
    const quick = answers.answer(bytes)
    assert.is(quick !== undefined, isFast)
    const slow = responder.overUdp(readQuery(bytes)!, '192.0.2.1')!
    if (!quick) return
    assert.equal(shown(quick), shown(slow))
    const end = bytes.length - (options.edns ? 11 : 0)
    assert.equal(quick.subarray(12, end), bytes.subarray(12, end))
  })
}

fast('nothing is denied while numbers are still read', () => {
  ready = false
  const missing = queryBytes(enumName('31208005199', 'e164.arpa'), TYPE.NAPTR)
  assert.is(answers.answer(missing), undefined)
  assert.is((responder.overUdp(readQuery(missing)!, '192.0.2.1')![3] as number) & 0xf, 2)
  ready = true
})

fast('spoiled questions are left to the long way, which refuses them, or are answered the same', () => {
  const random = new SimRandom(9)
  const whole = queryBytes(enumName('31208005100', 'e164.arpa'), TYPE.NAPTR, { edns: { size: 1_232, version: 0 } })
  let quick = 0
  for (let round = 0; round < 30_000; round++) {
    const bytes = Buffer.from(whole.subarray(0, random.int(8) === 0 ? random.int(whole.length) : whole.length))
    for (let times = random.int(3); times > 0 && bytes.length > 0; times--)
      bytes[random.int(bytes.length)] = random.int(256)
    const answer = answers.answer(bytes)
    if (!answer) continue
    quick++
    const query = readQuery(bytes)
    assert.ok(query && query.refusal === undefined)
    assert.equal(shown(answer), shown(responder.overUdp(query, '192.0.2.1')!))
  }
  assert.ok(quick > 5_000)
})

fast.run()
