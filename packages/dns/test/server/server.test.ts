import {
  type Address,
  type Net,
  silentLogger,
  systemClock,
  systemNet,
  type TcpConnection,
  ThorError,
  type UdpSocket,
} from '@thor-node/core'
import { deadline, eventually, SimClock, SimRandom } from '@thor-node/core/testing'
import { Packet } from 'dns2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { QUERIES_PER_TURN, QUERY_MAX_BYTES, TCP_CONNECTIONS_MAX, TCP_IDLE_MS } from '../../src/limits.ts'
import { DnsServer } from '../../src/server/server.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { dnsServer, hosts, queryBytes, zonesOf } from '../fixtures.ts'

const dns = suite('dns: server')
const HOST = '127.7.2.1'

let server: DnsServer
dns.before(async () => {
  server = dnsServer(zonesOf(hosts(3)), { host: HOST })
  await server.start()
})
dns.after(() => server.stop())

/** Sends datagrams and collects answers until the answer with id 0xffff comes. */
async function exchange(datagrams: Uint8Array[], to = server): Promise<Buffer[]> {
  const answers: Buffer[] = []
  const done = Promise.withResolvers<void>()
  const client: UdpSocket = await systemNet.udp({ host: '127.7.2.9', port: 0 }, (bytes) => {
    if (bytes.readUInt16BE(0) === 0xffff) done.resolve()
    else answers.push(bytes)
  })
  for (const datagram of datagrams) client.send(datagram, to.address as Address)
  client.send(queryBytes('thor.local', TYPE.A, { id: 0xffff }), to.address as Address)
  await done.promise
  await client.close()
  return answers
}

const rcodeOf = (bytes: Buffer | undefined): number | undefined => bytes && (bytes[3] as number) & 0xf

const good = queryBytes('thor.local', TYPE.A)
const edit = (bytes: Buffer, change: (copy: Buffer) => void): Buffer => {
  const copy = Buffer.from(bytes)
  change(copy)
  return copy
}
const withCounts = (counts: [number, number, number, number]): Buffer =>
  edit(good, (copy) => {
    for (const [index, value] of counts.entries()) copy.writeUInt16BE(value, 4 + index * 2)
  })
const edns = queryBytes('thor.local', TYPE.A, { edns: { size: 4096, version: 0 } })

const malformed: [what: string, bytes: Buffer, rcode: number | undefined][] = [
  ['nothing', Buffer.alloc(0), undefined],
  ['half a header', good.subarray(0, 11), undefined],
  ['an answer', edit(good, (copy) => copy.writeUInt8(0x80, 2)), undefined],
  ['a header alone', edit(good.subarray(0, 12), (copy) => copy.writeUInt16BE(0, 4)), 1],
  ['a question that is cut', good.subarray(0, good.length - 1), 1],
  ['a name that is cut', good.subarray(0, 15), 1],
  ['a name that points to itself', edit(good, (copy) => copy.writeUInt16BE(0xc00c, 12)), 1],
  ['a label of a reserved kind', edit(good, (copy) => copy.writeUInt8(0x44, 12)), 1],
  ['a name of 256 octets', queryBytes(`${'a'.repeat(63)}.`.repeat(4), TYPE.A), 1],
  ['two questions', withCounts([2, 0, 0, 0]), 1],
  ['records that are not there', withCounts([1, 0, 0, 1]), 1],
  ['as many records as can be said', withCounts([1, 65_535, 65_535, 65_535]), 1],
  ['octets after the end', Buffer.concat([good, Buffer.of(0)]), 1],
  ['two OPT', edit(Buffer.concat([edns, edns.subarray(-11)]), (copy) => copy.writeUInt16BE(2, 10)), 1],
  ['an OPT longer than the packet', edit(edns, (copy) => copy.writeUInt16BE(9, copy.length - 2)), 1],
  ['more octets than a query may have', Buffer.concat([good, Buffer.alloc(QUERY_MAX_BYTES)]), 1],
  ['an update', edit(good, (copy) => copy.writeUInt8(5 << 3, 2)), 4],
  ['noise', Buffer.from(Array.from({ length: 40 }, (_, i) => (i * 37) % 120)), 4],
]
for (const [what, bytes, rcode] of malformed) {
  dns(
    `${what} ${rcode === undefined ? 'gets no answer' : `gets rcode ${rcode}`}, and the server goes on`,
    deadline(5_000, async () => {
      const answers = await exchange([bytes])
      assert.is(answers.length, rcode === undefined ? 0 : 1)
      assert.is(rcodeOf(answers[0]), rcode)
      if (answers[0]) assert.is(answers[0].readUInt16BE(0), bytes.readUInt16BE(0))
    }),
  )
}

dns(
  'the question comes back octet by octet, in the case in which it was asked',
  deadline(5_000, async () => {
    const query = queryBytes('tHoR.LoCaL', TYPE.A)
    const [answer] = await exchange([query])
    assert.equal(answer?.subarray(12, query.length), query.subarray(12))
    assert.is(Packet.parse(answer!).answers[0]?.name, 'tHoR.LoCaL')
  }),
)

dns(
  'answers come in many orders',
  deadline(5_000, async () => {
    const many = dnsServer(zonesOf(hosts(6)), { host: '127.7.2.2' })
    await many.start()
    const answers = await exchange(
      Array.from({ length: 20 }, () => good),
      many,
    )
    await many.stop()
    const orders = answers.map((bytes) =>
      Packet.parse(bytes)
        .answers.map((record) => record.address)
        .join(),
    )
    assert.is(orders.length, 20)
    assert.ok(new Set(orders).size > 5)
  }),
)

function frame(message: Uint8Array): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}

interface Client {
  connection: TcpConnection
  received: () => Buffer
  closed: () => boolean
}

