/** Connections that are kept between requests: who sends at the last moment is answered, and who need not keep one is told so. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../src/limits.ts'
import { startServer } from '../support/soap-server.ts'

const test = suite('provision: kept connections')
const HOST = '127.6.0.9'
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** An answer on a connection that stays open; rejects when that ends. */
async function ask(socket: Socket): Promise<string> {
  let text = ''
  return new Promise((done, fail) => {
    const end = (error?: Error): void => {
      socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error')
      if (error) fail(error)
      else done(text)
    }
    socket.on('data', (bytes) => {
      text += bytes.toString()
      const head = /^(.*?\r\n\r\n)/s.exec(text)?.[1]
      const length = Number(/\r\nContent-Length: (\d+)/i.exec(head ?? '')?.[1])
      if (head && Buffer.byteLength(text) >= head.length + length) end()
    })
    socket.on('error', end)
    socket.on('close', () => end(new Error('the connection was ended')))
    socket.write(GET)
  })
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: HOST })
  await once(socket, 'connect')
  return socket
}

test(
  'clients are told how long a connection is kept, and a request that is sent when that is over is answered',
  deadline(20_000, async () => {
    // As soon as can be told; the other times are shorter, and do not count between requests.
    const short = { headersTimeoutMs: 300, requestTimeoutMs: 300, connectionsCheckMs: 30 }
    const { server, port } = await startServer(HOST, { keepAliveMs: 1_000, ...short })
    const sockets = await Promise.all(Array.from({ length: 50 }, () => open(port)))
    try {
      const answers = await Promise.all(sockets.map(ask))
      const told = answers.map((answer) => Number(/\r\nKeep-Alive: timeout=(\d+)\r\n/.exec(answer)?.[1]))
      assert.is(Math.max(...told), 1)
      assert.is(Math.min(...told), 1)
      await after(1_000)
      for (const answer of await Promise.all(sockets.map(ask))) assert.match(answer, /^HTTP\/1\.1 200 /)
    } finally {
      for (const socket of sockets) socket.destroy()
      await server.stop()
    }
  }),
)

test(
  'an idle connection is ended at some time all the same',
  deadline(20_000, async () => {
    const { server, port } = await startServer(HOST, { keepAliveMs: 1, keepAliveSlackMs: 1 })
    try {
      const socket = await open(port)
      await ask(socket)
      await eventually(() => socket.destroyed || socket.readableEnded)
    } finally {
      await server.stop()
    }
  }),
)

test(
  'it is kept for longer than clients and proxies keep theirs, and in a crowd the answer says that it is not',
  deadline(20_000, async () => {
    assert.ok(limits.keepAliveMs > 118_000)
    const { server, port } = await startServer(HOST)
    const sockets: Socket[] = []
    try {
      for (let n = 0; n < limits.connectionsKeptMax - 1; n++) sockets.push(await open(port))
      const [first] = sockets as [Socket]
      const kept = await ask(first)
      assert.match(kept, `\r\nKeep-Alive: timeout=${limits.keepAliveMs / 1_000}\r\n`)
      assert.not.match(kept, /\r\nConnection: close\r\n/)
      sockets.push(await open(port))
      assert.match(await ask(first), /\r\nConnection: close\r\n/)
      await eventually(() => first.destroyed || first.readableEnded)
      // It made room.
      assert.not.match(await ask(sockets[1] as Socket), /\r\nConnection: close\r\n/)
    } finally {
      for (const socket of sockets) socket.destroy()
      await server.stop()
    }
  }),
)

test.run()
