/**
 * A UDP socket that sends what it is told, once, and waits for the answer: for what no phone does (answers used twice,
 * scans, guesses). Nothing is retransmitted, so silence can be told from an answer.
 */
import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import {
  computeHa1,
  type DigestAlgorithm,
  digestAlgorithm,
  digestResponse,
  entityHash,
  formatCredentials,
  parseChallenge,
} from '@thor-node/core'
import { branchOf, headers, readSip, type SipText, statusOf, writeSip } from './sip-message.ts'

export interface RawRequest {
  method: string
  uri: string
  /** AORs; `to` is `from` where it is absent. */
  from: string
  to?: string
  cseq?: number
  callId?: string
  headers?: [string, string][]
  body?: string
}

export interface Secret {
  user: string
  password: string
  algorithm?: DigestAlgorithm
  qop?: 'auth' | 'auth-int'
  nc?: number
}

const hex = (bytes: number): string => randomBytes(bytes).toString('hex')

export class RawSip {
  readonly #socket: Socket = createSocket('udp4')
  readonly #waiting = new Map<string, (response: SipText) => void>()
  readonly #address: string
  /** Final answers and provisional ones, all that came. */
  received = 0

  constructor(address: string) {
    this.#address = address
  }

  async start(): Promise<this> {
    this.#socket.on('message', (bytes) => {
      const message = readSip(bytes.toString('latin1'))
      this.received++
      if (statusOf(message) >= 200) this.#waiting.get(branchOf(message))?.(message)
    })
    await new Promise<void>((done) => this.#socket.bind({ address: this.#address, port: 0 }, done))
    return this
  }

  async stop(): Promise<void> {
    await new Promise<void>((done) => this.#socket.close(() => done()))
  }

  send(bytes: string, node: string, port = 5060): void {
    this.#socket.send(bytes, port, node)
  }

  /** The final answer; undefined when none comes in that time. */
  ask(node: string, request: RawRequest, limitMs = 5_000): Promise<SipText | undefined> {
    const branch = `z9hG4bK${hex(8)}`
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(undefined), limitMs)
      const done = (response: SipText | undefined): void => {
        clearTimeout(timer)
        this.#waiting.delete(branch)
        resolve(response)
      }
      this.#waiting.set(branch, done)
      this.send(this.#text(request, branch), node)
    })
  }

  #text({ method, uri, from, to, cseq, callId, headers: more = [], body = '' }: RawRequest, branch: string): string {
    return writeSip({
      first: `${method} ${uri} SIP/2.0`,
      headers: [
        ['Via', `SIP/2.0/UDP ${this.#address}:${this.#socket.address().port};branch=${branch};rport`],
        ['Max-Forwards', '70'],
        ['From', `<sip:${from}>;tag=${hex(4)}`],
        ['To', `<sip:${to ?? from}>`],
        ['Call-ID', callId ?? hex(8)],
        ['CSeq', `${cseq ?? 1} ${method}`],
        ['Contact', `<sip:x@${this.#address}:${this.#socket.address().port}>`],
        ...more,
      ],
      body,
    })
  }
}

/** The header that answers a challenge, with every field as this client wants it. */
export function answerTo(challenge: SipText, request: RawRequest, secret: Secret): [name: string, value: string] {
  const proxy = statusOf(challenge) === 407
  const { user, password, algorithm = 'MD5', qop = 'auth', nc: number = 1 } = secret
  const offered = headers(challenge, proxy ? 'Proxy-Authenticate' : 'WWW-Authenticate').flatMap(
    (value) => parseChallenge(value) ?? [],
  )
  const found = offered.find((one) => digestAlgorithm(one.algorithm) === algorithm)
  if (!found) throw new Error(`no challenge for ${algorithm}`)
  const { realm, nonce } = found
  const { method, uri } = request
  const counted = { qop, nc: number.toString(16).padStart(8, '0'), cnonce: hex(8) }
  const response = digestResponse({
    algorithm,
    ha1: computeHa1(algorithm, user, realm, password),
    method,
    uri,
    nonce,
    ...counted,
    bodyHash: entityHash(algorithm, Buffer.from(request.body ?? '', 'latin1')),
  })
  return [
    proxy ? 'Proxy-Authorization' : 'Authorization',
    formatCredentials({ username: user, realm, nonce, uri, response, algorithm, ...counted }),
  ]
}
