import type { RecordKey } from '@thor-node/core'
import type { Bind } from '../history.ts'
import { type Answer, Client } from './client.ts'

const BINDING_TTL_MS = 120_000

/** A phone: binds itself, now and then removes its binding; others look it up. */
export class Binder extends Client {
  async run(): Promise<void> {
    const key = this.site.cluster.key(`loc/${this.name}`)
    for (let seq = 1; this.site.running(); seq++) {
      const gone = this.random.int(6) === 0
      await this.#bind(key, seq, gone)
      // Who goes often stays away for long: what was forgotten of it has time to come back.
      const isLong = gone && this.random.int(3) === 0
      for (let i = 0; i < (isLong ? 25 : 3) && this.site.running(); i++) {
        await this.pause(isLong ? 3 * this.site.paceMs : this.site.paceMs)
        await this.#lookUp(key)
      }
    }
  }

  async #bind(key: RecordKey, seq: number, gone: boolean): Promise<void> {
    const now = this.now
    const bind: Bind = { name: key.name, seq, gone, invokedAt: now, expiresAt: now + BINDING_TTL_MS }
    this.site.history.binds.push(bind)
    const done = await this.#together(async (store) => {
      if (gone) await store.soft.remove(key, 'phone', seq)
      else await store.soft.put(key, { sub: 'phone', body: seq, ttlMs: BINDING_TTL_MS, seq })
    })
    if (done) bind.acknowledgedAt = this.now
    this.tell(`${key.name} ${seq} ${gone ? 'removed' : 'bound'} ${done ? 'for sure' : 'perhaps'}`)
  }

  async #lookUp(key: RecordKey): Promise<void> {
    const invokedAt = this.now
    const found = await this.#together((store) => store.soft.read<number>(key))
    if (!found) return
    const seqs = found.value.map((entry) => entry.seq)
    this.site.history.lookups.push({ name: key.name, invokedAt, endedAt: this.now, seqs })
  }

  /** Undefined also when the node was cut off meanwhile, or started anew: its word binds nobody then. */
  async #together<T>(run: Parameters<typeof this.ask<T>>[0]): Promise<{ value: T } | undefined> {
    const { sight } = this.site
    const node = this.someNode()
    if (!node) return undefined
    const { boots } = node
    const lost = sight.isLost(node)
    const answer: Answer<T> = await this.ask(run, node)
    if (lost || sight.isLost(node) || node.boots !== boots || !('value' in answer)) return undefined
    return answer
  }
}
