/** Whole zones over TCP: to whom they are allowed, in messages that others can read. */
import { type Address, systemNet, type TcpConnection } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { Packet } from 'dns2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TRANSFER_MESSAGE_BYTES, TRANSFERS_MAX } from '../../src/limits.ts'
import type { DnsServer } from '../../src/server/server.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { dnsServer, queryBytes, tree, zonesOf } from '../fixtures.ts'

const test = suite('dns: zone transfers')

const HOST = '127.84.3'
const COUNT = 5_000
const lines = Array.from({ length: COUNT }, (_, i) => `h${i}.big.example TXT "${'x'.repeat(40)} ${i}"`)
let server: DnsServer
test.before(async () => {
  const zones = zonesOf(tree('big.example', lines), tree('small.example', ['www.small.example A 192.0.2.1']))
  const mayTransfer = (host: string, apex: string): boolean => host === `${HOST}.2` && apex.endsWith('.example')
  server = dnsServer(zones, { host: `${HOST}.1` }, { mayTransfer })
  await server.start()
})
test.after(() => server.stop())

const frame = (message: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(message.length >>> 8, message.length & 0xff), message])

interface Client {
  connection: TcpConnection
  messages: Buffer[]
}
async function client(localHost: string): Promise<Client> {
  const connection = await systemNet.connect(server.address as Address, { localHost })
  const messages: Buffer[] = []
  let waiting = Buffer.alloc(0)
  connection.onData((bytes) => {
    waiting = Buffer.concat([waiting, bytes])
    while (waiting.length >= 2 && waiting.length >= 2 + waiting.readUInt16BE(0)) {
      messages.push(waiting.subarray(2, 2 + waiting.readUInt16BE(0)))
      waiting = waiting.subarray(2 + waiting.readUInt16BE(0))
    }
  })
  return { connection, messages }
}

const recordsIn = (messages: readonly Buffer[]) => messages.flatMap((message) => Packet.parse(message).answers)
const isWhole = (messages: readonly Buffer[]): boolean =>
  recordsIn(messages).filter(({ type }) => type === TYPE.SOA).length === 2

for (const [what, type] of [
  ['AXFR', TYPE.AXFR],
  ['IXFR', TYPE.IXFR],
] as const) {
  test(
    `${what}: SOA, every record once, SOA, in messages of a middling size; then other questions`,
    deadline(20_000, async () => {
      const { connection, messages } = await client(`${HOST}.2`)
      connection.write(
        Buffer.concat([
          frame(queryBytes('big.example', type, { id: 7 })),
          frame(queryBytes('www.small.example', TYPE.A, { id: 8 })),
        ]),
      )
      await eventually(() => messages.at(-1)?.readUInt16BE(0) === 8, 15_000)
      const transfer = messages.slice(0, -1)
      assert.ok(isWhole(transfer))
      assert.ok(transfer.length > 10)
      for (const message of transfer) {
        assert.is(message.readUInt16BE(0), 7)
        assert.ok(message.length <= TRANSFER_MESSAGE_BYTES + 512)
        assert.equal(Packet.parse(message).errors, [])
      }
      const records = recordsIn(transfer)
      assert.is(records[0]?.type, TYPE.SOA)
      assert.is(records.at(-1)?.type, TYPE.SOA)
      assert.is(new Set(records.slice(1, -1).map(({ name }) => name)).size, COUNT)
      assert.is(records.length, COUNT + 2)
      connection.destroy()
    }),
  )
}

test(
  'strangers, names that are no zone, and UDP get none',
  deadline(10_000, async () => {
    const stranger = await client(`${HOST}.3`)
    stranger.connection.write(frame(queryBytes('small.example', TYPE.AXFR)))
    await eventually(() => stranger.messages.length === 1)
    assert.is(Packet.parse(stranger.messages[0]!).header.rcode, 5)
    const friend = await client(`${HOST}.2`)
    friend.connection.write(frame(queryBytes('www.small.example', TYPE.AXFR)))
    await eventually(() => friend.messages.length === 1)
    assert.is(Packet.parse(friend.messages[0]!).header.rcode, 5)
    for (const { connection } of [stranger, friend]) connection.destroy()
    const answers: Buffer[] = []
    const socket = await systemNet.udp({ host: `${HOST}.2`, port: 0 }, (bytes) => void answers.push(bytes))
    socket.send(queryBytes('small.example', TYPE.AXFR), server.address as Address)
    socket.send(queryBytes('small.example', TYPE.IXFR), server.address as Address)
    await eventually(() => answers.length === 2)
    assert.equal(answers.map((one) => Packet.parse(one).header.rcode).sort(), [0, 5])
    const soa = answers.map((one) => Packet.parse(one)).find(({ header }) => header.rcode === 0)
    assert.is(soa?.answers[0]?.type, TYPE.SOA, 'IXFR over UDP tells how far the zone is')
    await socket.close()
  }),
)

test(
  'a peer that does not read holds up nobody, and there is a limit to their number',
  deadline(20_000, async () => {
    const slow = await Promise.all(Array.from({ length: TRANSFERS_MAX }, () => client(`${HOST}.2`)))
    for (const { connection } of slow) {
      connection.pause()
      for (let times = 0; times < 80; times++) connection.write(frame(queryBytes('big.example', TYPE.AXFR)))
    }
    const friend = await client(`${HOST}.2`)
    const refused = async (): Promise<boolean> => {
      friend.messages.length = 0
      friend.connection.write(frame(queryBytes('small.example', TYPE.AXFR)))
      await eventually(() => friend.messages.length > 0)
      return Packet.parse(friend.messages[0]!).header.rcode === 5
    }
    await eventually(refused, 10_000)
    for (const { connection } of slow) connection.destroy()
    await eventually(async () => !(await refused()), 10_000)
    friend.connection.destroy()
  }),
)

test.run()
