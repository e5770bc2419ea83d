import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import {
  type Address,
  alsoOverTls,
  bindError,
  type Clock,
  errorMessage,
  formatAddress,
  type Lifecycle,
  type Logger,
  type TlsServerInit,
} from '@thor-node/core'
import { limits } from '../limits.ts'
import type { Provisioning } from '../provisioning.ts'
import { openApi } from '../rest/openapi.ts'
import { restPage } from '../rest/page.ts'
import { problem } from '../rest/problem.ts'
import { type RestAnswer, RestService, refuse } from '../rest/service.ts'
import { writeFault } from '../soap/envelope.ts'
import { SoapService } from '../soap/service.ts'
import { ENCODING_SCHEMA, writeEncodingSchema, writeWsdl } from '../soap/wsdl.ts'
import { type Bodies, readBody } from './body.ts'
import { Connections } from './connections.ts'
import { humanPage } from './page.ts'

export interface ProvisionComponents {
  provisioning: Pick<Provisioning, 'dispatcher' | 'logins' | 'idempotency' | 'slices'>
  clock: Clock
  logger: Logger
  /** With it TLS is spoken on the same port; certificates are asked for at each handshake, so they may change. */
  tls?: TlsServerInit
}

export interface ProvisionInit {
  /** Where to listen; port 0 takes a free one. */
  bind: Address
  /** @default those of limits.ts */
  times?: Partial<HttpTimes>
}

/** How long clients may take, milliseconds. */
export type HttpTimes = Record<
  'headersTimeoutMs' | 'requestTimeoutMs' | 'answerReadMs' | 'keepAliveMs' | 'keepAliveSlackMs' | 'connectionsCheckMs',
  number
>

