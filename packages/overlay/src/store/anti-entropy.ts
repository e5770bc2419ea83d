import {
  type Clock,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type Random,
  type RangeId,
  type Timer,
} from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import { entryOf } from '../ranges/config.ts'
import type { RangeConfigs, RangeRecords } from '../ranges/contract.ts'
import type { PeerEvents } from '../rpc/rpc.ts'

export interface AntiEntropyComponents {
  clock: Clock
  random: Random
  peers: Pick<PeerEvents, 'onConnected'>
  members: Pick<Members, 'self' | 'list' | 'isLive'>
  configs: RangeConfigs
  log: Logger
}

export interface AntiEntropyInit {
  /** What is kept equal, each by its own digests. */
  records: readonly RangeRecords[]
  /** @default 30000 */
  periodMs?: number
  /** A new connection is used for a comparison within so long, by chance. @default 1000 */
  connectedWithinMs?: number
}

/**
 * Keeps copies equal: every 30 s, and when a connection comes up, this node compares the ranges that it shares with a peer
 * and fetches what it lacks. The peer does the same, so both end with the union.
 */
export class AntiEntropy implements Lifecycle {
  readonly #c: AntiEntropyComponents
  readonly #init: Required<AntiEntropyInit>
  readonly #log: Logger
  readonly #running = new Map<NodeId, Promise<void>>()
  readonly #soon = new Map<NodeId, Timer>()
  #timer: Timer | undefined
  #unsubscribe: (() => void) | undefined

  constructor(components: AntiEntropyComponents, init: AntiEntropyInit) {
    this.#c = components
    this.#log = components.log.forComponent('overlay:anti-entropy')
    this.#init = {
      records: init.records,
      periodMs: init.periodMs ?? 30_000,
      connectedWithinMs: init.connectedWithinMs ?? 1_000,
    }
  }

  async start(): Promise<void> {
    if (this.#timer) return
    const { clock, random, peers } = this.#c
    const { periodMs, connectedWithinMs } = this.#init
    const onError = (error: unknown) => this.#log.error('a comparison failed', { error: errorMessage(error) })
    this.#timer = every(clock, periodMs, () => this.round(), onError, periodMs * (0.5 + random.float() / 2))
    this.#unsubscribe = peers.onConnected((peer) => {
      this.#soon.get(peer)?.cancel()
      const timer = clock.after(random.float() * connectedWithinMs, () => {
        this.#soon.delete(peer)
        void this.compare(peer)
      })
      this.#soon.set(peer, timer)
    })
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    for (const timer of this.#soon.values()) timer.cancel()
    this.#soon.clear()
  }

  /** Compares with every live peer, one after the other. */
  async round(): Promise<void> {
    const self = this.#c.members.self.nodeId
    for (const { nodeId } of this.#c.members.list()) {
      if (!this.#timer) return
      if (nodeId !== self && this.#c.members.isLive(nodeId)) await this.compare(nodeId)
    }
  }

  /** Fetches what the peer has and this node lacks. Never rejects: the next round comes. */
  compare(peer: NodeId): Promise<void> {
    let running = this.#running.get(peer)
    if (!running) {
      running = this.#compare(peer).finally(() => this.#running.delete(peer))
      this.#running.set(peer, running)
    }
    return running
  }

  async #compare(peer: NodeId): Promise<void> {
    const ranges = this.#shared(peer)
    if (ranges.length === 0) return
    for (const records of this.#init.records) {
      try {
        await records.pull(ranges, [peer])
      } catch (error) {
        this.#log.debug('a comparison did not come to its end', { peer, error: errorMessage(error) })
      }
    }
  }

  #shared(peer: NodeId): RangeId[] {
    const self = this.#c.members.self.nodeId
    const out: RangeId[] = []
    for (const config of this.#c.configs.all()) {
      if (entryOf(config, self) && entryOf(config, peer)) out.push(config.range)
    }
    return out
  }
}
