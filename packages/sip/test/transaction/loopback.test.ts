/** Transactions over real sockets: two nodes on loopback addresses. */
import { silentLogger, systemClock, systemNet, systemRandom } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRequest, makeResponse } from '../../src/message/index.ts'
import type { Hop } from '../../src/transaction/contract.ts'
import { Transactions } from '../../src/transaction/layer.ts'
import type { TransportName } from '../../src/transport/contract.ts'
import { Transports } from '../../src/transport/layer.ts'

const test = suite('sip: transactions over sockets')

async function startNode(host: string) {
  const components = { clock: systemClock, random: systemRandom, net: systemNet, logger: silentLogger }
  const transport = new Transports(components, {
    listen: [
      { transport: 'udp', host, port: 0 },
      { transport: 'tcp', host, port: 0 },
    ],
  })
  const transactions = new Transactions({ ...components, transport })
  transport.onMessage = (message, source) => transactions.receive(message, source)
  await transport.start()
  const addressOf = (name: TransportName) => {
    const found = transport.listening.find((entry) => entry.transport === name)
    assert.ok(found)
    return found.local
  }
  const stop = async (): Promise<void> => {
    await transactions.stop()
    await transport.stop()
  }
  return { transport, transactions, addressOf, stop }
}

for (const name of ['udp', 'tcp'] as const) {
  for (const [method, status, body] of [
    ['OPTIONS', 200, 0],
    ['INVITE', 486, 0],
    ['MESSAGE', 200, 2_000],
  ] as const) {
    test(
      `${method} with ${body} bytes by ${name} is answered ${status}`,
      deadline(10_000, async () => {
        const [caller, callee] = [await startNode('127.3.2.1'), await startNode('127.3.2.2')]
        try {
          const statuses: number[] = []
          let seen = ''
          callee.transactions.onRequest = (transaction) => {
            seen = `${transaction.request.method} ${transaction.request.body.length}`
            transaction.respond(makeResponse(transaction.request, status, undefined, { toTag: 'b' }))
          }
          const remote = callee.addressOf(name)
          const hop: Hop = {
            reliable: name === 'tcp',
            via: { transport: name.toUpperCase(), ...caller.addressOf(name) },
            send: (message) => caller.transport.send(message, { transport: name, remote }),
          }
          const request = makeRequest({
            method,
            uri: `sip:bob@127.3.2.2`,
            from: '<sip:alice@example.com>;tag=a',
            to: '<sip:bob@example.com>',
            callId: `${method}@127.3.2.1`,
            cseq: 1,
            body: Buffer.alloc(body, 'x'),
          })
          caller.transactions.request(request, hop, {
            onResponse: (response) => void statuses.push(response.status),
            onFailure: (cause) => assert.unreachable(cause),
          })
          await eventually(() => statuses.includes(status))
          assert.is(seen, `${method} ${body}`)
        } finally {
          await caller.stop()
          await callee.stop()
        }
        assert.is(caller.transactions.size + callee.transactions.size, 0)
      }),
    )
  }
}

test.run()
