import { connect } from 'node:net'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startServer } from '../support/soap-server.ts'
import { authHeader, exchange, phpEnvelope, phpPost } from '../support/wire.ts'

const test = suite('provision: hostile input')
const HOST = '127.6.0.4'

const SOAP = 'xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"'
const laughs = Array.from({ length: 12 }, (_, level) => `<!ENTITY l${level + 1} "${`&l${level};`.repeat(10)}">`).join(
  '',
)

/** Bodies that are refused without being understood; the marker would show that something was fetched or expanded. */
const bodies: [what: string, body: string][] = [
  [
    'an external entity',
    `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><S:Envelope ${SOAP}><S:Body><a>&x;</a></S:Body></S:Envelope>`,
  ],
  ['an external DTD', `<!DOCTYPE a SYSTEM "http://127.6.0.4:1/x.dtd"><S:Envelope ${SOAP}/>`],
  [
    'entities that multiply',
    `<!DOCTYPE a [<!ENTITY l0 "ha">${laughs}]><S:Envelope ${SOAP}><S:Body><a>&l12;</a></S:Body></S:Envelope>`,
  ],
  ['an entity that nobody declared', `<S:Envelope ${SOAP}><S:Body><a>&x;</a></S:Body></S:Envelope>`],
  ['deep nesting', `<S:Envelope ${SOAP}><S:Body>${'<a>'.repeat(50_000)}${'</a>'.repeat(50_000)}</S:Body></S:Envelope>`],
  [
    'a hundred thousand attributes',
    `<S:Envelope ${SOAP} ${Array.from({ length: 60_000 }, (_, index) => `a${index}=""`).join(' ')}/>`,
  ],
  ['a hundred thousand elements', `<S:Envelope ${SOAP}><S:Body>${'<a/>'.repeat(120_000)}</S:Body></S:Envelope>`],
  ['no XML', 'GET / HTTP/1.0'],
  ['half an element', `<S:Envelope ${SOAP}><S:Bo`],
  ['bytes that are no UTF-8', '<?xml version="1.0"?>\xff\xfe'],
  ['UTF-7', `<?xml version="1.0" encoding="UTF-7"?><S:Envelope ${SOAP}/>`],
  ['nothing', ''],
]

test(
  'XML that is an attack, or no XML, is a fault, quickly',
  deadline(20_000, async () => {
    const { server, port } = await startServer(HOST)
    try {
      for (const [what, body] of bodies) {
        // As many octets as characters.
        const head = phpPost('x'.repeat(body.length)).slice(0, -body.length || undefined)
        const answer = await exchange(port, HOST, Buffer.from(head + body, 'latin1'))
        assert.match(answer, /^HTTP\/1\.1 500 /, what)
        assert.match(answer, /<SOAP-ENV:Fault>.*Client/, what)
        assert.not.match(answer, /root:|haha/, what)
      }
    } finally {
      await server.stop()
    }
  }),
)

test(
  'wrong types, unknown operations and ports are faults with a code',
  deadline(10_000, async () => {
    const { server, port } = await startServer(HOST)
    const cases: [body: string, code: number][] = [
      ['<ns5:noSuchThing/>', 900],
      ['<x xmlns="urn:elsewhere"/>', 900],
      ['<ns5:getAccount><sipId><username><a/></username></sipId></ns5:getAccount>', 100],
      ['<ns5:getAccount><sipId>text</sipId></ns5:getAccount>', 100],
      ['<ns5:getAccount/>', 102],
      ['<ns5:deleteCarrier><id>1.5</id></ns5:deleteCarrier>', 100],
      ['<ns5:deleteCarrier><id>99999999999999999999</id></ns5:deleteCarrier>', 100],
      ['<ns5:addBalance><value>NaN</value></ns5:addBalance>', 100],
      ['<ns5:setBarringPrefixes><prefixes><item><a/></item></prefixes></ns5:setBarringPrefixes>', 100],
      [`<ns5:addTrustedPeer><peer><ip>${'x'.repeat(100_000)}</ip></peer></ns5:addTrustedPeer>`, 101],
      ['<ns5:addTrustedPeer><peer><ip>__proto__</ip><__proto__><a>1</a></__proto__></peer></ns5:addTrustedPeer>', 0],
    ]
    try {
      for (const [body, code] of cases) {
        const answer = await exchange(port, HOST, phpPost(phpEnvelope(body)))
        const found = Number(/<errorcode[^>]*>(\d+)</.exec(answer)?.[1] ?? 0)
        assert.is(found, code, `${body.slice(0, 80)}: ${answer.slice(-300)}`)
      }
      assert.is(({} as { a?: unknown }).a, undefined, 'no prototype was written to')
    } finally {
      await server.stop()
    }
  }),
)

/** Sends the head of a request and then a body as long as the server reads; resolves with what came back. */
function flood(port: number, head: string, bytesMax: number): Promise<{ answer: string; sent: number }> {
  return new Promise((done) => {
    const socket = connect({ port, host: HOST })
    const piece = Buffer.alloc(64 * 1024, 0x61)
    let answer = ''
    let sent = 0
    const send = (): void => {
      while (sent < bytesMax && !socket.destroyed) {
        sent += piece.length
        if (!socket.write(piece)) return void socket.once('drain', send)
      }
    }
    socket.on('data', (bytes) => {
      answer += bytes.toString()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => done({ answer, sent }))
    socket.write(head, send)
  })
}

test(
  'a body of 100 MB is refused after a little of it, and kept nowhere',
  deadline(30_000, async () => {
    const { server, port } = await startServer(HOST)
    const size = 100 * 1024 * 1024
    const heads: [what: string, status: number, head: string][] = [
      ['SOAP', 500, `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: ${size}\r\n\r\n`],
      [
        'REST',
        413,
        `POST /api/v1/sip/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`,
      ],
    ]
    try {
      const before = process.memoryUsage().arrayBuffers
      for (const [what, status, head] of heads) {
        const { answer, sent } = await flood(port, head, size)
        assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), what)
        assert.ok(sent < size / 4, `${what}: ${sent} bytes were taken`)
      }
      const grown = process.memoryUsage().arrayBuffers - before
      assert.ok(grown < 16 * 1024 * 1024, `${grown} bytes more`)
      const fine = await exchange(port, HOST, phpPost(phpEnvelope('<ns5:getDomains/>', authHeader())))
      assert.match(fine, /^HTTP\/1\.1 200 /)
    } finally {
      await server.stop()
    }
  }),
)

test(
  'HTTP that is broken ends its connection and nothing else',
  deadline(10_000, async () => {
    const { server, port } = await startServer(HOST)
    const broken = [
      'POST\r\n\r\n',
      'POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
      'POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      `GET / HTTP/1.1\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    ]
    try {
      for (const bytes of broken) {
        const socketAnswer = exchange(port, HOST, Buffer.from(`${bytes}\r\n\r\n`, 'latin1'))
        assert.match(await socketAnswer, /^(HTTP\/1\.1 4\d\d |$)/, JSON.stringify(bytes.slice(0, 40)))
      }
      const fine = await exchange(port, HOST, phpPost(phpEnvelope('<ns5:getDomains/>')))
      assert.match(fine, /^HTTP\/1\.1 200 /)
    } finally {
      await server.stop()
    }
  }),
)

test.run()
