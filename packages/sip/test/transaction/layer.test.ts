import { silentLogger } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { SipResponse } from '../../src/message/contract.ts'
import { makeRequest, makeResponse } from '../../src/message/index.ts'
import type { Hop, ServerTransaction } from '../../src/transaction/contract.ts'
import { Transactions } from '../../src/transaction/layer.ts'
import type { Destination } from '../../src/transport/contract.ts'
import { answer, CLIENT, makePair, request, SERVER, untilQuiet } from './pair.ts'

const test = suite('sip: transaction layer')

test(
  'a request is answered, and both sides forget it',
  deadline(10_000, async () => {
    const pair = makePair()
    pair.client.request(request('OPTIONS'), pair.hop, pair.user)
    await pair.clock.advance(20)
    assert.is(pair.taken.length, 1)
    answer(pair.taken[0] as ServerTransaction, 200)
    await pair.clock.advance(20)
    assert.equal(pair.log, ['200'])
    assert.is(pair.client.size, 1)
    await untilQuiet(pair)
    assert.equal(pair.log, ['200', 'end'])
    assert.is(pair.taken[0]?.request.vias[0]?.params.get('rport'), '5060')
  }),
)

test(
  'lost requests and responses come again, and are taken once',
  deadline(10_000, async () => {
    let lost = 0
    const pair = makePair({ lose: () => lost++ < 3 })
    pair.server.onRequest = (transaction) => {
      pair.taken.push(transaction)
      answer(transaction, 200)
    }
    pair.client.request(request('MESSAGE'), pair.hop, pair.user)
    await untilQuiet(pair)
    assert.is(pair.taken.length, 1)
    assert.equal(pair.log, ['200', 'end'])
    assert.is(pair.count('client', 'MESSAGE'), 4)
  }),
)

test(
  'a third of all messages lost: an INVITE is refused once, acknowledged, and over',
  deadline(10_000, async () => {
    let acks = 0
    for (let seed = 1; seed <= 20; seed++) {
      const chance = new SimRandom(seed)
      const pair = makePair({ lose: () => chance.float() < 1 / 3 })
      const ended: string[] = []
      pair.server.onRequest = (transaction) => {
        transaction.onEnd = (cause) => ended.push(cause)
        answer(transaction, 486)
      }
      pair.client.request(request('INVITE'), pair.hop, pair.user)
      await untilQuiet(pair)
      assert.equal(
        pair.log.filter((entry) => entry !== '100'),
        ['486', 'end'],
        `seed ${seed}`,
      )
      assert.equal(ended, ['done'], `seed ${seed}`)
      acks += pair.count('client', 'ACK')
    }
    // Some were lost, and the 486 that came again was acknowledged again.
    assert.ok(acks > 20)
  }),
)

test(
  'a peer that never answers is given up after 64 × T1',
  deadline(10_000, async () => {
    const pair = makePair({ lose: () => true })
    pair.client.request(request('INVITE'), pair.hop, pair.user)
    pair.client.request(request('OPTIONS'), pair.hop, pair.user)
    await pair.clock.advance(31_999)
    assert.equal(pair.log, [])
    await untilQuiet(pair)
    assert.equal(pair.log, ['timeout', 'end', 'timeout', 'end'])
    assert.is(pair.count('client', 'INVITE'), 7)
    assert.is(pair.count('client', 'OPTIONS'), 11)
  }),
)

test(
  'a 486 that is never acknowledged ends with a time-out',
  deadline(10_000, async () => {
    const pair = makePair({ lose: ({ what }) => what === 'ACK' })
    let ended = ''
    pair.server.onRequest = (transaction) => {
      transaction.onEnd = (cause) => {
        ended = cause
      }
      answer(transaction, 486)
    }
    pair.client.request(request('INVITE'), pair.hop, pair.user)
    await untilQuiet(pair)
    assert.is(ended, 'timeout')
  }),
)

test(
  'the transport fails: the user hears of it once',
  deadline(10_000, async () => {
    const pair = makePair()
    const hop: Hop = { ...pair.hop, send: () => Promise.reject(new Error('unreachable')) }
    pair.client.request(request('INVITE'), hop, pair.user)
    await pair.clock.advance(1)
    assert.equal(pair.log, ['transport', 'end'])
    await untilQuiet(pair)
  }),
)

