import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { createRequire } from 'node:module'
import { connect as rawConnect } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { suite } from 'uvu'
import { WebSocket } from 'ws'
import {
  type Address,
  type ConnectOptions,
  errorCode,
  type ListenOptions,
  makeCertificate,
  systemNet,
  type TcpConnection,
  type TcpListener,
  type TlsFiles,
  tlsContext,
} from '../src/index.ts'
import { deadline, eventually } from '../src/testing/index.ts'

const test = suite('core net: TLS and WebSocket')

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const HOST = '127.81.1.1'
const DAY_MS = 86_400_000
const now = Date.now()
let serial = 0

function certificate(commonName: string, altNames: string[], more: { issuer?: TlsFiles; authority?: boolean } = {}) {
  const dates = { notBefore: now - DAY_MS, notAfter: now + DAY_MS }
  return makeCertificate({ commonName, altNames, serial: Buffer.of(++serial), ...dates, ...more })
}

const authority = certificate('Test Authority', [], { authority: true })
const first = certificate('first.example', ['first.example', '127.0.0.1', '2001:db8::1'], { issuer: authority })
const second = certificate('second.example', ['second.example'], { issuer: authority })
const client = tlsContext({ ...first, ca: authority.cert })

interface Scene {
  listener: TcpListener
  accepted: TcpConnection[]
  connect(options?: ConnectOptions): Promise<TcpConnection>
}

/** Runs the body with a listener that echoes; afterwards all that was admitted has been released. */
function scene(options: ListenOptions, body: (scene: Scene) => Promise<void>) {
  return deadline(10_000, async () => {
    const accepted: TcpConnection[] = []
    let admitted = 0
    const admit = (): (() => void) => {
      admitted++
      return () => void admitted--
    }
    const onConnection = (connection: TcpConnection): void => {
      accepted.push(connection)
      connection.onData((bytes) => void connection.write(bytes))
    }
    const listener = await systemNet.listen({ host: HOST, port: 0 }, onConnection, { admit, ...options })
    try {
      await body({ listener, accepted, connect: (more) => systemNet.connect(listener.local, more) })
    } finally {
      await listener.close()
    }
    await eventually(() => admitted === 0, 2_000, 'every connection released')
  })
}

const echoed = (connection: TcpConnection, text: string): Promise<string> =>
  new Promise((done) => {
    connection.onData((bytes) => done(bytes.toString()))
    connection.write(Buffer.from(text))
  })

const distrust: NonNullable<ConnectOptions['tls']>['distrust'] = (peer) => (peer.trusted ? undefined : peer.error)

test(
  'a certificate is chosen by the name asked for, and another one from the next handshake on; open connections stay',
  (() => {
    let files = first
    const tls = {
      fallback: () => files,
      choose: (name: string) => (name === 'second.example' ? tlsContext(second) : undefined),
    }
    return scene({ tls }, async ({ connect }) => {
      const plain = await connect({ tls: { context: client, distrust } })
      assert.match(plain.peer?.subject ?? '', /first\.example/)
      const named = await connect({ tls: { context: client, serverName: 'second.example', distrust } })
      assert.match(named.peer?.altNames ?? '', /DNS:second\.example/)
      const other = await connect({ tls: { context: client, serverName: 'unknown.example' } })
      assert.match(other.peer?.subject ?? '', /first\.example/)
      files = certificate('third.example', ['third.example'], { issuer: authority })
      const later = await connect({ tls: { context: client, distrust } })
      assert.match(later.peer?.subject ?? '', /third\.example/)
      assert.equal(await echoed(plain, 'still here'), 'still here')
    })
  })(),
)

test(
  'a peer is asked for its certificate, which is told with what is thought of it; one without is let in',
  scene({ tls: { fallback: () => ({ ...first, ca: authority.cert }), choose: () => undefined } }, async (s) => {
    await s.connect({ tls: { context: client } })
    assert.deepEqual((await eventually(() => s.accepted[0])).peer, {
      trusted: true,
      subject: 'CN=first.example',
      altNames: 'DNS:first.example, IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1',
    })
    await s.connect({ tls: { context: tlsContext({ ...certificate('self', []) }) } })
    const stranger = (await eventually(() => s.accepted[1])).peer
    assert.equal(stranger?.trusted, false)
    assert.match(stranger?.error ?? '', /self.signed|DEPTH_ZERO/i)
  }),
)

test(
  'a connection to somebody who is not trusted is not made',
  scene({ tls: { fallback: () => certificate('self', ['self']), choose: () => undefined } }, async ({ connect }) => {
    const code = (wanted: string) => (error: unknown) => errorCode(error) === wanted
    await assert.rejects(connect({ tls: { context: client, distrust } }), code('NET_TLS_UNTRUSTED'))
    await connect({ tls: { context: client } })
  }),
)