const XML = 'text/xml; charset=utf-8'
const HOST = /^([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?$/

/**
 * The provisioning interface over HTTP. Below `/api` it is REST; POST to any other path is a SOAP request; GET of `…wsdl` or `?wsdl`
 * is the WSDL, with the address that it was asked at; any other GET is a page for people. TLS is spoken on the same
 * port.
 *
 * `start` throws NET_ADDRESS_IN_USE, NET_PERMISSION, NET_ADDRESS_UNKNOWN.
 */
export class ProvisionServer implements Lifecycle {
  readonly #bind: Address
  readonly #soap: SoapService
  readonly #rest: RestService
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #tls: TlsServerInit | undefined
  #server: Server | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #local: Address | undefined
  /** Ends connections that the server does not know yet. */
  #endEarly: () => void = () => undefined
  #running = 0
  readonly #bodies: Bodies = { sizeBytes: 0 }
  readonly #times: HttpTimes
  readonly #connections = new Connections({ max: limits.connectionsMax, keptMax: limits.connectionsKeptMax })

  constructor(components: ProvisionComponents, init: ProvisionInit) {
    this.#bind = init.bind
    this.#times = { ...limits, ...init.times }
    this.#clock = components.clock
    this.#tls = components.tls
    this.#logger = components.logger.forComponent('provision:http')
    this.#rest = new RestService({ ...components.provisioning, logger: components.logger })
    this.#soap = new SoapService({ ...components.provisioning, logger: components.logger })
  }

  /** As really bound; undefined while it does not run. */
  get local(): Address | undefined {
    return this.#local
  }

  start(): Promise<void> {
    this.#starting ??= this.#listen().catch((error) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  #listen(): Promise<void> {
    const { headersTimeoutMs, requestTimeoutMs, keepAliveMs, keepAliveSlackMs, connectionsCheckMs } = this.#times
    const server = createServer({
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      // Said in `Keep-Alive: timeout=`.
      keepAliveTimeout: keepAliveMs,
      keepAliveTimeoutBuffer: keepAliveSlackMs,
      connectionsCheckingInterval: connectionsCheckMs,
    })
    if (this.#tls) this.#endEarly = alsoOverTls({ server, clock: this.#clock }, this.#tls, headersTimeoutMs)
    server.on('connection', (socket) => this.#connections.opened(socket))
    server.on('request', (request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        this.#logger.warn('request failed', { error: errorMessage(error) })
        response.destroy()
      })
    })
    return new Promise((resolve, reject) => {
      server.once('error', (error) => reject(bindError(error, 'tcp', this.#bind)))
      server.listen(this.#bind.port, this.#bind.host, () => {
        server.removeAllListeners('error')
        server.on('error', (error) => this.#logger.warn('server error', { error: error.message }))
        const bound = server.address()
        if (bound && typeof bound === 'object') this.#local = { host: bound.address, port: bound.port }
        this.#server = server
        resolve()
      })
    })
  }

  /** Requests that run get two seconds to end; idle connections end at once. */
  stop(): Promise<void> {
    this.#stopping ??= this.#close().finally(() => {
      this.#stopping = undefined
    })
    return this.#stopping
  }

  async #close(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    const server = this.#server
    this.#starting = undefined
    this.#server = undefined
    this.#local = undefined
    if (!server) return
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(limits.stopMs, () => {
        server.closeAllConnections()
        this.#endEarly()
      })
      server.close(() => {
        timer.cancel()
        resolve()
      })
      if (this.#running > 0) return server.closeIdleConnections()
      server.closeAllConnections()
      this.#endEarly()
    })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '' } = request
    const url = request.url ?? '/'
    if (/^\/api(\/|$|\?)/.test(url)) return this.#api(request, response, url)
    if (method === 'POST') return this.#post(request, response)
    request.resume()
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD, POST')
      return this.#send(response, 405, 'text/plain; charset=utf-8', 'SOAP requests are POSTed; the WSDL is at /wsdl\n')
    }
    const [path = '/', search = ''] = url.split('?', 2)
    const base = this.#baseUrl(request)
    if (/^wsdl$/i.test(search)) return this.#send(response, 200, XML, writeWsdl(`${base}${path}`))
    const wsdl = /^(\/(?:.*\/)?)[^/]*wsdl$/i.exec(path)
    if (wsdl) return this.#send(response, 200, XML, writeWsdl(`${base}${wsdl[1]}`))
    if (path.endsWith(`/${ENCODING_SCHEMA}`)) return this.#send(response, 200, XML, writeEncodingSchema())
    if (!path.endsWith('/'))
      return this.#send(response, 404, 'text/plain; charset=utf-8', 'nothing here; the WSDL is at /wsdl\n')
    return this.#send(response, 200, 'text/html; charset=utf-8', humanPage(`${base}${path}`))
  }

  async #api(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
    const [path = '', search = ''] = url.split('?', 2)
    const reads = request.method === 'GET' || request.method === 'HEAD'
    if (reads && (path === '/api' || path === '/api/')) {
      request.resume()
      return this.#send(response, 200, 'text/html; charset=utf-8', restPage(this.#baseUrl(request)))
    }
    if (reads && path === '/api/openapi.json') {
      request.resume()
      const text = JSON.stringify(openApi(`${this.#baseUrl(request)}/api/v1`), null, 1)
      return this.#send(response, 200, 'application/json', text)
    }
    const answer = await this.#limited(request, async (body): Promise<RestAnswer> => {
      if (!path.startsWith('/api/v1/')) return refuse(problem(404, 'Not found', 'REST is below /api/v1; see /api/'))
      return this.#rest.answer({
        method: request.method ?? '',
        path: path.slice('/api/v1'.length),
        query: new URLSearchParams(search),
        headers: request.headers,
        body,
        from: request.socket.remoteAddress ?? '',
      })
    })
    if (answer === 'aborted') return void response.destroy()
    if (answer === 'too-large') response.setHeader('Connection', 'close')
    const { status, headers, body } = restAnswer(answer)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    this.#send(response, status, undefined, body)
  }

  /** Reads a body and answers it, if that is not too much at once. Who is slow to send one takes no other's place. */
  async #limited<A>(
    request: IncomingMessage,
    answer: (body: Buffer) => Promise<A>,
  ): Promise<A | 'busy' | 'too-large' | 'aborted'> {
    const body = await readBody(request, limits.bodyBytesMax, this.#bodies, limits.bodiesBytesMax)
    if (typeof body === 'string') return body
    if (this.#running >= limits.requestsMax) return 'busy'
    this.#running += 1
    this.#connections.works(request.socket)
    try {
      return await answer(body)
    } finally {
      this.#running -= 1
      this.#connections.rests(request.socket)
    }
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#limited(request, (body) => this.#soap.answer(body, request.socket.remoteAddress ?? ''))
    if (answer === 'aborted') return void response.destroy()
    if (answer === 'busy') {
      const exception = { code: 200, name: 'PROVISION_BUSY', text: 'Too many requests at once, try again' }
      return this.#send(response, 500, XML, writeFault({ side: 'Server', text: 'Too busy', exception }))
    }
    if (answer === 'too-large') {
      response.setHeader('Connection', 'close')
      const text = `the request is larger than ${limits.bodyBytesMax} bytes`
      // Of a 413 the client of portals shows its users nothing.
      return this.#send(response, 500, XML, writeFault({ side: 'Client', text }))
    }
    this.#send(response, answer.status, XML, answer.body)
  }

  /**
   * Always with its length, so that HTTP/1.0 clients get no chunks; Node closes the connection for those. Who does not read it in time
   * has its connection ended.
   */
  #send(response: ServerResponse, status: number, type: string | undefined, text: string): void {
    if (response.destroyed) return
    const body = Buffer.from(text, 'utf8')
    if (this.#connections.isCrowded) response.setHeader('Connection', 'close')
    response.writeHead(status, {
      ...(type !== undefined && { 'Content-Type': type }),
      ...(status !== 204 && status !== 304 && { 'Content-Length': body.length }),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    })
    const timer = this.#clock.after(this.#times.answerReadMs, () => void response.destroy())
    response.once('close', () => timer.cancel())
    response.end(body)
  }

  /** The address under which the client knows this server, behind a TLS proxy too. */
  #baseUrl(request: IncomingMessage): string {
    const host = request.headers.host ?? ''
    const encrypted = 'encrypted' in request.socket || request.headers['x-forwarded-proto'] === 'https'
    const scheme = encrypted ? 'https' : 'http'
    return `${scheme}://${HOST.test(host) ? host : formatAddress(this.#local ?? this.#bind)}`
  }
}

function restAnswer(answer: RestAnswer | 'busy' | 'too-large'): RestAnswer {
  if (answer === 'busy') return refuse(problem(503, 'Too busy', 'too many requests at once, try again'))
  if (answer !== 'too-large') return answer
  return refuse(problem(413, 'Too large', `the request is larger than ${limits.bodyBytesMax} bytes`))
}