test(
  'a message that cannot be written is one that cannot be sent',
  deadline(5_000, async () => {
    const { clock, client, hop, log, user } = makePair()
    const broken: Hop = {
      ...hop,
      send: () => {
        throw new Error('no header field may hold a line feed')
      },
    }
    client.request(request('INVITE'), broken, user)
    await clock.advance(10)
    assert.equal(log, ['transport', 'end'])
    assert.equal(client.snapshot(), { servers: 0, clients: 0, answers: 0 })
  }),
)

test(
  'INVITE: 100 at once, 2xx again and again, ACK of a 2xx to the user',
  deadline(10_000, async () => {
    const pair = makePair()
    const acks: string[] = []
    pair.server.onAck = (ack) => void acks.push(ack.callId)
    pair.client.request(request('INVITE'), pair.hop, pair.user)
    await pair.clock.advance(20)
    const [transaction] = pair.taken
    assert.ok(transaction)
    answer(transaction, 180)
    answer(transaction, 200)
    answer(transaction, 200)
    answer(transaction, 486)
    await pair.clock.advance(20)
    assert.equal(pair.log, ['100', '180', '200', '200'])
    const ack = request('ACK')
    ack.headers.prepend('Via', 'SIP/2.0/UDP 127.3.1.1:5060;branch=z9hG4bKother')
    await pair.hop.send(ack)
    await pair.clock.advance(20)
    assert.equal(acks, ['call@127.3.1.1'])
    await untilQuiet(pair)
    assert.is(pair.count('client', 'ACK'), 1)
  }),
)

test(
  'CANCEL waits for a provisional response, is answered 200, and reaches the INVITE',
  deadline(10_000, async () => {
    let quiet = true
    const pair = makePair({ lose: ({ from }) => quiet && from === 'server' })
    pair.server.onRequest = (transaction) => {
      pair.taken.push(transaction)
      transaction.onCancel = () => answer(transaction, 487)
    }
    const call = pair.client.request(request('INVITE'), pair.hop, pair.user)
    await pair.clock.advance(20)
    call.cancel('SIP;cause=200')
    call.cancel()
    await pair.clock.advance(20)
    assert.is(pair.count('client', 'CANCEL'), 0)
    quiet = false
    await untilQuiet(pair)
    assert.is(pair.count('client', 'CANCEL'), 1)
    assert.is(pair.taken.length, 1)
    assert.equal(pair.log, ['100', '487', 'end'])
    assert.is(pair.count('server', '200'), 1)
  }),
)

test(
  'CANCEL without its INVITE is answered 481',
  deadline(10_000, async () => {
    const pair = makePair()
    pair.client.request(request('CANCEL'), pair.hop, pair.user)
    await untilQuiet(pair)
    assert.equal(pair.log, ['481', 'end'])
    assert.is(pair.taken.length, 0)
  }),
)

test(
  'over a stream nothing is sent twice',
  deadline(10_000, async () => {
    const pair = makePair({ transport: 'tcp' })
    pair.server.onRequest = (transaction) => {
      pair.clock.after(5_000, () => answer(transaction, 486))
    }
    pair.client.request(request('INVITE'), pair.hop, pair.user)
    await untilQuiet(pair)
    assert.equal(
      pair.sent.map(({ what }) => what),
      ['INVITE', '100', '486', 'ACK'],
    )
  }),
)

test(
  'RFC 4320: a 408 that comes too late is not sent, and the transaction is over',
  deadline(10_000, async () => {
    const pair = makePair()
    pair.client.request(request('OPTIONS'), pair.hop, pair.user)
    await pair.clock.advance(20)
    answer(pair.taken[0] as ServerTransaction, 408)
    assert.is(pair.server.size, 0)
    await pair.clock.advance(400)
    assert.equal(pair.log, [])
    await pair.client.stop()
    await pair.server.stop()
    await untilQuiet(pair)
  }),
)

test(
  'when the table is full a request is answered 503 with Retry-After and leaves nothing behind',
  deadline(10_000, async () => {
    const pair = makePair({ transactionsMax: 1 })
    const retries: (string | undefined)[] = []
    const user = {
      ...pair.user,
      onResponse: (response: SipResponse) => retries.push(response.headers.get('Retry-After')),
    }
    pair.client.request(request('OPTIONS'), pair.hop, pair.user)
    await pair.clock.advance(20)
    pair.client.request(request('OPTIONS'), pair.hop, user)
    await pair.clock.advance(20)
    assert.is(pair.server.size, 1)
    assert.is(retries.length, 1)
    assert.ok(retries[0])
    answer(pair.taken[0] as ServerTransaction, 200)
    await untilQuiet(pair)
  }),
)

