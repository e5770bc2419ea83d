/** Whatever comes in, what goes out is a message that others can read. */
import { SimRandom } from '@thor-node/core/testing'
import { Packet } from 'dns2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RCODE, TYPE } from '../../src/wire/codes.ts'
import { noRecords, writeAnswer } from '../../src/wire/message.ts'
import { readQuery } from '../../src/wire/query.ts'
import { answerQuestion } from '../../src/zone/answer.ts'
import { hosts, queryBytes, zonesOf } from '../fixtures.ts'

const message = suite('dns: messages')

const zones = zonesOf(hosts(24))
const random = new SimRandom(3)
const names = ['thor.local', 'n7.thor.local', '_sip._udp.thor.local', 'no.thor.local', '_udp.thor.local']
const types = [TYPE.A, TYPE.NS, TYPE.SOA, TYPE.SRV, TYPE.NAPTR, TYPE.ANY, 65_280]

message('answers fit their limit and say TC when records were left out, at every limit', () => {
  for (const name of names) {
    for (const type of types) {
      const query = readQuery(queryBytes(name, type, { edns: { size: 4096, version: 0 } }))!
      const sections = answerQuestion(zones, query.question!, random)
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
  const few = answerQuestion(zonesOf(hosts(3)), query.question!, random)
  const bytes = writeAnswer(query, few, 512)
  const text = bytes.toString('latin1')
  assert.is(text.split('thor').length - 1, 1 + 3)
  const targets = Packet.parse(bytes).answers.map((record) => record.target)
  assert.equal(targets.toSorted(), ['n0.thor.local', 'n1.thor.local', 'n2.thor.local'])
})

message('an extended rcode is split over header and OPT', () => {
  const query = readQuery(queryBytes('thor.local', TYPE.A, { edns: { size: 512, version: 1 } }))!
  const bytes = writeAnswer(query, noRecords(RCODE.BADVERS), 512)
  assert.is((bytes[3] as number) & 0xf, 0)
  assert.is(Packet.parse(bytes).header.rcode, 16)
})

message.run()