test(
  'who speaks no TLS, or speaks too slowly, is closed and released',
  scene(
    { tls: { fallback: () => first, choose: () => undefined }, handshakeMs: 50 },
    async ({ listener, accepted }) => {
      for (const text of ['', 'OPTIONS sip:x SIP/2.0\r\n\r\n']) {
        const socket = rawConnect(listener.local.port, HOST)
        socket.on('error', () => undefined)
        socket.write(text)
        await new Promise((done) => socket.once('close', done))
      }
      assert.equal(accepted.length, 0)
    },
  ),
)

test(
  'a version below 1.2 is refused',
  scene({ tls: { fallback: () => first, choose: () => undefined } }, async ({ listener, accepted }) => {
    const { connect } = await import('node:tls')
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0', rejectUnauthorized: false }
    const socket = connect({ host: HOST, port: listener.local.port, ...old } as never)
    const error = await new Promise<Error>((done) => socket.once('error', done))
    assert.match(error.message, /version|alert/i)
    assert.equal(accepted.length, 0)
  }),
)

test('what is no certificate says so', () => {
  for (const files of [
    { cert: 'x', key: 'y' },
    { cert: first.cert, key: second.key },
  ]) {
    assert.throws(
      () => tlsContext(files),
      (error) => errorCode(error) === 'NET_TLS_CERTIFICATE',
    )
  }
})

const web: ListenOptions['web'] = {
  protocol: 'sip',
  acceptsOrigin: (origin) => origin !== 'https://evil.example',
  messageBytesMax: 100,
}

/** `open`, or the status of the refusal, or the code of the close. */
function outcome({ port }: Address, scheme: string, init: { protocols?: string[]; origin?: string } = {}) {
  const { protocols = ['sip'], origin } = init
  const socket = new WebSocket(`${scheme}://${HOST}:${port}/`, protocols, { origin, rejectUnauthorized: false })
  const said = new Promise<string>((done) => {
    socket.on('open', () => done(`open ${socket.protocol}`))
    socket.on('unexpected-response', (_, response) => done(String(response.statusCode)))
    socket.on('error', (error) => done(error.message))
  })
  return { socket, said }
}

for (const scheme of ['ws', 'wss']) {
  const tls = { fallback: () => first, choose: () => undefined }
  test(
    `${scheme}: messages come whole and go as text or bytes, a ping is answered, a long one ends it`,
    scene({ web, ...(scheme === 'wss' && { tls }) }, async ({ listener, accepted }) => {
      const { socket, said } = outcome(listener.local, scheme)
      assert.equal(await said, 'open sip')
      const heard: [string, boolean][] = []
      socket.on('message', (data, isBinary) => heard.push([(data as Buffer).toString('latin1'), isBinary]))
      socket.send('one')
      socket.send(Buffer.of(0xff, 0xfe))
      await eventually(() => heard.length === 2)
      assert.deepEqual(heard, [
        ['one', false],
        ['\xff\xfe', true],
      ])
      let pongs = 0
      accepted[0]?.onPong?.(() => pongs++)
      accepted[0]?.ping?.()
      await eventually(() => pongs === 1)
      const code = new Promise((done) => socket.once('close', done))
      socket.send('x'.repeat(101))
      assert.equal(await code, 1009)
    }),
  )
}

/** Types of the handshake messages in these records of TLS 1.2 (RFC 5246 §7.4), as far as they go in the clear. */
function handshakeTypes(records: Buffer): number[] {
  const fragments: Buffer[] = []
  for (let at = 0; records[at] === 22; at += 5 + records.readUInt16BE(at + 3)) {
    fragments.push(records.subarray(at + 5, at + 5 + records.readUInt16BE(at + 3)))
  }
  const messages = Buffer.concat(fragments)
  const types: number[] = []
  for (let at = 0; at + 4 <= messages.length; at += 4 + messages.readUIntBE(at + 1, 3)) types.push(messages[at] ?? 0)
  return types
}

/** What the server says in a handshake of TLS 1.2, up to ServerHelloDone (14). */
function greeting({ port }: Address): Promise<number[]> {
  return new Promise((done, fail) => {
    const raw = rawConnect(port, HOST)
    let heard = Buffer.alloc(0)
    const between = new Duplex({
      read: () => undefined,
      write: (bytes, _, next) => void raw.write(bytes, () => next()),
    })
    raw.on('data', (bytes) => {
      heard = Buffer.concat([heard, bytes])
      between.push(bytes)
    })
    const socket = tlsConnect({ socket: between, maxVersion: 'TLSv1.2', rejectUnauthorized: false }, () => {
      raw.destroy()
      const types = handshakeTypes(heard)
      done(types.slice(0, types.indexOf(14) + 1))
    })
    socket.on('error', fail)
  })
}

const CERTIFICATE_REQUEST = 13
for (const [name, options, asked] of [
  ['tls: a peer is asked for its certificate', {}, true],
  ['wss: a client is not asked for a certificate, since browsers give up when they are', { web }, false],
] as const) {
  const tls = { fallback: () => first, choose: () => undefined }
  test(
    name,
    scene({ tls, ...options }, async ({ listener }) => {
      const said = await greeting(listener.local)
      assert.equal(said.at(-1), 14)
      assert.equal(said.includes(CERTIFICATE_REQUEST), asked)
    }),
  )
}

