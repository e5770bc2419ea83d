import { request } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { errorCode, makeCertificate, parseXml } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ProvisionServer } from '../../src/index.ts'
import { limits } from '../../src/limits.ts'
import { makeComponents, startServer } from '../support/soap-server.ts'
import { exchange, phpEnvelope, phpPost } from '../support/wire.ts'

const test = suite('provision: http')
const HOST = '127.6.0.2'

async function withServer(body: (made: Awaited<ReturnType<typeof startServer>>) => Promise<void>): Promise<void> {
  const made = await startServer(HOST)
  try {
    await body(made)
  } finally {
    await made.server.stop()
  }
}

test(
  'an HTTP/1.0 client gets an answer with its length, no chunks, and a closed connection',
  deadline(5_000, () =>
    withServer(async ({ port }) => {
      for (const path of ['/', '/ngnpro/']) {
        const answer = await exchange(port, HOST, phpPost(phpEnvelope('<ns5:getDomains/>'), path))
        const [head = '', body = ''] = answer.split('\r\n\r\n')
        assert.match(head, /^HTTP\/1\.\d 200 /)
        assert.match(head, /\r\nContent-Type: text\/xml; charset=utf-8(\r\n|$)/)
        assert.match(head, /\r\nConnection: close(\r\n|$)/i)
        assert.not.match(head, /transfer-encoding/i)
        assert.is(Number(/Content-Length: (\d+)/.exec(head)?.[1]), Buffer.byteLength(body))
        assert.match(body, '<total xsi:type="xsd:int">0</total>')
      }
    }),
  ),
)

test(
  'a fault is a 500, also for a wrong password',
  deadline(5_000, () =>
    withServer(async ({ port }) => {
      const answer = await exchange(port, HOST, phpPost(phpEnvelope('<ns5:getDomains/>', '')))
      assert.match(answer, /^HTTP\/1\.\d 500 /)
      assert.match(answer, /<errorcode xsi:type="xsd:int">901</)
    }),
  ),
)

test(
  'the WSDL names the address it was asked at',
  deadline(5_000, () =>
    withServer(async ({ url, port }) => {
      const cases: [path: string, headers: Record<string, string>, location: string][] = [
        ['wsdl', {}, url],
        ['?wsdl', {}, url],
        ['ngnpro/wsdl', {}, `${url}ngnpro/`],
        ['ngnpro/?WSDL', {}, `${url}ngnpro/`],
        ['wsdl', { 'x-forwarded-proto': 'https' }, url.replace('http:', 'https:')],
      ]
      for (const [path, headers, location] of cases) {
        const response = await fetch(url + path, { headers })
        assert.is(response.status, 200)
        const text = await response.text()
        assert.is(parseXml(text).local, 'definitions')
        assert.match(text, `<soap:address location="${location}"/>`)
      }
      const evil = await exchange(port, HOST, 'GET /wsdl HTTP/1.0\r\nHost: "><script>\r\n\r\n')
      assert.match(evil, `<soap:address location="http://${HOST}:${port}/"/>`)
      assert.is(parseXml(await (await fetch(`${url}soap-encoding.xsd`)).text()).local, 'schema')
    }),
  ),
)

test(
  'people get a page, and other methods and paths are refused',
  deadline(5_000, () =>
    withServer(async ({ url }) => {
      const page = await fetch(url)
      assert.match(page.headers.get('content-type') ?? '', 'text/html')
      assert.match(await page.text(), 'Sip.addAccount')
      assert.is((await fetch(`${url}favicon.ico`)).status, 404)
      assert.is((await fetch(url, { method: 'DELETE' })).status, 405)
      assert.is((await fetch(url, { method: 'HEAD' })).status, 200)
    }),
  ),
)

test(
  'a body over the limit is refused as a SOAP fault, with a length given and without',
  deadline(10_000, () =>
    withServer(async ({ port, url }) => {
      const body = ' '.repeat(limits.bodyBytesMax + 1)
      const answer = await exchange(port, HOST, phpPost(body))
      assert.match(answer, /^HTTP\/1\.\d 500 /)
      assert.match(answer, '>SOAP-ENV:Client<')
      const chunked = ['POST / HTTP/1.1', 'Host: x', 'Connection: close', 'Transfer-Encoding: chunked', '', ''].join(
        '\r\n',
      )
      const text = await exchange(port, HOST, `${chunked}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`)
      assert.match(text, /^HTTP\/1\.1 500 /)
      assert.is((await fetch(url)).status, 200)
    }),
  ),
)

