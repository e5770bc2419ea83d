/**
 * A resolver that asks others: one question at a time, with answers kept as long as they live. Node's own resolver does not tell
 * how long that is. A question has an id, a port and letters of chance, so that nobody answers it unseen.
 */
import {
  type Address,
  type Clock,
  makeRoom,
  type Net,
  type Random,
  type TcpConnection,
  type UdpSocket,
} from '@thor-node/core'
import type { Naptr } from '../enum/naptr.ts'
import { readNaptr } from '../enum/naptr.ts'
import { failure } from '../errors.ts'
import { STUB_LIMITS } from '../limits.ts'
import { type Answer, readAnswer } from '../wire/answer-reader.ts'
import { RCODE, TYPE } from '../wire/codes.ts'
import { nameToWire } from '../wire/names.ts'
import type { RuleSource } from './rules.ts'

export interface StubComponents {
  net: Net
  clock: Clock
  random: Random
}

export interface StubInit {
  /** Asked in order; the first that answers counts. */
  servers: readonly Address[]
  /** How long each of two tries waits, in ms. @default 2,000 */
  timeoutMs?: number
}

interface Known {
  until: number
  answer: Promise<Answer>
}

const TRIES = 2
const TIMEOUT_MS = 2_000
const ANY4 = { host: '0.0.0.0', port: 0 }
const ANY6 = { host: '::', port: 0 }

export class StubResolver implements RuleSource {
  readonly #c: StubComponents
  readonly #servers: readonly Address[]
  readonly #timeoutMs: number
  readonly #known = new Map<string, Known>()

  constructor(components: StubComponents, init: StubInit) {
    this.#c = components
    this.#servers = init.servers
    this.#timeoutMs = init.timeoutMs ?? TIMEOUT_MS
  }

  /** Rejects with `DNS_UNANSWERED` when no server answers. */
  async naptr(name: string): Promise<readonly Naptr[]> {
    const { records } = await this.ask(name, TYPE.NAPTR)
    return records.flatMap(({ type, data }) => (type === TYPE.NAPTR ? (readNaptr(data) ?? []) : []))
  }

  /** The same question while it is asked is asked once; answers are kept for the shortest of their lives. */
  ask(name: string, type: number): Promise<Answer> {
    const { clock } = this.#c
    const key = `${type} ${name}`
    const known = this.#known.get(key)
    if (known && known.until > clock.now()) return known.answer
    const entry: Known = { until: Number.POSITIVE_INFINITY, answer: this.#askServers(name, type) }
    this.#known.delete(key)
    makeRoom(this.#known, STUB_LIMITS.answersMax)
    this.#known.set(key, entry)
    entry.answer.then(
      ({ ttlSeconds }) => {
        entry.until = clock.now() + Math.min(ttlSeconds, STUB_LIMITS.ttlMaxSeconds) * 1_000
      },
      () => this.#known.delete(key),
    )
    return entry.answer
  }

  get size(): number {
    return this.#known.size
  }

  async #askServers(name: string, type: number): Promise<Answer> {
    let cause: unknown
    for (let attempt = 0; attempt < TRIES; attempt++) {
      for (const server of this.#servers) {
        try {
          const answer = await this.#askOne(server, name, type)
          if (answer.rcode === RCODE.NOERROR || answer.rcode === RCODE.NXDOMAIN) return answer
          cause = new Error(`${server.host} answers with code ${answer.rcode}`)
        } catch (error) {
          cause = error
        }
      }
    }
    throw failure('DNS_UNANSWERED', `no DNS server answered for ${name}`, { cause })
  }

  async #askOne(server: Address, name: string, type: number): Promise<Answer> {
    const query = this.#query(name, type)
    const answer = await this.#overUdp(server, query)
    return answer.truncated ? this.#overTcp(server, query) : answer
  }

  /** Recursion desired, EDNS of 1232 octets, letters in any case. */
  #query(name: string, type: number): Buffer {
    const { random } = this.#c
    const wire = nameToWire(name)
    for (let at = 0; (wire[at] ?? 0) !== 0; ) {
      const end = at + 1 + (wire[at] as number)
      for (at++; at < end; at++) {
        const octet = wire[at] as number
        if (octet >= 97 && octet <= 122 && random.int(2) === 1) wire[at] = octet - 32
      }
    }
    const head = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1])
    head.writeUInt16BE(random.int(65_536), 0)
    const tail = Buffer.from([type >>> 8, type & 0xff, 0, 1, 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0])
    return Buffer.concat([head, wire, tail])
  }

  async #overUdp(server: Address, query: Buffer): Promise<Answer> {
    const { net } = this.#c
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const socket: UdpSocket = await net.udp(server.host.includes(':') ? ANY6 : ANY4, (bytes, from) => {
      if (from.host !== server.host || from.port !== server.port) return
      const answer = readAnswer(bytes, query)
      if (answer) resolve(answer)
    })
    try {
      socket.send(query, server)
      return await this.#inTime(promise, server)
    } finally {
      await socket.close()
    }
  }

  async #overTcp(server: Address, query: Buffer): Promise<Answer> {
    const { net } = this.#c
    const connection: TcpConnection = await net.connect(server, { timeoutMs: this.#timeoutMs })
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    let waiting = Buffer.alloc(0)
    connection.onData((bytes) => {
      waiting = Buffer.concat([waiting, bytes])
      if (waiting.length < 2 || waiting.length < 2 + waiting.readUInt16BE(0)) return
      const answer = readAnswer(waiting.subarray(2, 2 + waiting.readUInt16BE(0)), query)
      if (answer) resolve(answer)
      else reject(new Error('an answer to another question'))
    })
    connection.onClose(() => reject(new Error('the connection was closed')))
    const length = Buffer.alloc(2)
    length.writeUInt16BE(query.length)
    connection.write(Buffer.concat([length, query]))
    try {
      return await this.#inTime(promise, server)
    } finally {
      connection.destroy()
    }
  }

  #inTime<T>(promise: Promise<T>, { host }: Address): Promise<T> {
    const late = Promise.withResolvers<never>()
    const timer = this.#c.clock.after(this.#timeoutMs, () => late.reject(new Error(`${host} is silent`)))
    return Promise.race([promise, late.promise]).finally(() => timer.cancel())
  }
}
