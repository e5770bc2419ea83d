import { errorCode, type Logger } from '@thor-node/core'
import type { MediaControl } from '@thor-node/sip'
import { rangeOfCall } from './call-keys.ts'
import type { Relays } from './relays.ts'
import type { RingAccess } from './ring-access.ts'

export type RewriteQuery = Parameters<MediaControl['rewrite']>[0]

const CANDIDATES_MAX = 3
/** Refusals that another relay would not answer otherwise. */
const FINAL = new Set(['MEDIA_SDP_INVALID'])

/** Media relays anywhere in the ring, as the SIP stack of an edge sees them. */
export class MediaControlAdapter implements MediaControl {
  readonly #ring: RingAccess
  readonly #relays: Relays
  readonly #log: Logger

  constructor(components: { ring: RingAccess; relays: Relays; logger: Logger }) {
    this.#ring = components.ring
    this.#relays = components.relays
    this.#log = components.logger.forComponent('node:media')
  }

  async rewrite(query: RewriteQuery): Promise<string> {
    const settled =
      this.#relays.known(query.callUuid) ??
      (rangeOfCall(query.callUuid) === undefined ? undefined : await this.#relays.find(query.callUuid))
    if (settled !== undefined) return this.#ask(settled, query)

    let failure: unknown
    const ends = [query.from, query.towards].flatMap((end) => end?.host ?? [])
    const families = ends.map((host) => (host.includes(':') ? 'IPv6' : 'IPv4'))
    for (const relay of this.#relays.candidates(query.callUuid, families).slice(0, CANDIDATES_MAX)) {
      try {
        const sdp = await this.#ask(relay, query)
        this.#relays.remember(query.callUuid, relay)
        return sdp
      } catch (error) {
        failure = error
        if (FINAL.has(errorCode(error) ?? '')) break
        this.#log.warn('relay did not take the call, trying another', {
          call: query.callUuid,
          relay,
          error: errorCode(error),
        })
      }
    }
    throw failure
  }

  #ask(relay: string, query: RewriteQuery): Promise<string> {
    return this.#ring.rpc.call<string>(relay, 'media.rewrite', query, { timeoutMs: 1_000 })
  }
}
