/** Two transaction layers that talk through a network which loses, on one simulated clock. */
import { type Address, silentLogger } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import * as assert from 'uvu/assert'
import type { SipMessage, SipRequest, SipResponse } from '../../src/message/contract.ts'
import { makeRequest, makeResponse, parseMessage, serializeMessage } from '../../src/message/index.ts'
import type { Hop, ServerTransaction } from '../../src/transaction/contract.ts'
import { Transactions } from '../../src/transaction/layer.ts'
import type { Source } from '../../src/transport/contract.ts'
import { stampVia } from '../../src/transport/stamp.ts'

export const CLIENT: Address = { host: '127.3.1.1', port: 5060 }
export const SERVER: Address = { host: '127.3.1.2', port: 5060 }

export interface Sent {
  from: 'client' | 'server'
  what: string
}

/** `lose` decides about each message; all others arrive 10 ms later. */
export function makePair(
  init: { transport?: 'udp' | 'tcp'; transactionsMax?: number; lose?: (sent: Sent) => boolean } = {},
) {
  const { transport = 'udp', transactionsMax, lose = () => false } = init
  const clock = new SimClock()
  const random = new SimRandom(7)
  const sent: Sent[] = []
  const carry = (from: Sent['from'], message: SipMessage, to: Transactions, remote: Address, local: Address): void => {
    const what = message.kind === 'request' ? message.method : String(message.status)
    sent.push({ from, what })
    if (lose({ from, what })) return
    const copy = parseMessage(serializeMessage(message))
    if (copy.kind === 'request') stampVia(copy, remote)
    const source: Source = { transport, remote, local, flow: `u0-${remote.host}-${remote.port}` }
    clock.after(10, () => to.receive(copy, source))
  }
  const server: Transactions = new Transactions(
    {
      clock,
      random,
      logger: silentLogger,
      transport: {
        send: async (message) => carry('server', message, client, SERVER, CLIENT),
        sendBytes: async (bytes) => carry('server', parseMessage(bytes), client, SERVER, CLIENT),
      },
    },
    { transactionsMax },
  )
  const client: Transactions = new Transactions({
    clock,
    random,
    logger: silentLogger,
    transport: {
      send: async () => assert.unreachable('a client sends by its hop'),
      sendBytes: async () => assert.unreachable('a client sends by its hop'),
    },
  })
  const hop: Hop = {
    reliable: transport === 'tcp',
    via: { transport: transport.toUpperCase(), host: CLIENT.host, port: CLIENT.port },
    send: async (message) => carry('client', message, server, CLIENT, SERVER),
  }
  const log: string[] = []
  const user = {
    onResponse: (response: SipResponse) => void log.push(String(response.status)),
    onFailure: (cause: string) => void log.push(cause),
    onEnd: () => void log.push('end'),
  }
  const taken: ServerTransaction[] = []
  server.onRequest = (transaction) => void taken.push(transaction)
  const count = (from: Sent['from'], what: string): number =>
    sent.filter((one) => one.from === from && one.what === what).length
  return { clock, client, server, hop, log, user, taken, sent, count }
}

export const request = (method: string): SipRequest =>
  makeRequest({
    method,
    uri: 'sip:bob@127.3.1.2',
    from: '<sip:alice@example.com>;tag=a',
    to: '<sip:bob@example.com>',
    callId: 'call@127.3.1.1',
    cseq: 1,
  })

export const answer = (transaction: ServerTransaction, status: number): void =>
  transaction.respond(makeResponse(transaction.request, status, undefined, { toTag: 'b' }))

/** Runs until nothing is armed: every transaction has ended by itself. */
export async function untilQuiet(pair: ReturnType<typeof makePair>): Promise<void> {
  for (let i = 0; i < 10_000 && (await pair.clock.step()); i++);
  assert.is(pair.clock.armed, 0)
  assert.is(pair.client.size + pair.server.size, 0)
}
