/** Asking others: over real sockets, from our own server, and from ones that do not do what they should. */
import { type Address, systemNet, ThorError, type UdpSocket } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { StubResolver } from '../../src/ddds/stub.ts'
import { STUB_LIMITS } from '../../src/limits.ts'
import type { DnsServer } from '../../src/server/server.ts'
import { readAnswer } from '../../src/wire/answer-reader.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { dnsServer, queryBytes, tree, zonesOf } from '../fixtures.ts'

const test = suite('ddds: asking others')

const HOST = '127.84.1'
let server: DnsServer
const many = Array.from(
  { length: 30 },
  (_, i) => `many.example NAPTR 1 ${i} "u" "E2U+sip" "!^.*$!sip:${'x'.repeat(60)}${i}@example.com!" .`,
)
test.before(async () => {
  const zone = tree('example', [
    'one.example NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:a@b!" .',
    'a.example CNAME one.example.',
    'mx.example MX 5 mail.example.',
    ...many,
  ])
  server = dnsServer(zonesOf(zone), { host: `${HOST}.1` })
  await server.start()
})
test.after(() => server.stop())

const resolver = (servers: Address[], timeoutMs = 2_000, clock?: SimClock) =>
  new StubResolver({ net: systemNet, clock: clock ?? new SimClock(), random: new SimRandom(4) }, { servers, timeoutMs })

test(
  'rules are found, aliases are followed, nothing is an answer too',
  deadline(10_000, async () => {
    const asking = resolver([server.address as Address])
    assert.equal(await asking.naptr('one.example'), [
      { order: 1, preference: 2, flags: 'u', service: 'E2U+sip', regexp: '!^.*$!sip:a@b!', replacement: '.' },
    ])
    assert.is((await asking.naptr('a.example')).length, 1)
    assert.equal(await asking.naptr('no.example'), [])
    assert.equal(await asking.naptr('mx.example'), [])
  }),
)

test(
  'what does not fit comes over TCP',
  deadline(10_000, async () => {
    assert.is((await resolver([server.address as Address]).naptr('many.example')).length, 30)
  }),
)

/** A server that says what `say` makes of a query. */
async function strange(
  host: string,
  say: (query: Buffer) => Buffer[],
): Promise<{ socket: UdpSocket; asked: () => number }> {
  let asked = 0
  const socket = await systemNet.udp({ host, port: 0 }, (bytes, from) => {
    asked++
    for (const answer of say(bytes)) socket.send(answer, from)
  })
  return { socket, asked: () => asked }
}

const answered = (query: Buffer, rcode = 0, ttl = 60): Buffer => {
  const end = query.length - 11
  const answer = Buffer.from(query.subarray(0, end))
  answer[2] = 0x80
  answer[3] = rcode
  answer[11] = 0
  if (rcode !== 0) return answer
  answer[7] = 1
  const record = Buffer.from(
    `c00c00230001${ttl.toString(16).padStart(8, '0')}0012000a00010175074532552b7369700000`,
    'hex',
  )
  record.writeUInt16BE(record.length - 12, 10)
  return Buffer.concat([answer, record])
}

test(
  'answers live as long as they say, and one question is asked once at a time',
  deadline(10_000, async () => {
    const clock = new SimClock()
    const { socket, asked } = await strange(`${HOST}.2`, (query) => [answered(query, 0, 60)])
    const asking = resolver([socket.local], 2_000, clock)
    const first = await Promise.all([asking.naptr('x.example'), asking.naptr('x.example')])
    assert.is(first[0]?.[0]?.service, 'E2U+sip')
    assert.is(asked(), 1)
    await clock.advance(59_000)
    await asking.naptr('x.example')
    assert.is(asked(), 1)
    await clock.advance(1_500)
    await asking.naptr('x.example')
    assert.is(asked(), 2)
    await socket.close()
  }),
)

test(
  'forged answers are passed: another id, another question, other letters',
  deadline(10_000, async () => {
    const { socket } = await strange(`${HOST}.3`, (query) => {
      const good = answered(query)
      const edit = (change: (copy: Buffer) => void): Buffer => {
        const copy = Buffer.from(good)
        change(copy)
        return copy
      }
      return [
        edit((copy) => copy.writeUInt16BE((copy.readUInt16BE(0) + 1) & 0xffff, 0)),
        edit((copy) => {
          copy[14] = (copy[14] as number) ^ 0x20
        }),
        edit((copy) => copy.writeUInt8(0, 2)),
        good.subarray(0, good.length - 1),
        good,
      ]
    })
    const found = await resolver([socket.local]).naptr('forged.example')
    assert.is(found.length, 1)
    await socket.close()
  }),
)

test(
  'who fails or is silent is passed; nobody left is an error, which is not remembered',
  deadline(10_000, async () => {
    const failing = await strange(`${HOST}.4`, (query) => [answered(query, 2)])
    const good = server.address as Address
    assert.is((await resolver([failing.socket.local, good]).naptr('one.example')).length, 1)
    const clock = new SimClock()
    const silent = await strange(`${HOST}.5`, () => [])
    const asking = resolver([silent.socket.local, failing.socket.local], 100, clock)
    for (let times = 1; times <= 2; times++) {
      let failed: unknown
      const done = asking.naptr('one.example').catch((error) => {
        failed = error
      })
      while (failed === undefined) {
        await clock.advance(100)
        await new Promise((next) => setImmediate(next))
      }
      await done
      assert.ok(failed instanceof ThorError && failed.code === 'DNS_UNANSWERED')
      assert.is(silent.asked(), times * 2)
    }
    await Promise.all([failing.socket.close(), silent.socket.close()])
  }),
)

test(
  'the oldest answers are forgotten',
  deadline(30_000, async () => {
    const { socket } = await strange(`${HOST}.6`, (query) => [answered(query, 3)])
    const asking = resolver([socket.local])
    const names = Array.from({ length: 300 }, (_, i) => `n${i}.example`)
    for (const name of names) await asking.naptr(name)
    assert.ok(asking.size <= STUB_LIMITS.answersMax)
    await socket.close()
  }),
)

test('whatever comes back, reading it ends', () => {
  const random = new SimRandom(8)
  const query = queryBytes('x.example', TYPE.NAPTR, { edns: { size: 1_232, version: 0 } })
  const good = answered(query)
  let read = 0
  for (let round = 0; round < 30_000; round++) {
    const bytes = Buffer.from(good.subarray(0, random.int(6) === 0 ? random.int(good.length) : good.length))
    for (let times = random.int(4); times > 0 && bytes.length > 0; times--)
      bytes[random.int(bytes.length)] = random.int(256)
    if (readAnswer(bytes, query)) read++
  }
  assert.ok(read > 1_000)
})

test.run()
