import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import {
  type Address,
  bindError,
  type Clock,
  errorMessage,
  formatAddress,
  type Lifecycle,
  type Logger,
} from '@thor-node/core'
import { limits } from '../limits.ts'
import { writeFault } from '../soap/envelope.ts'
import { type SoapComponents, SoapService } from '../soap/service.ts'
import { ENCODING_SCHEMA, writeEncodingSchema, writeWsdl } from '../soap/wsdl.ts'
import { readBody } from './body.ts'
import { humanPage } from './page.ts'

export type ProvisionComponents = SoapComponents

export interface ProvisionInit {
  /** Where to listen; port 0 takes a free one. */
  bind: Address
}

const XML = 'text/xml; charset=utf-8'
const HOST = /^([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?$/

/**
 * The SOAP interface over HTTP. POST to any path is a SOAP request; GET of `…wsdl` or `?wsdl` is the WSDL, with the address
 * that it was asked at; any other GET is a page for people. Meant for trusted networks, or behind TLS.
 *
 * `start` throws NET_ADDRESS_IN_USE, NET_PERMISSION, NET_ADDRESS_UNKNOWN.
 */
export class ProvisionServer implements Lifecycle {
  readonly #bind: Address
  readonly #soap: SoapService
  readonly #clock: Clock
  readonly #logger: Logger
  #server: Server | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #local: Address | undefined
  #running = 0

  constructor(components: ProvisionComponents, init: ProvisionInit) {
    this.#bind = init.bind
    this.#clock = components.clock
    this.#logger = components.logger.forComponent('provision:http')
    this.#soap = new SoapService(components)
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
    const server = createServer({
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveMs,
    })
    server.maxConnections = limits.connectionsMax
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
      const timer = this.#clock.after(limits.stopMs, () => server.closeAllConnections())
      server.close(() => {
        timer.cancel()
        resolve()
      })
      if (this.#running === 0) server.closeAllConnections()
      else server.closeIdleConnections()
    })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '' } = request
    const url = request.url ?? '/'
    if (method === 'POST') return this.#post(request, response)
    request.resume()
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD, POST')
      return send(response, 405, 'text/plain; charset=utf-8', 'SOAP requests are POSTed; the WSDL is at /wsdl\n')
    }
    const [path = '/', search = ''] = url.split('?', 2)
    const base = this.#baseUrl(request)
    if (/^wsdl$/i.test(search)) return send(response, 200, XML, writeWsdl(`${base}${path}`))
    const wsdl = /^(\/(?:.*\/)?)[^/]*wsdl$/i.exec(path)
    if (wsdl) return send(response, 200, XML, writeWsdl(`${base}${wsdl[1]}`))
    if (path.endsWith(`/${ENCODING_SCHEMA}`)) return send(response, 200, XML, writeEncodingSchema())
    if (!path.endsWith('/'))
      return send(response, 404, 'text/plain; charset=utf-8', 'nothing here; the WSDL is at /wsdl\n')
    return send(response, 200, 'text/html; charset=utf-8', humanPage(`${base}${path}`))
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#running >= limits.requestsMax) {
      request.resume()
      const exception = { code: 200, name: 'PROVISION_BUSY', text: 'Too many requests at once, try again' }
      return send(response, 500, XML, writeFault({ side: 'Server', text: 'Too busy', exception }))
    }
    this.#running += 1
    try {
      const body = await readBody(request, limits.bodyBytesMax)
      if (body === 'too-large') {
        response.setHeader('Connection', 'close')
        const text = `the request is larger than ${limits.bodyBytesMax} bytes`
        return send(response, 413, XML, writeFault({ side: 'Client', text }))
      }
      if (body === 'aborted') return void response.destroy()
      const answer = await this.#soap.answer(body)
      send(response, answer.status, XML, answer.body)
    } finally {
      this.#running -= 1
    }
  }

  /** The address under which the client knows this server, behind a TLS proxy too. */
  #baseUrl(request: IncomingMessage): string {
    const host = request.headers.host ?? ''
    const scheme = request.headers['x-forwarded-proto'] === 'https' ? 'https' : 'http'
    return `${scheme}://${HOST.test(host) ? host : formatAddress(this.#local ?? this.#bind)}`
  }
}

/** Always with its length, so that HTTP/1.0 clients get no chunks; Node closes the connection for those. */
function send(response: ServerResponse, status: number, type: string, text: string): void {
  if (response.destroyed) return
  const body = Buffer.from(text, 'utf8')
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  response.end(body)
}