for (const [name, via] of [
  ['without a branch', 'SIP/2.0/UDP 127.3.1.1:5060'],
  ['with the magic cookie alone', 'SIP/2.0/UDP 127.3.1.1:5060;branch=z9hG4bK'],
] as const) {
  test(
    `RFC 2543 clients ${name} are matched by the old rule`,
    deadline(10_000, async () => {
      const pair = makePair()
      const send = async (method: string, callId: string, toTag = ''): Promise<void> => {
        const message = makeRequest({
          method,
          uri: 'sip:bob@127.3.1.2',
          from: '<sip:alice@example.com>;tag=a',
          to: `<sip:bob@example.com>${toTag}`,
          callId,
          cseq: 1,
        })
        message.headers.prepend('Via', via)
        await pair.hop.send(message)
        await pair.clock.advance(20)
      }
      await send('INVITE', 'one')
      await send('INVITE', 'one')
      assert.is(pair.taken.length, 1)
      await send('INVITE', 'two')
      assert.is(pair.taken.length, 2)
      for (const transaction of pair.taken) answer(transaction, 486)
      await send('ACK', 'one', ';tag=b')
      await send('ACK', 'two', ';tag=b')
      await untilQuiet(pair)
      assert.is(pair.count('server', '486'), 2)
    }),
  )
}

test(
  'a response that belongs to nothing is a stray',
  deadline(10_000, async () => {
    const pair = makePair()
    const strays: number[] = []
    pair.client.onStrayResponse = (response) => strays.push(response.status)
    const call = pair.client.request(request('OPTIONS'), pair.hop, pair.user)
    await pair.clock.advance(20)
    call.abandon()
    answer(pair.taken[0] as ServerTransaction, 200)
    await untilQuiet(pair)
    assert.equal(strays, [200])
    assert.equal(pair.log, ['end'])
  }),
)

test(
  'a response whose topmost Via names another sent-by is not for this transaction',
  deadline(10_000, async () => {
    const pair = makePair()
    const strays: number[] = []
    pair.client.onStrayResponse = (response) => strays.push(response.status)
    pair.client.request(request('OPTIONS'), pair.hop, pair.user)
    await pair.clock.advance(20)
    const [transaction] = pair.taken as [ServerTransaction]
    const source = { ...transaction.source, remote: SERVER, local: CLIENT }
    for (const other of ['127.3.1.3:5060', '127.3.1.1:5062', '127.3.1.1']) {
      const response = makeResponse(transaction.request, 200)
      const via = response.headers.get('Via') as string
      response.headers.setAll('Via', [via.replace('127.3.1.1:5060', other)])
      pair.client.receive(response, source)
      // The port of the transport may be said or not.
      assert.equal(pair.log, other === '127.3.1.1' ? ['200'] : [], other)
    }
    assert.equal(strays, [200, 200])
    await pair.client.stop()
    await pair.server.stop()
    await untilQuiet(pair)
  }),
)

test(
  'a datagram is answered from the listen point that it reached, with rport and without',
  deadline(10_000, async () => {
    const destinations: Destination[] = []
    const server = new Transactions({
      clock: new SimClock(),
      random: new SimRandom(1),
      logger: silentLogger,
      transport: {
        send: async (_, to) => void destinations.push(to),
        sendBytes: async (_, to) => void destinations.push(to),
      },
    })
    server.onRequest = (transaction) => answer(transaction, 200)
    const remote = { host: '127.3.1.1', port: 7777 }
    for (const rport of ['', ';rport=7777']) {
      const options = request('OPTIONS')
      options.headers.prepend('Via', `SIP/2.0/UDP 127.3.1.1:5070;branch=z9hG4bKpoint${rport}`)
      server.receive(options, { transport: 'udp', remote, local: SERVER, flow: 'u2-127.3.1.1-7777', point: 2 })
      await server.stop()
    }
    assert.equal(destinations, [
      { transport: 'udp', remote: { host: '127.3.1.1', port: 5070 }, point: 2 },
      { transport: 'udp', remote, point: 2 },
    ])
  }),
)

test(
  'stop ends what runs and leaves no timer',
  deadline(10_000, async () => {
    const pair = makePair()
    pair.client.request(request('INVITE'), pair.hop, pair.user)
    await pair.clock.advance(15)
    await pair.client.stop()
    await pair.client.stop()
    await pair.server.stop()
    await untilQuiet(pair)
    assert.equal(pair.log, ['end'])
  }),
)

test.run()