async function connect(to: Address): Promise<Client> {
  const connection = await systemNet.connect(to)
  let received = Buffer.alloc(0)
  let closed = false
  connection.onData((bytes) => {
    received = Buffer.concat([received, bytes])
  })
  connection.onClose(() => {
    closed = true
  })
  return { connection, received: () => received, closed: () => closed }
}

dns(
  'queries over TCP may come in one piece or octet by octet',
  deadline(10_000, async () => {
    const client = await connect(server.address as Address)
    const queries = [1, 2, 3].map((id) => frame(queryBytes('thor.local', TYPE.SOA, { id })))
    client.connection.write(Buffer.concat(queries))
    for (const octet of queries[0] as Buffer) client.connection.write(Buffer.of(octet))
    await eventually(() => client.received().length >= 2)
    const length = 2 + client.received().readUInt16BE(0)
    await eventually(() => client.received().length === 4 * length)
    assert.equal(
      [0, 1, 2, 3].map((index) => client.received().readUInt16BE(index * length + 2)),
      [1, 2, 3, 1],
    )
    client.connection.destroy()
  }),
)

for (const [what, bytes] of [
  ['a frame that is too long', Buffer.of(0xff, 0xff)],
  ['a frame that is no query', frame(Buffer.alloc(3))],
] as const) {
  dns(
    `${what} ends the connection`,
    deadline(10_000, async () => {
      const client = await connect(server.address as Address)
      client.connection.write(bytes)
      await eventually(client.closed)
    }),
  )
}

dns(
  'connections that ask nothing are closed, and there is a limit to their number',
  deadline(20_000, async () => {
    const clock = new SimClock()
    const components = {
      logger: silentLogger,
      clock,
      random: new SimRandom(1),
      net: systemNet,
      zones: zonesOf(hosts(3)),
    }
    const limited = new DnsServer(components, { host: '127.7.2.3', port: 0 })
    await limited.start()
    const address = limited.address as Address
    const clients = await Promise.all(Array.from({ length: TCP_CONNECTIONS_MAX }, () => connect(address)))
    await eventually(() => clock.armed === TCP_CONNECTIONS_MAX)
    const extra = await connect(address)
    await eventually(extra.closed)
    assert.not.ok(clients.some((client) => client.closed()))
    await clock.advance(TCP_IDLE_MS)
    await eventually(() => clients.every((client) => client.closed()))
    assert.is(clock.armed, 0)
    await limited.stop()
  }),
)

dns(
  'a stop leaves no socket and no timer, and it may start again',
  deadline(10_000, async () => {
    const clock = new SimClock()
    const components = {
      logger: silentLogger,
      clock,
      random: new SimRandom(1),
      net: systemNet,
      zones: zonesOf(hosts(3)),
    }
    const other = new DnsServer(components, { host: '127.7.2.4', port: 0 })
    await other.start()
    await other.start()
    const client = await connect(other.address as Address)
    await eventually(() => clock.armed === 1)
    await other.stop()
    await other.stop()
    await eventually(client.closed)
    await eventually(() => clock.armed === 0)
    assert.is(other.address, undefined)
    await other.start()
    assert.ok(other.address)
    await other.stop()
  }),
)

dns(
  'a zone that fails is SERVFAIL',
  deadline(5_000, async () => {
    const broken = dnsServer(
      {
        find() {
          throw new Error('broken')
        },
      },
      { host: '127.7.2.5' },
    )
    await broken.start()
    assert.is(rcodeOf((await exchange([good], broken))[0]), 2)
    await broken.stop()
  }),
)

dns(
  'a flood of queries gives way to others of the thread after so many',
  deadline(5_000, async () => {
    let perTurn: number | undefined
    const net: Net = {
      ...systemNet,
      udp(bind, onMessage, options) {
        perTurn = options?.perTurn
        return systemNet.udp(bind, onMessage, options)
      },
    }
    const modest = dnsServer(zonesOf(hosts(1)), { host: '127.7.2.8' }, { net })
    await modest.start()
    assert.is(perTurn, QUERIES_PER_TURN)
    await modest.stop()
  }),
)

/** A Net on which ports below 1024 need a right that is not there. */
const unprivileged: Net = {
  ...systemNet,
  async udp(bind, onMessage) {
    if (bind.port > 0 && bind.port < 1024) throw new ThorError('NET_PERMISSION', 'no right')
    return systemNet.udp(bind, onMessage)
  },
}

dns(
  'a port that cannot be had is replaced by 1053, then by any, with a sentence',
  deadline(10_000, async () => {
    const host = '127.7.2.6'
    const make = (): DnsServer => {
      const components = {
        logger: silentLogger,
        clock: systemClock,
        random: new SimRandom(1),
        net: unprivileged,
        zones: zonesOf(hosts(3)),
      }
      return new DnsServer(components, { host, port: 53 })
    }
    const [first, second] = [make(), make()]
    await first.start()
    assert.equal(first.address, { host, port: 1053 })
    assert.is(first.note, 'DNS answers on port 1053 instead of 53: ports below 1024 need root or CAP_NET_BIND_SERVICE.')
    await second.start()
    assert.ok((second.address?.port ?? 0) > 1053)
    await first.stop()
    await second.stop()
    const free = dnsServer(zonesOf(hosts(3)), { host })
    await free.start()
    assert.is(free.note, undefined)
    await free.stop()
  }),
)

dns(
  'an address that this machine does not have is an error',
  deadline(5_000, async () => {
    const strange = dnsServer(zonesOf(hosts(3)), { host: '192.0.2.77', port: 53 })
    await strange.start().then(
      () => assert.unreachable(),
      (error: ThorError) => assert.is(error.code, 'NET_ADDRESS_UNKNOWN'),
    )
  }),
)

dns.run()
