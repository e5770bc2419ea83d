import { type Address, type Clock, type Logger, type Random, randomHex, TimerQueue } from '@thor-node/core'
import { SipParseError } from '../errors.ts'
import { transactionLimits } from '../limits.ts'
import { makeResponse } from '../message/build.ts'
import type { SipMessage, SipRequest, SipResponse } from '../message/contract.ts'
import { formatVia } from '../message/headers/via.ts'
import { serializeMessage } from '../message/serializer.ts'
import type { Destination, Source } from '../transport/contract.ts'
import { defaultPort } from '../transport/names.ts'
import { Answers } from './answers.ts'
import { Client } from './client.ts'
import type {
  ClientTransaction,
  ClientTransactionUser,
  Hop,
  ServerTransaction,
  TimerValues,
  TransactionLayer,
} from './contract.ts'
import { clientKey, MAGIC_COOKIE, serverKey } from './key.ts'
import type { Context } from './machine.ts'
import { Running } from './running.ts'
import { Server, type ServerHost } from './server.ts'
import { defaultTimers } from './timers.ts'

export interface TransactionComponents {
  clock: Clock
  random: Random
  logger: Logger
  transport: {
    send(message: SipMessage, to: Destination): Promise<void>
    sendBytes(bytes: Uint8Array, to: Destination): Promise<void>
  }
}

export interface TransactionInit {
  timers?: TimerValues
  transactionsMax?: number
  /** Answers that are kept for requests that come again. @default transactionLimits.answersMax */
  answersMax?: number
}

const RETRY_AFTER_SECONDS = '2'

/**
 * All transactions of this node (RFC 3261 §17). `receive` takes what the transport parsed; INVITEs are answered 100 at once,
 * CANCELs are answered here, ACKs for non-2xx end here.
 */
export class Transactions implements TransactionLayer {
  onRequest: ((transaction: ServerTransaction) => void) | undefined
  onAck: ((ack: SipRequest, source: Source) => void) | undefined
  onStrayResponse: ((response: SipResponse, source: Source) => void) | undefined
  readonly #transport: TransactionComponents['transport']
  readonly #log: Logger
  readonly #timers: TimerQueue
  readonly #values: TimerValues
  readonly #max: number
  readonly #servers = new Running<string, Server>()
  /** Of servers that are gone. */
  readonly #answers: Answers
  readonly #host: ServerHost
  readonly #contexts: { datagrams: Context; reliable: Context }
  readonly #clients = new Running<string, Client>()
  /** Makes branches unique to this process; what follows it counts. */
  readonly #branchPrefix: string
  /** To tag of answers without state: the same each time, so that retransmissions get the same answer (RFC 3261 §8.2.7). */
  readonly #statelessTag: string
  #branches = 0