test(
  'tls: a ClientHello may come in pieces, and messages longer than what is kept for reading',
  scene({ tls: { fallback: () => first, choose: () => undefined } }, async ({ listener }) => {
    for (const pieceBytes of [1, 100, 4_096]) {
      const raw = rawConnect(listener.local.port, HOST).setNoDelay(true)
      const between = new Duplex({
        read: () => undefined,
        write(bytes: Buffer, _, next) {
          const rest = (from: number): void => {
            const piece = bytes.subarray(from, from + pieceBytes)
            if (piece.length === 0) next()
            else raw.write(piece, () => setImmediate(rest, from + pieceBytes))
          }
          rest(0)
        },
      })
      raw.on('data', (bytes) => between.push(bytes))
      const socket = tlsConnect({ socket: between, rejectUnauthorized: false })
      const sent = Buffer.alloc(pieceBytes * 100, 'text that is not all the same; ')
      socket.write(sent)
      let heard = Buffer.alloc(0)
      socket.on('data', (bytes) => {
        heard = Buffer.concat([heard, bytes])
      })
      await eventually(() => heard.length >= sent.length)
      assert(heard.equals(sent), `in pieces of ${pieceBytes}`)
      raw.destroy()
    }
  }),
)

/** What the C library has given out, in bytes; undefined where it cannot be asked. */
function allocated(): number | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const names = [
      'arena',
      'ordblks',
      'smblks',
      'hblks',
      'hblkhd',
      'usmblks',
      'fsmblks',
      'uordblks',
      'fordblks',
      'keepcost',
    ]
    const info = koffi.struct(Object.fromEntries(names.map((name) => [name, 'size_t'])))
    const { uordblks, hblkhd } = koffi.load('libc.so.6').func('mallinfo2', info, [])()
    return uordblks + hblkhd
  } catch {
    return undefined
  }
}

test(
  'tls: a connection that sleeps does not keep 64 KiB to read into',
  scene({ tls: { fallback: () => first, choose: () => undefined } }, async ({ listener: { local } }) => {
    const count = 50
    const after = async (): Promise<number> => {
      for (let i = 0; i < count; i++) {
        const socket = tlsConnect({ host: HOST, port: local.port, ecdhCurve: 'X25519', rejectUnauthorized: false })
        socket.write('x')
        await new Promise((done) => socket.once('data', done))
      }
      collect()
      return allocated() ?? 0
    }
    await after()
    const before = await after()
    // About 140 KiB, or 203: the end that connects is in this process too, and keeps as much as Node.js likes.
    const perPair = ((await after()) - before) / count
    assert(perPair < 170 * 1_024, `${perPair} bytes for both ends`)
  }),
)

let known = false
test(
  'tls: peers are asked for certificates from when somebody is known by one, and until then not',
  scene(
    { tls: { fallback: () => first, choose: () => undefined, asks: () => known } },
    async ({ listener, connect, accepted }) => {
      for (const asked of [false, true, false]) {
        known = asked
        assert.equal((await greeting(listener.local)).includes(CERTIFICATE_REQUEST), asked)
        const shown = await connect({ tls: { context: tlsContext(first) } })
        await echoed(shown, 'x')
        assert.equal(accepted.at(-1)?.peer !== undefined, asked)
        shown.destroy()
      }
    },
  ),
)

test(
  'an upgrade without the protocol or from a strange page is refused, and so is a plain request',
  scene({ web, handshakeMs: 200 }, async ({ listener, accepted }) => {
    assert.equal(await outcome(listener.local, 'ws', { protocols: ['chat'] }).said, '400')
    assert.equal(await outcome(listener.local, 'ws', { origin: 'https://evil.example' }).said, '403')
    assert.equal(await outcome(listener.local, 'ws', { origin: 'https://good.example' }).said, 'open sip')
    assert.equal((await fetch(`http://${HOST}:${listener.local.port}/`)).status, 426)
    const silent = rawConnect(listener.local.port, HOST)
    await new Promise((done) => silent.once('close', done))
    assert.equal(accepted.length, 1)
  }),
)

test(
  'who is not admitted is closed at once',
  scene({ admit: () => undefined }, async ({ listener, accepted }) => {
    const socket = rawConnect(listener.local.port, HOST)
    socket.on('error', () => undefined)
    await new Promise((done) => socket.once('close', done))
    assert.equal(accepted.length, 0)
  }),
)

test('a certificate is good whatever octets its serial begins with', () => {
  for (const serial of [[0, 1, 2], [0, 0, 0], [0x7f, 0], [0x80, 1], [0xff], [0], []]) {
    const { cert } = makeCertificate({
      ...{ commonName: 'a.example', altNames: ['a.example'], serial: Buffer.from(serial) },
      ...{ notBefore: Date.UTC(2026, 0, 1), notAfter: Date.UTC(2027, 0, 1) },
    })
    assert(BigInt(`0x${new X509Certificate(cert).serialNumber}`) > 0n, serial.join())
  }
})

test.run()
