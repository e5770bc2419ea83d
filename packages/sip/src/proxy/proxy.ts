/** The proxy core, RFC 3261 §16 in order: validate, route information, targets, forward, responses, ACK, strays. */
import { errorMessage, type Logger, ThorError } from '@thor-node/core'
import { SipParseError } from '../errors.ts'
import type { SipRequest, SipResponse } from '../message/contract.ts'
import { serializeMessage } from '../message/serializer.ts'
import type { Registrar } from '../registrar/registrar.ts'
import type { ServerTransaction } from '../transaction/contract.ts'
import type { Source, TransportLayer } from '../transport/contract.ts'
import { Forks, type ProxyComponents, type ProxyInit } from './context.ts'
import { belongsTo } from './cookie.ts'
import { mayBeSos } from './emergency-ways.ts'
import { withoutTopVia } from './fork.ts'
import { InDialog } from './in-dialog.ts'
import { PENDING_REQUESTS_MAX } from './limits.ts'
import { OutOfDialog } from './out-of-dialog.ts'
import { ALLOW, SUPPORTED } from './reply.ts'
import { preprocessRoutes } from './route.ts'
import { refuseSession } from './session-timer.ts'
import { strayDestination } from './stray.ts'
import { hopsLeft, refuseAsServer, validate } from './validate.ts'

export class SipProxy {
  readonly #c: ProxyComponents
  readonly #init: ProxyInit
  readonly #registrar: Registrar
  readonly #transport: TransportLayer
  readonly #forks: Forks
  readonly #inDialog: InDialog
  readonly #outOfDialog: OutOfDialog
  readonly #log: Logger
  #pending = 0
  #draining = false

  constructor(components: ProxyComponents & { registrar: Registrar; transport: TransportLayer }, init: ProxyInit) {
    this.#c = components
    this.#init = init
    this.#registrar = components.registrar
    this.#transport = components.transport
    this.#forks = new Forks(components, init)
    this.#inDialog = new InDialog(components, init, this.#forks)
    this.#outOfDialog = new OutOfDialog(components, init, this.#forks)
    this.#log = components.logger.forComponent('sip:proxy')
  }

  /** Requests that wait for their final response. */
  get unanswered(): number {
    return this.#pending + this.#forks.unanswered
  }

  /** From now on nothing new begins here: 503; what runs goes on. */
  drain(): void {
    this.#draining = true
  }

  start(): void {
    this.#draining = false
    this.#forks.reopen()
  }

  stop(): void {
    this.#forks.stop()
  }

  handleRequest(server: ServerTransaction): void {
    const { request } = server
    const { replier } = this.#c
    // No node is too busy for an emergency call, nor about to stop.
    if (this.#pending >= PENDING_REQUESTS_MAX && !mayBeSos(this.#c, request)) {
      server.respond(replier.unavailable(request))
      return
    }
    this.#pending++
    this.#serve(server)
      .catch((error: unknown) => this.#answerFailure(server, error))
      .finally(() => {
        this.#pending--
      })
  }

  #answerFailure(server: ServerTransaction, error: unknown): void {
    const { request, answered } = server
    const { replier } = this.#c
    this.#log.info('request not served', { method: request.method, error: errorMessage(error) })
    if (answered) return
    if (error instanceof SipParseError) server.respond(replier.make(request, error.status, error.reason))
    else server.respond(error instanceof ThorError ? replier.unavailable(request) : replier.make(request, 500))
  }

