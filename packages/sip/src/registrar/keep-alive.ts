/**
 * Keeps the pinholes of NATs open towards devices that registered over UDP at this node and do not do it themselves (RFC 5626
 * tells those that do). Only this node can: what another one sends comes from another address.
 */
import { type Clock, every, type Lifecycle, type Logger, type Random, randomHex, type Timer } from '@thor-node/core'
import { formatVia } from '../message/headers/via.ts'
import { asRequestUri, makeRequest, serializeMessage } from '../message/index.ts'
import type { Hops } from '../proxy/hops.ts'
import { KEEP_ALIVES_PER_SECOND } from '../proxy/limits.ts'
import type { FlowToken, TransportLayer } from '../transport/contract.ts'
import type { RegisteredFlows } from './flows.ts'

/** `crlf` costs nobody an answer; some NATs count only what comes from inside, and for them there is `options`. */
export type KeepAliveKind = 'crlf' | 'options' | 'off'

/** Below the 30 s after which the strictest NATs forget. */
export const KEEP_ALIVE_MS = 25_000
const TICK_MS = 1_000
const CRLF = Buffer.from('\r\n\r\n')

export class KeepAlives implements Lifecycle {
  readonly #c: {
    clock: Clock
    random: Random
    logger: Logger
    transport: TransportLayer
    hops: Hops
    flows: RegisteredFlows
  }
  readonly #kind: KeepAliveKind
  /** By when each is due (monotonic ms), in that order: all have the same period. */
  readonly #due = new Map<FlowToken, number>()
  #timer: Timer | undefined

  constructor(
    components: {
      clock: Clock
      random: Random
      logger: Logger
      transport: TransportLayer
      hops: Hops
      flows: RegisteredFlows
    },
    init: { kind: KeepAliveKind },
  ) {
    this.#c = components
    this.#kind = init.kind
  }

  get size(): number {
    return this.#due.size
  }

  async start(): Promise<void> {
    if (this.#kind === 'off') return
    const log = this.#c.logger.forComponent('sip:keep-alive')
    this.#timer ??= every(
      this.#c.clock,
      TICK_MS,
      async () => this.#tick(),
      (error) => log.error('keep-alives failed', { error }),
    )
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#due.clear()
  }

  /** From now on as long as something is registered there; the flow table bounds how many there are. */
  add(flow: FlowToken): void {
    if (this.#timer && !this.#due.has(flow)) this.#due.set(flow, this.#c.clock.now() + KEEP_ALIVE_MS)
  }

  #tick(): void {
    const now = this.#c.clock.now()
    let left = KEEP_ALIVES_PER_SECOND
    for (const [flow, dueAt] of this.#due) {
      if (dueAt > now || left-- === 0) return
      this.#due.delete(flow)
      const contact = this.#c.flows.pingOf(flow, this.#c.clock.wall())
      if (contact === undefined) continue
      this.#due.set(flow, now + KEEP_ALIVE_MS)
      const bytes = this.#kind === 'crlf' ? CRLF : this.#options(contact)
      this.#c.transport.sendBytes(bytes, { flow }).catch(() => this.#due.delete(flow))
    }
  }

  /** Sent once and forgotten: the answer has done its work when it passed the NAT. */
  #options(contact: string): Uint8Array {
    const { hops, random } = this.#c
    const via = hops.sentBy('udp')
    const request = makeRequest({
      method: 'OPTIONS',
      uri: asRequestUri(contact),
      from: `<sip:keep-alive@${via.host}:${via.port}>;tag=${randomHex(random, 4)}`,
      to: `<${contact}>`,
      callId: randomHex(random, 8),
      cseq: 1,
      headers: [
        [
          'Via',
          formatVia({
            ...via,
            params: new Map([
              ['branch', `z9hG4bK${randomHex(random, 8)}`],
              ['rport', ''],
            ]),
          }),
        ],
      ],
    })
    return serializeMessage(request)
  }
}
