import { connect, type Socket } from 'node:net'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../src/limits.ts'
import { startServer } from '../support/soap-server.ts'
import { exchange, phpEnvelope, phpPost } from '../support/wire.ts'

const test = suite('provision: slow clients')
const HOST = '127.6.0.8'
/** So that nobody waits: the server's own are longer. */
const SHORT = { headersTimeoutMs: 300, requestTimeoutMs: 300, answerReadMs: 300, connectionsCheckMs: 30 }
const LONG = { headersTimeoutMs: 60_000, requestTimeoutMs: 60_000, answerReadMs: 60_000 }

const get = (port: number): Promise<string> => exchange(port, HOST, phpPost(phpEnvelope('<ns5:getDomains/>')))

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: HOST })
  socket.on('error', () => undefined)
  await new Promise((connected) => socket.once('connect', connected))
  return socket
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })

/** Sends one octet, and the next when it has gone out, until the server ends it. Resolves with what was answered. */
async function dribble(port: number, text: string): Promise<string> {
  const socket = await open(port)
  let answer = ''
  socket.on('data', (bytes) => {
    answer += bytes.toString()
  })
  const end = closed(socket)
  let over = false
  void end.then(() => {
    over = true
  })
  // Never to its end, however fast this machine is.
  for (let at = 0; !over; at = (at + 1) % text.length) {
    await new Promise<void>((sent) => socket.write(text[at] as string, () => sent()))
    await new Promise((later) => setImmediate(later))
  }
  return answer
}

test(
  'who sends its request octet by octet is ended, in the headers and in the body, and others are served meanwhile',
  deadline(20_000, async () => {
    const { server, port } = await startServer(HOST, SHORT)
    try {
      const body = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${limits.bodyBytesMax}\r\n\r\n`
      const slow = [dribble(port, 'X'), dribble(port, 'GET / HTTP/1.1\r\nA: b\r\n'), slowBody(port, body)]
      assert.match(await get(port), /^HTTP\/1\.1 200 /)
      for (const answer of await Promise.all(slow)) assert.match(answer, /^(HTTP\/1\.1 (400|408|431) |$)/)
      assert.match(await get(port), /^HTTP\/1\.1 200 /)
    } finally {
      await server.stop()
    }
  }),
)

async function slowBody(port: number, head: string): Promise<string> {
  const socket = await open(port)
  let answer = ''
  socket.on('data', (bytes) => {
    answer += bytes.toString()
  })
  const end = closed(socket)
  socket.write(head)
  const send = (): void => {
    if (!socket.destroyed) socket.write('x', () => setImmediate(send))
  }
  send()
  await end
  return answer
}

test(
  'bodies that do not come take nobody’s turn',
  deadline(20_000, async () => {
    const { server, port } = await startServer(HOST, LONG)
    const sockets: Socket[] = []
    try {
      for (let n = 0; n < limits.requestsMax + 10; n++) {
        const socket = await open(port)
        socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf')
        sockets.push(socket)
      }
      assert.match(await get(port), /^HTTP\/1\.1 200 /)
    } finally {
      for (const socket of sockets) socket.destroy()
      await server.stop()
    }
  }),
)

test(
  'bodies that are not whole are too much together at some point, and are room again when they end',
  deadline(30_000, async () => {
    const { server, port } = await startServer(HOST, LONG)
    const sockets: Socket[] = []
    const half = Buffer.alloc(limits.bodyBytesMax / 2, 0x20)
    try {
      const count = Math.floor(limits.bodiesBytesMax / half.length)
      for (let n = 0; n < count; n++) {
        const socket = await open(port)
        socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${limits.bodyBytesMax}\r\n\r\n`)
        await new Promise((sent) => socket.write(half, sent))
        sockets.push(socket)
      }
      // Until there is no room for it: also when one of those found none because of it.
      const large = phpPost(phpEnvelope(`<ns5:getDomains/>${' '.repeat(limits.bodyBytesMax * 0.9)}`))
      const answer = await eventually(async () => {
        const text = await exchange(port, HOST, large)
        if (!text.includes('PROVISION_BUSY')) throw new Error(text.slice(0, 40))
        return text
      })
      assert.match(answer, /^HTTP\/1\.1 500 /)
      for (const socket of sockets) socket.destroy()
      await eventually(async () => (await exchange(port, HOST, large)).startsWith('HTTP/1.1 200 '))
    } finally {
      for (const socket of sockets) socket.destroy()
      await server.stop()
    }
  }),
)

test(
  'who does not read its answers is ended, and others are served meanwhile',
  deadline(20_000, async () => {
    const { server, port } = await startServer(HOST, { ...SHORT, requestTimeoutMs: 60_000, headersTimeoutMs: 60_000 })
    try {
      const socket = await open(port)
      socket.pause()
      const failed = new Promise<void>((resolve) => socket.once('error', () => resolve()))
      // More than all buffers between here and there hold; what is not read there fails when it ends this.
      const ask = (): void => {
        if (!socket.destroyed) socket.write('GET /wsdl HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50), () => setImmediate(ask))
      }
      ask()
      assert.match(await get(port), /^HTTP\/1\.1 200 /)
      await failed
      assert.match(await get(port), /^HTTP\/1\.1 200 /)
    } finally {
      await server.stop()
    }
  }),
)

test(
  'of a thousand connections that say nothing the oldest are ended, and others are served meanwhile',
  deadline(30_000, async () => {
    const { server, port } = await startServer(HOST, LONG)
    const sockets: Socket[] = []
    try {
      const kept = await open(port)
      for (let n = 0; n < 1_000; n++) sockets.push(await open(port))
      assert.match(await get(port), /^HTTP\/1\.1 200 /)
      await closed(kept)
      const open_ = () => sockets.filter((socket) => !socket.closed).length
      // One place went to the request.
      await eventually(() => open_() <= limits.connectionsMax)
      assert.ok(open_() >= limits.connectionsMax - 2, `${open_()} are left`)
      assert.ok(sockets.slice(-limits.connectionsMax + 2).every((socket) => !socket.closed))
    } finally {
      for (const socket of sockets) socket.destroy()
      await server.stop()
    }
  }),
)

test(
  'a connection that is worked for is not ended for new ones',
  deadline(30_000, async () => {
    const { server, port, store } = await startServer(HOST, LONG)
    const sockets: Socket[] = []
    let release = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    try {
      await get(port)
      let waits = false
      store.reg.before = () => {
        waits = true
        return gate
      }
      const answer = get(port)
      await eventually(() => waits)
      for (let n = 0; n < limits.connectionsMax + 50; n++) sockets.push(await open(port))
      await eventually(() => sockets.filter((socket) => socket.closed).length >= 50)
      release()
      assert.match(await answer, /^HTTP\/1\.1 200 /)
    } finally {
      release()
      for (const socket of sockets) socket.destroy()
      await server.stop()
    }
  }),
)

test.run()
