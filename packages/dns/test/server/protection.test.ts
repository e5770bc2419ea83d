/** Cookies and rates: who gets an answer over UDP, and how much of it. */

import { silentLogger } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import { Packet } from 'dns2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Cookies } from '../../src/server/cookies.ts'
import { RateLimit } from '../../src/server/rate-limit.ts'
import { Responder } from '../../src/server/responder.ts'
import { sipHash } from '../../src/server/siphash.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { type Query, readQuery } from '../../src/wire/query.ts'
import { hosts, queryBytes, zonesOf } from '../fixtures.ts'

const protection = suite('dns: cookies and rates')

const KEY = Buffer.from('e5e973e5a6b2a43f48e7dc849e37bfcf', 'hex')

protection('SipHash-2-4 gives the values of its authors', () => {
  const key = Buffer.from(Array.from({ length: 16 }, (_, i) => i))
  const message = (length: number) => Buffer.from(Array.from({ length }, (_, i) => i))
  const expected: [length: number, hex: string][] = [
    [0, '310e0edd47db6f72'],
    [1, 'fd67dc93c539f874'],
    [8, '6224939a79f5f593'],
    [15, 'e545be4961ca29a1'],
  ]
  for (const [length, hex] of expected) assert.is(sipHash(key, message(length)).toString('hex'), hex)
})

protection('a cookie is that of RFC 9018, appendix A.1', async () => {
  const clock = new SimClock(1_559_731_985_000)
  const cookies = new Cookies({ clock }, { key: KEY })
  const client = Buffer.from('2464c4abcf10c957', 'hex')
  const whole = cookies.answer(client, '198.51.100.100', false)
  assert.is(whole.toString('hex'), '2464c4abcf10c957010000005cf79f111f8130c3eee29480')
  assert.ok(cookies.isValid(whole, '198.51.100.100'))
})

protection('a cookie counts for its address, its client and an hour, and is renewed after half of it', async () => {
  const clock = new SimClock(1_559_731_985_000)
  const cookies = new Cookies({ clock }, { key: KEY })
  const cookie = cookies.answer(Buffer.from('2464c4abcf10c957', 'hex'), '192.0.2.7', false)
  assert.not(cookies.isValid(cookie, '192.0.2.8'))
  for (const at of [0, 8, 9, 15, 23]) {
    const spoiled = Buffer.from(cookie)
    spoiled[at] = (spoiled[at] as number) ^ 1
    assert.not(cookies.isValid(spoiled, '192.0.2.7'), `octet ${at}`)
  }
  assert.not(new Cookies({ clock }, { key: Buffer.alloc(16) }).isValid(cookie, '192.0.2.7'))
  assert.equal(cookies.answer(cookie, '192.0.2.7', true), cookie)
  await clock.advance(1_800_000)
  assert.not.equal(cookies.answer(cookie, '192.0.2.7', true), cookie)
  await clock.advance(1_801_000)
  assert.not(cookies.isValid(cookie, '192.0.2.7'))
  const six = cookies.answer(cookie.subarray(0, 8), '2001:db8::1', false)
  assert.ok(cookies.isValid(six, '2001:db8::1'))
})

function responder(perSecond: number): { clock: SimClock; responder: Responder } {
  const clock = new SimClock()
  const components = { zones: zonesOf(hosts(5)), random: new SimRandom(1), logger: silentLogger }
  const rate = new RateLimit({ clock }, { perSecond })
  return { clock, responder: new Responder({ ...components, cookies: new Cookies({ clock }, { key: KEY }), rate }) }
}

const query = (name: string, cookie?: Uint8Array): Query => {
  const options = cookie && Buffer.concat([Buffer.of(0, 10, 0, cookie.length), cookie])
  return readQuery(
    queryBytes(name, TYPE.A, { edns: { size: 1_232, version: 0, ...(options && { options }) } }),
  ) as Query
}

const cookieIn = (answer: Buffer): Buffer => answer.subarray(answer.length - 24)

protection('above the rate answers are left out or say: come over TCP; a cookie of ours lifts that', async () => {
  const { clock, responder: under } = responder(10)
  const ask = (host = '192.0.2.1', cookie?: Uint8Array) => under.overUdp(query('n1.thor.local', cookie), host)
  const answers = Array.from({ length: 30 }, () => ask())
  assert.is(answers.filter((one) => one === undefined).length, 10)
  const cut = answers.filter((one) => one && Packet.parse(one).header.tc === 1)
  assert.is(cut.length, 10)
  assert.ok(cut.every((one) => (one?.length ?? 0) <= queryBytes('n1.thor.local').length + 11))
  assert.is(ask('192.0.2.200'), undefined, 'the neighbour shares the rate')
  assert.ok(ask('198.51.100.1'), 'another network has its own')
  assert.ok(under.overUdp(query('n2.thor.local'), '192.0.2.1'), 'so has another question')
  const client = Buffer.alloc(8, 7)
  const first = [ask('192.0.2.1', client), ask('192.0.2.1', client)].find((one) => one !== undefined) as Buffer
  assert.is(Packet.parse(first).header.tc, 1)
  for (let times = 0; times < 50; times++) {
    assert.is(Packet.parse(ask('192.0.2.1', cookieIn(first)) as Buffer).answers.length, 1)
  }
  await clock.advance(1_000)
  assert.is(Packet.parse(ask() as Buffer).answers.length, 1)
})

protection('names that are not there count together, refusals too', () => {
  const { responder: under } = responder(10)
  for (const [what, name] of [
    ['unknown', (i: number) => `x${i}.thor.local`],
    ['foreign', (i: number) => `x${i}.example.org`],
  ] as const) {
    const answers = Array.from({ length: 40 }, (_, i) => under.overUdp(query(name(i)), '192.0.2.1'))
    const whole = answers.filter((one) => one && Packet.parse(one).header.tc === 0)
    assert.is(whole.length, 10, what)
  }
})

protection('a cookie of a length that is none is FORMERR (RFC 7873 §5.2.2)', () => {
  const { responder: under } = responder(0)
  for (const length of [0, 7, 9, 15, 41]) {
    const answer = under.overUdp(query('n1.thor.local', Buffer.alloc(length)), '192.0.2.1') as Buffer
    assert.is((answer[3] as number) & 0xf, 1, `${length} octets`)
  }
})

protection.run()
