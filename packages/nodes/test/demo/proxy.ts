/** A scripted server for the phones: challenges, keeps one contact per user, forwards without state. */
import {
  type Address,
  computeHa1,
  type DigestAlgorithm,
  digestResponse,
  formatChallenge,
  parseCredentials,
  systemNet,
  type UdpSocket,
} from '@thor-node/core'
import {
  formatVia,
  makeResponse,
  parseMessage,
  parseVia,
  type SipMessage,
  type SipRequest,
  serializeMessage,
} from '@thor-node/sip'

const REALM = 'thor.local'

export class ScriptedProxy {
  /** Start lines of what came in. */
  readonly log: string[] = []
  readonly passwords = new Map<string, string>()
  /** Algorithms of credentials that were right. */
  readonly algorithms: string[] = []
  /** Datagrams that it takes no notice of: by the first word of the start line and the method. */
  lose: (message: SipMessage) => boolean = () => false
  #contacts = new Map<string, Address>()
  #socket: UdpSocket | undefined

  async start(host: string): Promise<Address> {
    this.#socket = await systemNet.udp({ host, port: 0 }, (bytes, from) => this.#take(parseMessage(bytes), from))
    return this.#socket.local
  }

  async stop(): Promise<void> {
    await this.#socket?.close()
  }

  #send(message: SipMessage, to: Address): void {
    this.#socket?.send(serializeMessage(message), to)
  }

  #take(message: SipMessage, from: Address): void {
    this.log.push(message.kind === 'request' ? message.method : `${message.status} ${message.cseq.method}`)
    if (this.lose(message)) return
    if (message.kind === 'response') {
      const [, ...below] = message.headers.getAll('Via')
      message.headers.setAll('Via', below)
      const next = parseVia(below[0] ?? '')
      this.#send(message, { host: next.host, port: next.port ?? 5060 })
    } else this.#takeRequest(message, from)
  }

  #takeRequest(request: SipRequest, from: Address): void {
    const inside = request.to.params.has('tag')
    if (!inside && request.method !== 'ACK' && !this.#isAuthentic(request)) {
      const proxy = request.method !== 'REGISTER'
      const challenges = ['SHA-256', 'MD5'].map(
        (algorithm) =>
          [
            proxy ? 'Proxy-Authenticate' : 'WWW-Authenticate',
            formatChallenge({ realm: REALM, nonce: 'n1', algorithm, qop: 'auth' }),
          ] as const,
      )
      this.#send(makeResponse(request, proxy ? 407 : 401, undefined, { toTag: 't', headers: challenges }), from)
      return
    }
    if (request.method === 'REGISTER') {
      this.#contacts.set(request.to.uri.user ?? '', from)
      this.#send(makeResponse(request, 200, undefined, { toTag: 't' }), from)
      return
    }
    if (request.method === 'ACK' && !inside) return
    const target = inside
      ? { host: request.requestUri.host, port: request.requestUri.port ?? 5060 }
      : this.#contacts.get(request.requestUri.user ?? '')
    if (!target) {
      if (request.method !== 'ACK') this.#send(makeResponse(request, 404, undefined, { toTag: 't' }), from)
      return
    }
    const local = this.#socket?.local as Address
    // Stateless: the branch follows from the branch below (RFC 3261 §16.11).
    const branch = `${request.vias[0]?.params.get('branch')}x`
    request.headers.prepend('Via', formatVia({ transport: 'UDP', ...local, params: new Map([['branch', branch]]) }))
    this.#send(request, target)
  }

  #isAuthentic(request: SipRequest): boolean {
    const value = request.headers.get('Authorization') ?? request.headers.get('Proxy-Authorization')
    const given = value === undefined ? undefined : parseCredentials(value)
    if (!given) return false
    const algorithm = given.algorithm as DigestAlgorithm
    const ha1 = computeHa1(algorithm, given.username, REALM, this.passwords.get(given.username) ?? '')
    const { method } = request
    const { uri, nonce, qop, nc, cnonce } = given
    if (digestResponse({ algorithm, ha1, method, uri, nonce, qop, nc, cnonce }) !== given.response) return false
    this.algorithms.push(algorithm)
    return true
  }
}
