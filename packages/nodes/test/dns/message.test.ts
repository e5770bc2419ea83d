/** Whatever comes in, what goes out is a message that others can read. */
import { SimRandom } from '@thor-node/core/testing'
import { Packet } from 'dns2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { writeAnswer } from '../../src/dns/message.ts'
import { readQuery } from '../../src/dns/query.ts'
import { RCODE, TYPE } from '../../src/dns/records.ts'
import { answer } from '../../src/dns/zone.ts'
import { queryBytes, threeNodes } from './fixtures.ts'

const message = suite('dns/message')

const nodes = Array.from({ length: 24 }, (_, i) => ({ name: `node${i}`, host: `192.0.2.${i}`, sipUdp: 5060, dns: 53 }))
const zones = { domains: ['thor.local'], nodes, serial: 1, ttlSeconds: 5 }
const names = ['thor.local', 'node7.thor.local', '_sip._udp.thor.local', 'no.thor.local', '_udp.thor.local']
const types = [TYPE.A, TYPE.NS, TYPE.SOA, TYPE.SRV, TYPE.NAPTR, TYPE.ANY, 65_280]

message('answers fit their limit and say TC when records were left out, at every limit', () => {
  for (const name of names) {
    for (const type of types) {
      const query = readQuery(queryBytes(name, type, { edns: { size: 4096, version: 0 } }))!
      const sections = answer(query.question!, zones)
      for (let limit = 512; limit <= 2_500; limit += 7) {
        const bytes = writeAnswer(query, sections, limit)
        assert.ok(bytes.length <= limit)
        const packet = Packet.parse(bytes)
        assert.equal(packet.errors, [])
        assert.is(packet.header.qr, 1)
        assert.is(packet.answers.length, packet.header.tc ? 0 : sections.answers.length)
        assert.is(packet.additionals.at(-1)?.type, TYPE.OPT)
      }
    }
  }
})

message('names are compressed against the question and each other, but for targets of SRV (RFC 2782)', () => {
  const query = readQuery(queryBytes('_sip._udp.thor.local', TYPE.SRV))!
  const few = answer(query.question!, { ...zones, nodes: threeNodes })
  const bytes = writeAnswer(query, few, 512)
  const text = bytes.toString('latin1')
  assert.is(text.split('thor').length - 1, 1 + 3)
  const targets = Packet.parse(bytes).answers.map((record) => record.target)
  assert.equal(targets, ['n1.thor.local', 'n2.thor.local', 'n3.thor.local'])
})

message('an extended rcode is split over header and OPT', () => {
  const query = readQuery(queryBytes('thor.local', TYPE.A, { edns: { size: 512, version: 1 } }))!
  const bytes = writeAnswer(query, { ...answer(query.question!, zones), answers: [], rcode: RCODE.BADVERS }, 512)
  assert.is((bytes[3] as number) & 0xf, 0)
  assert.is(Packet.parse(bytes).header.rcode, 16)
})

message('damaged queries are answered or dropped, never thrown at', () => {
  const random = new SimRandom(7)
  let answered = 0
  for (let round = 0; round < 20_000; round++) {
    const name = names[random.int(names.length)] as string
    const whole = queryBytes(name, types[random.int(types.length)] as number, { edns: { size: 1232, version: 0 } })
    const bytes = whole.subarray(0, random.int(4) === 0 ? random.int(whole.length) : whole.length)
    for (let damage = random.int(4); damage > 0 && bytes.length > 0; damage--) {
      bytes[random.int(bytes.length)] = random.int(256)
    }
    const query = readQuery(bytes)
    if (!query) continue
    const sections = query.question && query.refusal === undefined ? answer(query.question, zones) : undefined
    const refused = { rcode: RCODE.FORMERR, authoritative: false, answers: [], authorities: [], additionals: [] }
    const out = writeAnswer(query, sections ?? refused, 512)
    assert.ok(out.length <= 512)
    assert.equal(Packet.parse(out).errors, [])
    answered++
  }
  assert.ok(answered > 10_000)
})

message.run()
