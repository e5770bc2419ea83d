import { type Clock, errorMessage, every, type Lifecycle, type Logger, type Timer } from '@thor-node/core'
import type { MediaRelay, SessionStats } from '@thor-node/media'
import { callKey, type MediaProof, proofTtlMs, rangeOfCall } from './call-keys.ts'
import type { RewriteQuery } from './media-control.ts'
import type { RingAccess } from './ring-access.ts'

const PROOF_PERIOD_MS = 15_000
/** A call may ring for long before its home hears of it; what nobody claims after this is left over. */
const UNCLAIMED_MS = 10 * 60_000

/** What a session carried, summed over its streams. */
export function mediaProof(relay: string, stats: SessionStats, wall: number): MediaProof {
  const sum = (key: 'callerBytes' | 'calleeBytes' | 'callerPackets' | 'calleePackets'): number =>
    stats.streams.reduce((total, stream) => total + stream[key], 0)
  const codecs = stats.streams.flatMap((stream) => [stream.callerCodec, stream.calleeCodec])
  return {
    relay,
    provenAt: Math.round(wall - (stats.silentMs ?? stats.durationMs)),
    callerBytes: sum('callerBytes'),
    calleeBytes: sum('calleeBytes'),
    callerPackets: sum('callerPackets'),
    calleePackets: sum('calleePackets'),
    codecs: [...new Set(codecs)].filter((codec) => codec !== 'Unknown'),
  }
}

/** The relay of this node, offered to the ring: answers other nodes, reports proofs of media and silence. */
export class MediaService implements Lifecycle {
  readonly #ring: RingAccess
  readonly #relay: MediaRelay
  readonly #clock: Clock
  readonly #log: Logger
  #timer: Timer | undefined

  constructor(components: { ring: RingAccess; relay: MediaRelay; clock: Clock; logger: Logger }) {
    this.#ring = components.ring
    this.#relay = components.relay
    this.#clock = components.clock
    this.#log = components.logger.forComponent('node:media')
    const { rpc, self } = this.#ring
    rpc.serve<RewriteQuery, string>('media.rewrite', (query) => this.#relay.rewrite(query))
    rpc.serve<{ callUuid: string }, MediaProof | null>('media.release', ({ callUuid }) => {
      const stats = this.#relay.release(callUuid)
      return stats ? mediaProof(self, stats, this.#clock.wall()) : null
    })
    this.#relay.onSilence = (callUuid, silentMs) => void this.#silent(callUuid, silentMs)
  }

  async start(): Promise<void> {
    this.#timer ??= every(
      this.#clock,
      PROOF_PERIOD_MS,
      () => this.#proveAll(),
      (error) => this.#log.warn('proof of media not stored', { error: errorMessage(error) }),
    )
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async #proveAll(): Promise<void> {
    const proofs = this.#relay.sessions().map(async (stats) => {
      if (rangeOfCall(stats.callUuid) === undefined) return
      const body = mediaProof(this.#ring.self, stats, this.#clock.wall())
      await this.#ring.store.soft.put(callKey(stats.callUuid), { sub: 'media', body, ttlMs: proofTtlMs(body) })
    })
    await Promise.all(proofs)
  }

  async #silent(callUuid: string, silentMs: number): Promise<void> {
    const range = rangeOfCall(callUuid)
    if (range === undefined) return void this.#relay.release(callUuid)
    this.#log.info('no media', { call: callUuid, silentMs: Math.round(silentMs) })
    try {
      const { known } = await this.#ring.callHome<{ known: boolean }>(range, 'call.silent', { callUuid })
      const age = this.#relay.stats(callUuid)?.durationMs ?? 0
      if (!known && age > UNCLAIMED_MS) this.#relay.release(callUuid)
    } catch (error) {
      this.#log.warn('a silent call could not be reported', { call: callUuid, error: errorMessage(error) })
    }
  }
}
