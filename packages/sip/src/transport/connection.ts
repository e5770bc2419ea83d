import { type Address, type TcpConnection, ThorError } from '@thor-node/core'
import { SipParseError } from '../errors.ts'
import { transportLimits } from '../limits.ts'
import { StreamFramer } from '../message/framer.ts'
import type { FlowToken, StreamName } from './contract.ts'
import { streamFlow } from './flow.ts'
import { isWeb } from './names.ts'
import { domainsOf } from './peer-domains.ts'
import { WebFramer } from './web-framer.ts'

const PONG = Buffer.from('\r\n')

export interface ConnectionEvents {
  onMessage(bytes: Buffer, connection: Connection): void
  onPing(): void
  /** The peer sent what cannot be framed; the connection is being closed. */
  onGarbage(error: SipParseError, connection: Connection): void
  /** So many bytes more (or fewer) wait for the rest of their message; false: there is no room for them. */
  mayHold(bytes: number): boolean
  onClose(connection: Connection): void
}

/** One SIP stream: frames what comes in, queues what goes out, answers pings (RFC 5626 §4.4.1). */
export class Connection {
  readonly id: string
  readonly transport: StreamName
  readonly flow: FlowToken
  readonly remote: Address
  readonly local: Address
  /** True when the peer opened it. */
  readonly accepted: boolean
  /** For whom the peer's certificate stands, where it is trusted. */
  readonly peerDomains: readonly string[] | undefined
  /** Last byte in either direction, and last sign of life of the peer. */
  lastByteAt: number
  heardAt: number
  /** What it is found by, kept by its owner. */
  readonly uses: string[] = []
  /** Of the message that is not complete yet. */
  partialBytes = 0
  /** When it began. */
  partialSince: number | undefined
  readonly #stream: TcpConnection
  readonly #framer: StreamFramer | WebFramer
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #blocked = false
  #closed = false

  constructor(
    components: { stream: TcpConnection; now: () => number; events: ConnectionEvents },
    init: { id: string; transport: StreamName; accepted: boolean },
  ) {
    const { stream, now, events } = components
    this.id = init.id
    this.transport = init.transport
    this.accepted = init.accepted
    this.remote = stream.remote
    this.local = stream.local
    this.flow = streamFlow(init.transport, init.id, stream.remote)
    this.peerDomains = stream.peer?.trusted ? domainsOf(stream.peer) : undefined
    this.#framer = isWeb(init.transport) ? new WebFramer() : new StreamFramer()
    this.lastByteAt = now()
    this.heardAt = this.lastByteAt
    this.#stream = stream
    stream.onData((bytes) => this.#receive(bytes, now(), events))
    stream.onDrain(() => this.#drain())
    stream.onPong?.(() => {
      this.heardAt = now()
      this.lastByteAt = this.heardAt
    })
    stream.onClose(() => {
      this.#closed = true
      this.#queue = []
      events.onClose(this)
    })
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Throws ThorError `SIP_FLOW_GONE` when closed, `SIP_TRANSPORT_FAILED` when too much waits already. */
  write(bytes: Uint8Array, now: number): void {
    if (this.#closed) throw new ThorError('SIP_FLOW_GONE', `connection ${this.id} is closed`)
    this.lastByteAt = now
    if (!this.#blocked) {
      this.#blocked = !this.#stream.write(bytes)
      return
    }
    if (this.#queuedBytes + bytes.length > transportLimits.writeQueueBytesMax) {
      this.destroy()
      throw new ThorError('SIP_TRANSPORT_FAILED', `connection ${this.id} does not take what is sent`)
    }
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
  }

  /** Asks for a sign of life where the transport has one. */
  ping(): void {
    this.#stream.ping?.()
  }

  destroy(): void {
    this.#closed = true
    this.#stream.destroy()
  }

  #drain(): void {
    this.#blocked = false
    while (!this.#blocked && !this.#closed) {
      const next = this.#queue.shift()
      if (!next) return
      this.#queuedBytes -= next.length
      this.#blocked = !this.#stream.write(next)
    }
  }

  #receive(bytes: Buffer, now: number, events: ConnectionEvents): void {
    if (this.#closed) return
    this.lastByteAt = now
    this.heardAt = now
    try {
      for (const frame of this.#framer.push(bytes)) {
        if (this.#closed) return
        this.partialSince = undefined
        if (frame.type === 'message') {
          events.onMessage(frame.bytes, this)
          continue
        }
        events.onPing()
        // A peer that pings and does not read is not owed a queue of pongs.
        if (!this.#blocked) this.write(PONG, now)
      }
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error
      events.onGarbage(error, this)
      this.destroy()
      return
    }
    const { partialBytes } = this.#framer
    if (partialBytes !== this.partialBytes) {
      const more = partialBytes - this.partialBytes
      this.partialBytes = partialBytes
      if (!events.mayHold(more)) {
        this.destroy()
        return
      }
    }
    if (partialBytes === 0) this.partialSince = undefined
    else this.partialSince ??= now
  }
}
