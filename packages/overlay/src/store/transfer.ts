/**
 * How records are copied between nodes without harm to anything else. The receiver asks for chunk after chunk:
 *
 *   receiver                                        sender
 *   window: 4 chunks asked for per sender           one chunk at a time per receiver, others of it wait with nothing read
 *   bucket: so many bytes per second                while much waits to be sent to that receiver, nothing is read for it
 *     ── ask ──────────────────────────────►        bucket: so many bytes per second, over all receivers
 *     ◄──────────────────────────── chunk ──        read, pack, send
 *
 * So a receiver that is slow costs the sender one chunk of memory, and a chunk or two of delay for what else goes to it.
 */
import { type Clock, sleep, ThorError } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import { KeyedQueue } from './fanout.ts'
import { transferLimits } from './limits.ts'
import { TokenBucket } from './token-bucket.ts'

export interface TransferComponents {
  clock: Clock
  rpc: Rpc
  /** Bytes that wait to be sent to a node. */
  backlogBytes?: (to: NodeId) => number
}

export interface TransferInit {
  /** Each way. @default transferLimits.bytesPerSecond */
  bytesPerSecond?: number
}

/** What a request for a chunk says beside its own. */
export interface ChunkRequest {
  /** Copies are missing: goes before what only evens out. */
  urgent?: boolean
}

export class Transfer {
  readonly #c: TransferComponents
  readonly #in: TokenBucket
  readonly #out: TokenBucket
  /** Chunks asked for, by sender, and who waits to ask. */
  readonly #windows = new Map<NodeId, { open: number; waiting: (() => void)[] }>()
  readonly #perReceiver = new KeyedQueue()
  readonly #asked = new Map<NodeId, number>()
  readonly #counts = { inBytes: 0, outBytes: 0, building: 0, buildingMost: 0, refused: 0 }

  constructor(components: TransferComponents, init: TransferInit = {}) {
    this.#c = components
    const bytesPerSecond = init.bytesPerSecond ?? transferLimits.bytesPerSecond
    const burstBytes = transferLimits.chunkBytesMax * transferLimits.windowChunks
    this.#in = new TokenBucket(components, { bytesPerSecond, burstBytes })
    this.#out = new TokenBucket(components, { bytesPerSecond, burstBytes })
  }

  /**
   * Asks for one chunk, when the window and the pace allow it. Throws what the call throws; `RPC_TIMEOUT` after
   * `chunkTimeoutMs`.
   */
  async fetch<A>(source: NodeId, method: string, body: object, urgent: boolean): Promise<A> {
    const leave = await this.#enter(source)
    try {
      const { chunkBytesMax, chunkTimeoutMs } = transferLimits
      await this.#in.take(chunkBytesMax, urgent)
      let bytes = 0
      try {
        const request = urgent ? { ...body, urgent } : body
        const answer = await this.#c.rpc.call<A>(source, method, request, { timeoutMs: chunkTimeoutMs })
        bytes = sizeOf(answer)
        return answer
      } finally {
        this.#counts.inBytes += bytes
        this.#in.settle(bytes - chunkBytesMax)
      }
    } finally {
      leave()
    }
  }

  /**
   * Answers a request for one chunk: `read` runs when it is this receiver's turn. Throws `STORE_OVERLOADED`, nothing read,
   * when the receiver asks for more than windows allow or takes nothing off the line.
   */
  async give<A>(to: NodeId, urgent: boolean, read: () => Promise<A> | A): Promise<A> {
    const asked = this.#asked.get(to) ?? 0
    if (asked >= transferLimits.chunksAskedMax) {
      this.#counts.refused++
      throw new ThorError('STORE_OVERLOADED', `${asked} chunks for this node wait already`)
    }
    this.#asked.set(to, asked + 1)
    try {
      return await this.#perReceiver.run(to, () => this.#give(to, urgent, read))
    } finally {
      const left = (this.#asked.get(to) ?? 1) - 1
      if (left > 0) this.#asked.set(to, left)
      else this.#asked.delete(to)
    }
  }

  /** For what is sent in bulk by other ways: resolves when so many bytes may go out. */
  async pace(bytes: number, urgent: boolean): Promise<void> {
    await this.#out.take(bytes, urgent)
    this.#counts.outBytes += bytes
  }

  /** Bytes since the start; `building`: bytes of chunks in the hands of this code now, and the most there ever were. */
  snapshot(): {
    inBytes: number
    outBytes: number
    building: number
    buildingMost: number
    refused: number
    waiting: number
  } {
    return { ...this.#counts, waiting: this.#in.waiting + this.#out.waiting }
  }

  async #give<A>(to: NodeId, urgent: boolean, read: () => Promise<A> | A): Promise<A> {
    const { clock, backlogBytes = () => 0 } = this.#c
    const { chunkBytesMax, backlogBytesMax, backlogPollMs, chunkTimeoutMs } = transferLimits
    const until = clock.now() + chunkTimeoutMs
    while (backlogBytes(to) > backlogBytesMax) {
      if (clock.now() >= until) {
        this.#counts.refused++
        throw new ThorError('STORE_OVERLOADED', 'this node takes nothing off the line')
      }
      await sleep(clock, backlogPollMs)
    }
    await this.#out.take(chunkBytesMax, urgent)
    let bytes = 0
    try {
      const chunk = await read()
      bytes = sizeOf(chunk)
      this.#counts.building += bytes
      this.#counts.buildingMost = Math.max(this.#counts.buildingMost, this.#counts.building)
      // It goes to the wire in the turn of the event loop in which this resolves.
      queueMicrotask(() => {
        this.#counts.building -= bytes
      })
      return chunk
    } finally {
      this.#counts.outBytes += bytes
      this.#out.settle(bytes - chunkBytesMax)
    }
  }

  async #enter(source: NodeId): Promise<() => void> {
    const window = this.#windows.get(source) ?? { open: 0, waiting: [] }
    this.#windows.set(source, window)
    if (window.open < transferLimits.windowChunks) window.open++
    // Whoever leaves hands its place over.
    else await new Promise<void>((resolve) => window.waiting.push(resolve))
    return () => {
      const next = window.waiting.shift()
      if (next) next()
      else if (--window.open === 0) this.#windows.delete(source)
    }
  }
}

/** About what a body takes on the wire. */
export function sizeOf(body: unknown): number {
  if (body instanceof Uint8Array) return body.length + 5
  if (typeof body === 'string') return body.length + 3
  if (Array.isArray(body)) return body.reduce<number>((sum, one) => sum + sizeOf(one), 3)
  if (typeof body !== 'object' || body === null) return 5
  let sum = 3
  for (const key in body) sum += key.length + 1 + sizeOf((body as Record<string, unknown>)[key])
  return sum
}