  async #serve(server: ServerTransaction): Promise<void> {
    const { replier, ring } = this.#c
    const received = server.request
    const refusal = validate(received, ring.cookieKey)
    if (refusal) return server.respond(replier.make(received, refusal.status, refusal.reason, refusal.headers))
    const { request, cookie } = preprocessRoutes(received, ring.cookieKey, (uri) => this.#isOurs(uri))

    const { requestUri } = request
    const toUs = !cookie && this.#isOurs(requestUri)
    if (toUs && requestUri.user === undefined && request.method === 'OPTIONS') return this.#answerOptions(server)
    if (request.method === 'REGISTER' && (toUs || !request.to.params.has('tag'))) return this.#register(server, request)
    if (!hopsLeft(request)) return server.respond(replier.make(received, 483))
    const tooOften = refuseSession(request, this.#init.sessions)
    if (tooOften) return server.respond(replier.make(received, tooOften.status, tooOften.reason, tooOften.headers))
    if (request.to.params.has('tag')) {
      // The cookie of another dialog opens no doors.
      if (cookie && belongsTo(request, cookie, ring.cookieKey)) return this.#inDialog.handle(server, request, cookie)
      // The cookie of another dialog opens no doors; the name of a device leads to it from anywhere (RFC 5627 §3.1).
      const named = !cookie && this.#isOurs(requestUri) && this.#c.gruus.read(requestUri)
      if (!named) return server.respond(replier.make(received, 481))
    }
    if (this.#draining && !mayBeSos(this.#c, request)) return server.respond(replier.unavailable(received))
    await this.#outOfDialog.handle(server, request)
  }

  async #register(server: ServerTransaction, request: SipRequest): Promise<void> {
    const { replier } = this.#c
    if (!this.#isOurs(request.requestUri)) {
      this.#c.guard?.saw(server.source.remote.host, 'unknown-account')
      return server.respond(replier.make(request, 403, 'Domain Not Served Here'))
    }
    if (this.#draining) return server.respond(replier.unavailable(request))
    server.respond(await this.#registrar.handle(request, server.source))
  }

  #answerOptions(server: ServerTransaction): void {
    const { replier } = this.#c
    const { request } = server
    const refusal = refuseAsServer(request)
    if (refusal) {
      server.respond(replier.make(request, refusal.status, refusal.reason, refusal.headers))
      return
    }
    const headers = [
      ['Allow', ALLOW],
      ['Accept', 'application/sdp, text/plain'],
      ['Accept-Encoding', 'identity'],
      ['Accept-Language', 'en'],
      ['Supported', SUPPORTED],
    ] as const
    server.respond(replier.make(request, 200, undefined, headers))
  }

  #isOurs(uri: SipRequest['requestUri']): boolean {
    return this.#c.home.servesDomain(uri.host) || this.#init.isNode(uri)
  }

  /** Without a cookie there is no call here that an ACK could belong to. */
  handleAck(ack: SipRequest, source: Source): void {
    try {
      const { request, cookie } = preprocessRoutes(ack, this.#c.ring.cookieKey, (uri) => this.#isOurs(uri))
      if (!cookie || !belongsTo(request, cookie, this.#c.ring.cookieKey) || !hopsLeft(request)) return
      this.#inDialog
        .forwardAck(request, source, cookie)
        .catch((error) => this.#log.info('ACK not forwarded', { call: cookie.callUuid, error: errorMessage(error) }))
    } catch (error) {
      this.#log.debug('unusable ACK', { error: errorMessage(error) })
    }
  }

  /** Responses without a transaction here: of another node, or so late that only the Vias know where they go. */
  handleStray(response: SipResponse): void {
    const { ring } = this.#c
    try {
      const destination = strayDestination(response, ring, this.#init.isNode)
      if (!destination) return
      if ('node' in destination) {
        this.#forget(ring.passResponse(destination.node, serializeMessage(response)))
        return
      }
      const forwarded = withoutTopVia(response)
      if (forwarded) this.#forget(this.#transport.send(forwarded, destination))
    } catch (error) {
      this.#log.debug('unusable response', { error: errorMessage(error) })
    }
  }

  #forget(work: Promise<void>): void {
    work.catch((error) => this.#log.debug('response not passed on', { error: errorMessage(error) }))
  }

  snapshot(): Record<string, unknown> {
    return { pending: this.#pending, forks: this.#forks.size, draining: this.#draining }
  }
}