test(
  'more requests at once than the limit are told to come back',
  deadline(10_000, async () => {
    const made = await startServer(HOST)
    const { server, url, store } = made
    let release = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const post = () => fetch(url, { method: 'POST', body: phpEnvelope('<ns5:getDomains/>') })
    try {
      assert.is((await post()).status, 200)
      let waiting = 0
      store.reg.before = () => {
        waiting += 1
        return gate
      }
      const running = Array.from({ length: limits.requestsMax }, post)
      await eventually(() => waiting === limits.requestsMax)
      const refused = await post()
      assert.is(refused.status, 500)
      assert.match(await refused.text(), 'Too many requests at once')
      release()
      for (const response of await Promise.all(running)) assert.is(response.status, 200)
    } finally {
      release()
      await server.stop()
    }
  }),
)

test(
  'stopping ends idle and half-sent connections, and both ends may be called twice',
  deadline(10_000, async () => {
    const { server, port, url } = await startServer(HOST)
    await (await fetch(url)).text()
    const half = exchange(port, HOST, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Le').catch(() => '')
    await server.start()
    await Promise.all([server.stop(), server.stop()])
    await half
    assert.is(server.local, undefined)
    await server.start()
    assert.ok(server.local)
    await server.stop()
  }),
)

test(
  'an address in use is an error that says what to do, and the server can be started later',
  deadline(5_000, async () => {
    const first = await startServer(HOST)
    const second = new ProvisionServer(first.components, { bind: { host: HOST, port: first.port } })
    const error = await second.start().catch((cause) => cause)
    assert.is(errorCode(error), 'NET_ADDRESS_IN_USE')
    await second.stop()
    await first.server.stop()
    await second.start()
    await second.stop()
  }),
)

test(
  'TLS is spoken on the same port, with the certificate of the moment, and HTTP goes on',
  deadline(10_000, async () => {
    const made = await makeComponents()
    const files = (commonName: string) =>
      makeCertificate({
        commonName,
        altNames: [HOST],
        serial: Buffer.of(1),
        notBefore: Date.now() - 3_600_000,
        notAfter: Date.now() + 3_600_000,
      })
    let current = files('first')
    const tls = { fallback: () => current, choose: () => undefined }
    const server = new ProvisionServer({ ...made.components, tls }, { bind: { host: HOST, port: 0 } })
    await server.start()
    const { port } = server.local as { port: number }
    const ask = (path: string) =>
      new Promise<{ subject: string; body: string; status: number | undefined }>((done, fail) => {
        const outgoing = request({ host: HOST, port, path, rejectUnauthorized: false, agent: false }, (response) => {
          const subject = (response.socket as TLSSocket).getPeerX509Certificate()?.subject ?? ''
          let body = ''
          response.on('data', (bytes) => {
            body += bytes
          })
          response.on('end', () => done({ subject, body, status: response.statusCode }))
        })
        outgoing.on('error', fail)
        outgoing.end()
      })
    try {
      const first = await ask('/wsdl')
      assert.equal([first.status, first.subject], [200, 'CN=first'])
      assert.match(first.body, `location="https://${HOST}:${port}/"`)
      current = files('second')
      assert.is((await ask('/wsdl')).subject, 'CN=second')
      const plain = await exchange(port, HOST, phpPost(phpEnvelope('<ns5:getDomains/>')))
      assert.match(plain, /^HTTP\/1\.1 200 /)
      const many = await Promise.all(Array.from({ length: 20 }, () => ask('/api/openapi.json')))
      assert.ok(many.every(({ status }) => status === 200))
      const garbage = await exchange(port, HOST, Buffer.from('16030100050102030405', 'hex')).catch(() => '')
      assert.not.match(garbage, /HTTP/)
      const silent = exchange(port, HOST, Buffer.alloc(0)).catch(() => '')
      const shaking = exchange(port, HOST, Buffer.from('16030102000100', 'hex')).catch(() => '')
      await ask('/wsdl')
      await server.stop()
      assert.equal(await Promise.all([silent, shaking]), ['', ''], 'what has not begun ends with the server')
    } finally {
      await server.stop()
    }
  }),
)

test.run()
