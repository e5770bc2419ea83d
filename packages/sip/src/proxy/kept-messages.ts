/** MESSAGE for somebody who is offline (RFC 3428 §7): kept by the home, answered 202, sent when a device of his comes. */
import { type Aor, errorMessage, formatAddress, type Logger, randomHex, type Timer } from '@thor-node/core'
import type { KeptMessage } from '../delegates.ts'
import type { SipRequest } from '../message/contract.ts'
import { asRequestUri, escapeUser, formatNameAddr, makeRequest, parseUri } from '../message/index.ts'
import type { FlowToken } from '../transport/contract.ts'
import type { ProxyComponents } from './context.ts'
import type { Asserted, Privacy } from './identity.ts'
import { DELIVERIES_MAX, KEPT_MESSAGE_BYTES_MAX } from './limits.ts'

/** The device has had its 200 by then, and is ready. */
const SETTLE_MS = 500

export interface Arrival {
  aor: Aor
  contact: string
  flow: FlowToken
  path: readonly string[]
}

type Components = Pick<ProxyComponents, 'home' | 'hops' | 'transactions' | 'clock' | 'random' | 'ring' | 'logger'>

export class KeptMessages {
  readonly #c: Components
  readonly #log: Logger
  readonly #running = new Set<Aor>()
  readonly #timers = new Set<Timer>()

  constructor(components: Components) {
    this.#c = components
    this.#log = components.logger.forComponent('sip:messages')
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#running.clear()
  }

  /** Hands it to the home. 202, or 480 when it is too large, or too many are kept already. Rejects as `home.keep` does. */
  async keep(account: Aor, request: SipRequest, sender: { asserted?: Asserted; privacy: Privacy }): Promise<202 | 480> {
    if (request.body.length > KEPT_MESSAGE_BYTES_MAX) return 480
    const { home, clock, random } = this.#c
    const { asserted, privacy } = sender
    const { displayName, uri } = request.from
    const hidden = privacy.user
    const message: KeptMessage = {
      id: randomHex(random, 8),
      from: hidden
        ? 'Anonymous <sip:anonymous@anonymous.invalid>'
        : formatNameAddr({ ...(displayName !== undefined && { displayName }), uri, params: new Map() }),
      contentType: request.headers.get('Content-Type') ?? 'text/plain',
      body: request.body,
      sentAt: clock.wall(),
      ...(asserted && !privacy.id && { identity: asserted.identity }),
    }
    return (await home.keep({ aor: account, message })) === 'kept' ? 202 : 480
  }

  /** A device has registered for whom messages wait. */
  arrived(arrival: Arrival): void {
    if (this.#running.has(arrival.aor) || this.#running.size >= DELIVERIES_MAX) return
    this.#running.add(arrival.aor)
    const timer = this.#c.clock.after(SETTLE_MS, () => {
      this.#timers.delete(timer)
      this.#deliver(arrival)
        .catch((error) => this.#log.info('kept messages not sent', { aor: arrival.aor, error: errorMessage(error) }))
        .finally(() => this.#running.delete(arrival.aor))
    })
    this.#timers.add(timer)
  }

  /** One after another, in the order in which they were sent; ends at the first that the device does not take. */
  async #deliver(arrival: Arrival): Promise<void> {
    const { home } = this.#c
    for (const message of await home.kept({ aor: arrival.aor })) {
      const status = await this.#send(message, arrival)
      // What it refuses for good need not be sent again.
      const done =
        (status >= 200 && status < 300) || status === 413 || status === 415 || status === 488 || status >= 600
      if (!done) return
      await home.delivered({ aor: arrival.aor, id: message.id })
    }
  }

  /** The final status; 408 and 503 for silence and broken transports. */
  #send(message: KeptMessage, { aor, contact, flow, path }: Arrival): Promise<number> {
    const { hops, transactions, random, ring } = this.#c
    const at = aor.lastIndexOf('@')
    const request = makeRequest({
      method: 'MESSAGE',
      uri: asRequestUri(contact),
      from: `${message.from};tag=${randomHex(random, 5)}`,
      to: `<sip:${escapeUser(aor.slice(0, at))}${aor.slice(at)}>`,
      // The same each time, so that a device can tell a message that it has had.
      callId: `${message.id}@${formatAddress(hops.sentBy('udp'))}`,
      cseq: 1,
      headers: [
        ...path.map((route) => ['Route', route] as const),
        // RFC 3428 §7: when it was sent, not when it is delivered.
        ['Date', new Date(message.sentAt).toUTCString()],
        ['Content-Type', message.contentType],
        ...(message.identity === undefined ? [] : [['P-Asserted-Identity', `<sip:${message.identity}>`] as const]),
      ],
      body: message.body,
    })
    const reach = { edge: ring.self, flow }
    const hop = hops.byFlow(reach, async () =>
      path.length === 0 ? hops.toContact(reach, parseUri(contact)) : undefined,
    )
    return new Promise((resolve) => {
      transactions.request(request, hop, {
        onResponse({ status }) {
          if (status >= 200) resolve(status)
        },
        onFailure: (cause) => resolve(cause === 'timeout' ? 408 : 503),
        onEnd: () => resolve(408),
      })
    })
  }
}