  constructor(components: TransactionComponents, init: TransactionInit = {}) {
    this.#transport = components.transport
    this.#log = components.logger.forComponent('sip:transaction')
    this.#timers = new TimerQueue(components, { onError: (error) => this.#log.error('a timer failed', { error }) })
    this.#values = init.timers ?? defaultTimers
    this.#max = init.transactionsMax ?? transactionLimits.transactionsMax
    const { t1, t2, t4 } = this.#values
    this.#contexts = { datagrams: { reliable: false, t1, t2, t4 }, reliable: { reliable: true, t1, t2, t4 } }
    this.#answers = new Answers(components, { lifetimeMs: 64 * t1, max: init.answersMax })
    this.#host = {
      timers: this.#timers,
      send: (response, { request, source }) => this.#send(response, request, source),
      sendLast: (response, { key, request, source }) => {
        const bytes = serializeMessage(response)
        this.#answers.keep(key, bytes)
        this.#transport.sendBytes(bytes, datagramTo(request, source)).catch(() => undefined)
      },
      onAck: (ack, { source }) => this.onAck?.(ack, source),
      onEnd: ({ key }) => this.#servers.delete(key),
    }
    this.#branchPrefix = `${MAGIC_COOKIE}${randomHex(components.random, 6)}`
    this.#statelessTag = randomHex(components.random, 6)
  }

  get size(): number {
    return this.#servers.size + this.#clients.size
  }

  receive(message: SipMessage, source: Source): void {
    try {
      if (message.kind === 'response') this.#receiveResponse(message, source)
      else this.#receiveRequest(message, source)
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error
      this.#log.debug('unusable message', { error: error.message })
      if (message.kind === 'request' && message.method !== 'ACK')
        this.#refuse(message, source, error.status, error.reason)
    }
  }

  request(request: SipRequest, hop: Hop, user: ClientTransactionUser): ClientTransaction {
    const branch = `${this.#branchPrefix}${(this.#branches++).toString(36)}`
    const params = new Map([['branch', branch]])
    // Ask for the port too: the response then comes back to the flow that the request took (RFC 3581).
    params.set('rport', '')
    if (hop.alias) params.set('alias', '')
    request.headers.prepend('Via', formatVia({ ...hop.via, params }))
    return this.#startClient(request, hop, user, branch)
  }

  async stop(): Promise<void> {
    this.#timers.clear()
    for (const server of this.#servers.values()) server.abandon()
    for (const client of this.#clients.values()) client.abandon()
    this.#answers.clear()
  }

  snapshot(): Record<string, unknown> {
    return { servers: this.#servers.size, clients: this.#clients.size, answers: this.#answers.size }
  }

  #startClient(request: SipRequest, hop: Hop, user: ClientTransactionUser, branch: string): Client {
    const key = `${branch}|${request.method}`
    const client = new Client(request, hop, user, {
      branch,
      context: this.#context(hop.reliable),
      timers: this.#timers,
      cancel: (cancel) => {
        const ignore: ClientTransactionUser = { onResponse() {}, onFailure() {} }
        this.#startClient(cancel, hop, ignore, branch)
      },
      onEnd: () => this.#clients.delete(key),
    })
    this.#clients.set(key, client)
    try {
      client.start()
    } catch (error) {
      // Nobody has it, so nobody would ever end it.
      client.abandon()
      throw error
    }
    return client
  }

  #receiveResponse(response: SipResponse, source: Source): void {
    const key = clientKey(response)
    const client = key === undefined ? undefined : this.#clients.get(key)
    if (client?.isOwn(response.vias[0])) client.receive(response)
    else this.onStrayResponse?.(response, source)
  }

  #receiveRequest(request: SipRequest, source: Source): void {
    if (request.vias.length === 0) throw new SipParseError('Via is missing')
    const key = serverKey(request)
    const server = this.#servers.get(key)
    if (request.method === 'ACK') {
      if (server) server.receiveAck(request)
      else this.onAck?.(request, source)
      return
    }
    if (server) {
      server.receiveAgain()
      return
    }
    const answer = source.transport === 'udp' ? this.#answers.find(key) : undefined
    if (answer) this.#transport.sendBytes(answer, datagramTo(request, source)).catch(() => undefined)
    else if (request.method === 'CANCEL') this.#receiveCancel(request, source)
    else if (this.size >= this.#max) this.#refuse(request, source, 503)
    else this.#startServer(request, source, key)
  }

  #startServer(request: SipRequest, source: Source, key: string): void {
    const server = new Server(request, source, key, {
      host: this.#host,
      context: this.#context(source.transport !== 'udp'),
    })
    this.#servers.set(key, server)
    if (request.method === 'INVITE') server.respond(makeResponse(request, 100))
    this.onRequest?.(server)
  }

  /** RFC 3261 §9.2. */
  #receiveCancel(cancel: SipRequest, source: Source): void {
    const cancelled = this.#servers.get(serverKey(cancel, 'INVITE'))
    if (!cancelled) {
      this.#refuse(cancel, source, 481)
      return
    }
    const answer = makeResponse(cancel, 200, undefined, { toTag: this.#statelessTag })
    this.#send(answer, cancel, source).catch(() => undefined)
    if (!cancelled.answered) cancelled.onCancel?.(cancel)
  }

  /** An answer without state. */
  #refuse(request: SipRequest, source: Source, status: number, reason?: string): void {
    const headers = status === 503 ? ([['Retry-After', RETRY_AFTER_SECONDS]] as const) : []
    const response = makeResponse(request, status, reason, { toTag: this.#statelessTag, headers })
    this.#send(response, request, source).catch(() => undefined)
  }

  /** RFC 3261 §18.2.2, RFC 3581 §4: on the flow of the request, else to what its Via says. */
  #send(response: SipResponse, request: SipRequest, source: Source): Promise<void> {
    if (source.transport === 'udp') return this.#transport.send(response, datagramTo(request, source))
    return this.#transport
      .send(response, { flow: source.flow })
      .catch(() => this.#transport.send(response, { transport: source.transport, remote: sentBy(request, source) }))
  }

  #context(reliable: boolean): Context {
    return reliable ? this.#contexts.reliable : this.#contexts.datagrams
  }
}

/** RFC 3261 §18.2.2, RFC 3581 §4. From where the request came to: another listen point may not reach its sender. */
function datagramTo(request: SipRequest, source: Source): Destination {
  const asked = request.vias[0]?.params.has('rport')
  const remote = asked ? source.remote : sentBy(request, source)
  return { transport: 'udp', remote, ...(source.point !== undefined && { point: source.point }) }
}

const sentBy = (request: SipRequest, { transport, remote }: Source): Address => ({
  host: remote.host,
  port: request.vias[0]?.port ?? defaultPort(transport),
})
