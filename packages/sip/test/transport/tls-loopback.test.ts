/** Node to node over real TLS: who is believed, what the other side is told, and where answers go. */
import assert from 'node:assert/strict'
import { errorCode, makeCertificate, systemNet, type TlsFiles, tlsContext } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { makeResponse } from '../../src/message/index.ts'
import { type House, makeHouse, optionsRequest } from './support.ts'

const test = suite('sip transport: TLS on loopback')

const [A, B] = ['127.81.4.1', '127.81.4.2']
const dates = { notBefore: Date.now() - 86_400_000, notAfter: Date.now() + 86_400_000 }
const authority = makeCertificate({
  commonName: 'Authority',
  altNames: [],
  serial: Buffer.of(1),
  authority: true,
  ...dates,
})
const certified = (domain: string, address: string, serial: number): TlsFiles => ({
  ...makeCertificate({
    commonName: domain,
    altNames: [domain, address],
    serial: Buffer.of(serial),
    issuer: authority,
    ...dates,
  }),
  ca: authority.cert,
})

async function startHouse(host: string, files: TlsFiles): Promise<House> {
  const credentials = {
    server: { fallback: () => files, choose: () => undefined },
    client: () => ({ context: tlsContext(files), verify: true }),
  }
  const house = makeHouse(systemNet, { listen: [{ transport: 'tls', host, port: 0 }] }, 1, credentials)
  await house.transports.start()
  return house
}

test(
  'a request finds the domain that it looks for, its sender is known by certificate, and the answer comes back',
  deadline(10_000, async () => {
    const a = await startHouse(A, certified('a.example', A, 2))
    const b = await startHouse(B, certified('b.example', B, 3))
    try {
      const remote = b.transports.listening[0]?.local as { host: string; port: number }
      const request = () => optionsRequest({ via: `${A};rport;branch=z9hG4bKa` })
      await a.transports.send(request(), { transport: 'tls', remote, domain: 'b.example' })
      const { message, source } = await eventually(() => b.got[0])
      assert.ok(message.kind === 'request')
      assert.equal(source.transport, 'tls')
      assert.deepEqual(source.peerDomains, ['a.example', A])
      await b.transports.send(makeResponse(message, 200, 'OK', { toTag: 't' }), { flow: source.flow })
      const answer = await eventually(() => a.got[0])
      assert.ok(answer.message.kind === 'response' && answer.message.status === 200)
      // By address alone: the certificate has that too.
      await a.transports.send(request(), { transport: 'tls', remote })
      await eventually(() => b.got.length === 2)
      await assert.rejects(a.transports.send(request(), { transport: 'tls', remote, domain: 'c.example' }), (error) => {
        return errorCode(error) === 'SIP_TRANSPORT_FAILED' && /b\.example.*not for c\.example/.test(String(error))
      })
      assert.equal(b.got.length, 2)
    } finally {
      await Promise.all([a.transports.stop(), b.transports.stop()])
    }
  }),
)

test(
  'a peer whose authority is not trusted gets no request',
  deadline(10_000, async () => {
    const a = await startHouse(A, certified('a.example', A, 2))
    const stranger = makeCertificate({
      commonName: 'b.example',
      altNames: ['b.example'],
      serial: Buffer.of(4),
      ...dates,
    })
    const b = await startHouse(B, stranger)
    try {
      const remote = b.transports.listening[0]?.local as { host: string; port: number }
      await assert.rejects(
        a.transports.send(optionsRequest(), { transport: 'tls', remote, domain: 'b.example' }),
        (error) => {
          return errorCode(error) === 'SIP_TRANSPORT_FAILED' && /not trusted/.test(String(error))
        },
      )
      assert.equal(b.got.length, 0)
    } finally {
      await Promise.all([a.transports.stop(), b.transports.stop()])
    }
  }),
)

test.run()
