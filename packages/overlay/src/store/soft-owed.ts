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
  until: number
}

/**
 * Entries that an owner did not take when they were written, because it did not answer: told again twice a second, for a while. Until
 * it has them, a reader may meet two owners who agree on what was before. Whoever is given up is told by those who hold its entries
 * when it comes back.
 */
export class SoftOwed implements Lifecycle {
  readonly #c: SoftOwedComponents
  readonly #byNode = new Map<NodeId, Map<string, Owed>>()
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
    let owed = this.#byNode.get(to)
    if (!owed) {
      owed = new Map()
      this.#byNode.set(to, owed)
    }
    const id = `${range} ${name} ${entry.sub}`
    if (!owed.has(id)) makeRoom(owed, softLimits.owedMax)
    owed.set(id, { range, name, entry, until: clock.now() + softLimits.owedMs })
  }

  get size(): number {
    let size = 0
    for (const owed of this.#byNode.values()) size += owed.size
    return size
  }

  async #tellAll(): Promise<void> {
    await Promise.all([...this.#byNode].map(([to, owed]) => this.#tell(to, owed)))
  }

  async #tell(to: NodeId, owed: Map<string, Owed>): Promise<void> {
    const { clock, rpc, members } = this.#c
    while (owed.size > 0 && members.isLive(to)) {
      const chunk = this.#chunkOf(owed)
      const records = chunk.map(([, { range, name, entry }]): WireRecord => [range, name, [toWire(entry, clock)]])
      try {
        await rpc.call(to, 'soft.merge', { records }, { timeoutMs: softLimits.roundTimeoutMs })
      } catch {
        // It comes to that again.
        for (const [id, { until }] of owed) if (until <= clock.now()) owed.delete(id)
        return
      }
      for (const [id, one] of chunk) if (owed.get(id) === one) owed.delete(id)
    }
    this.#byNode.delete(to)
  }

  #chunkOf(owed: ReadonlyMap<string, Owed>): [string, Owed][] {
    const chunk: [string, Owed][] = []
    let bytes = 0
    for (const [id, one] of owed) {
      chunk.push([id, one])
      bytes += wireBytes([one.range, one.name, [toWire(one.entry, this.#c.clock)]])
      if (bytes >= transferLimits.chunkBytesMax) break
    }
    return chunk
  }
}
