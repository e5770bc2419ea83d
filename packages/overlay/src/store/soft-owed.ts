import {
  type Clock,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  makeRoom,
  type RangeId,
  type Timer,
} from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import { softLimits, transferLimits } from './limits.ts'
import { fromWire, toWire, type WireEntry, type WireRecord, wireBytes } from './soft-messages.ts'
import type { StoredEntry } from './soft-record.ts'

export interface SoftOwedComponents {
  clock: Clock
  rpc: Rpc
  members: Pick<Members, 'isLive'>
  log: Logger
}

interface Owed {
  range: RangeId
  name: string
  entry: StoredEntry
  bytes: number
  until: number
}

/** What one owner is owed, oldest first. */
class Owing {
  readonly entries = new Map<string, Owed>()
  bytes = 0
  /** It is being told. */
  busy = false

  set(id: string, one: Owed): void {
    this.delete(id)
    makeRoom(this.entries, softLimits.owedMax, (oldest) => this.delete(oldest))
    this.entries.set(id, one)
    this.bytes += one.bytes
    for (const oldest of this.entries.keys()) {
      if (this.bytes <= softLimits.owedBytesMax) return
      this.delete(oldest)
    }
  }

  delete(id: string): void {
    this.bytes -= this.entries.get(id)?.bytes ?? 0
    this.entries.delete(id)
  }
}

/**
 * Entries that an owner did not take when they were written, because it did not answer: told again twice a second, for a while. Until
 * it has them, a reader may meet two owners who agree on what was before. Whoever is given up is told by those who hold its entries
 * when it comes back.
 */
export class SoftOwed implements Lifecycle {
  readonly #c: SoftOwedComponents
  readonly #byNode = new Map<NodeId, Owing>()
  #timer: Timer | undefined

  constructor(components: SoftOwedComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { clock, log } = this.#c
    const onError = (error: unknown) => log.error('owed entries are not told', { error: errorMessage(error) })
    this.#timer ??= every(clock, softLimits.owedRetryMs, () => this.#tellAll(), onError)
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#byNode.clear()
  }

  add(to: NodeId, range: RangeId, name: string, wire: WireEntry): void {
    const { clock } = this.#c
    const entry = fromWire(wire, clock, softLimits.ttlMsMax)
    if (!entry || !this.#timer) return
    let owing = this.#byNode.get(to)
    if (!owing) {
      owing = new Owing()
      this.#byNode.set(to, owing)
    }
    const bytes = wireBytes([range, name, [wire]])
    owing.set(`${range} ${name} ${entry.sub}`, { range, name, entry, bytes, until: clock.now() + softLimits.owedMs })
  }

  get size(): number {
    let size = 0
    for (const { entries } of this.#byNode.values()) size += entries.size
    return size
  }

  /** Nobody waits for an owner that does not answer. */
  #tellAll(): void {
    for (const [to, owing] of this.#byNode) {
      if (owing.busy) continue
      owing.busy = true
      void this.#tell(to, owing).finally(() => {
        owing.busy = false
      })
    }
  }

  /** Never rejects. */
  async #tell(to: NodeId, owing: Owing): Promise<void> {
    const { clock, rpc, members } = this.#c
    const { entries } = owing
    while (entries.size > 0 && members.isLive(to)) {
      const chunk = this.#chunkOf(entries)
      const records = chunk.map(([, { range, name, entry }]): WireRecord => [range, name, [toWire(entry, clock)]])
      try {
        await rpc.call(to, 'soft.merge', { records }, { timeoutMs: softLimits.roundTimeoutMs })
      } catch {
        // It comes to that again.
        for (const [id, { until }] of entries) if (until <= clock.now()) owing.delete(id)
        return
      }
      for (const [id, one] of chunk) if (entries.get(id) === one) owing.delete(id)
    }
    if (this.#byNode.get(to) === owing) this.#byNode.delete(to)
  }

  #chunkOf(entries: ReadonlyMap<string, Owed>): [string, Owed][] {
    const chunk: [string, Owed][] = []
    let bytes = 0
    for (const [id, one] of entries) {
      chunk.push([id, one])
      bytes += one.bytes
      if (bytes >= transferLimits.chunkBytesMax) break
    }
    return chunk
  }
}
