/** Clients: each speaks to one node at a time, goes to another when it is not served, and writes down what it was told. */
import { type Random, type RecordKey, type RecordStore, sleep } from '@thor-node/core'
import { type Cluster, type SimNode, simKey } from './cluster.ts'
import type { Append, Bind, History, SetWrite } from './history.ts'

export interface WorkloadInit {
  /** Clients of each kind. */
  clients: number
  /** Registers that they share. */
  registers: number
}

/** An operation that its node did not answer in this time is taken for unanswered. */
const PATIENCE_MS = 5_000
const BINDING_TTL_MS = 120_000

export const registerKey = (index: number): RecordKey => simKey(`list/${index}`)

export class Workload {
  readonly #cluster: Cluster
  readonly #history: History
  readonly #init: WorkloadInit
  /** Nodes that are cut off now: what they say of bindings is their side's view and binds nobody. */
  readonly isolated = new Set<SimNode>()
  #running = true
  #clients: Promise<void>[] = []

  constructor(cluster: Cluster, history: History, init: WorkloadInit) {
    this.#cluster = cluster
    this.#history = history
    this.#init = init
  }

  start(): void {
    for (let i = 0; i < this.#init.clients; i++) {
      this.#clients.push(this.#appender(i, this.#cluster.random.fork()))
      this.#clients.push(this.#recorder(i, this.#cluster.random.fork()))
      this.#clients.push(this.#binder(i, this.#cluster.random.fork()))
    }
  }

  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#clients)
  }

  async #appender(client: number, random: Random): Promise<void> {
    for (let count = 0; this.#running; count++) {
      const key = registerKey(random.int(this.#init.registers))
      if (random.int(4) === 0) await this.#readList(key, random)
      else await this.#append(key, `a${client}.${count}`, random)
      await this.#pause(random, 400)
    }
  }

  async #append(key: RecordKey, opId: string, random: Random): Promise<void> {
    const { clock } = this.#cluster
    const append: Append = { key: key.name, opId, invokedAt: clock.now(), endedAt: Number.POSITIVE_INFINITY }
    this.#history.appends.push(append)
    for (let attempt = 0; attempt < 20; attempt++) {
      const position = await this.#ask(random, (store) =>
        store.reg.change<string[], number>(key, opId, (current) => {
          const list = current?.body ?? []
          return { body: [...list, opId], result: list.length }
        }),
      )
      if (position !== undefined) {
        append.position = position
        append.endedAt = clock.now()
        this.#cluster.trace.add(`${key.name} ${opId} at ${position}`)
        return
      }
      await this.#pause(random, 500)
    }
  }

  async #readList(key: RecordKey, random: Random): Promise<void> {
    const { clock } = this.#cluster
    const invokedAt = clock.now()
    const read = await this.#ask(random, async (store) => ({ value: await store.reg.read<string[]>(key, 'strict') }))
    if (!read) return
    this.#history.reads.push({ key: key.name, invokedAt, endedAt: clock.now(), list: read.value?.body ?? [] })
  }

  async #recorder(client: number, random: Random): Promise<void> {
    for (let count = 0; this.#running; count++) {
      const name = `cdr/${client}.${count}`
      const key = simKey(name, `${name.length}.${client % 3}`)
      const write: SetWrite = { name, range: key.range, body: `body of ${name}`, acknowledged: false }
      this.#history.sets.push(write)
      for (let attempt = 0; attempt < 5 && !write.acknowledged; attempt++) {
        const done = await this.#ask(random, async (store) => {
          await store.set.put(key, write.body)
          return true
        })
        if (done) write.acknowledged = true
        else await this.#pause(random, 500)
      }
      this.#cluster.trace.add(`${name} ${write.acknowledged ? 'kept' : 'not kept'}`)
      await this.#pause(random, 600)
    }
  }

  async #binder(client: number, random: Random): Promise<void> {
    const name = `loc/${client}`
    const key = simKey(name)
    for (let seq = 1; this.#running; seq++) {
      const gone = random.int(6) === 0
      await this.#bind(key, seq, gone, random)
      for (let i = 0; i < 3 && this.#running; i++) {
        await this.#pause(random, 400)
        await this.#lookUp(key, random)
      }
    }
  }

  async #bind(key: RecordKey, seq: number, gone: boolean, random: Random): Promise<void> {
    const { clock, trace } = this.#cluster
    const now = clock.now()
    const bind: Bind = { name: key.name, seq, gone, invokedAt: now, expiresAt: now + BINDING_TTL_MS }
    this.#history.binds.push(bind)
    const done = await this.#ask(
      random,
      async (store) => {
        if (gone) await store.soft.remove(key, 'phone', seq)
        else await store.soft.put(key, { sub: 'phone', body: seq, ttlMs: BINDING_TTL_MS, seq })
        return true
      },
      true,
    )
    if (done) bind.acknowledgedAt = clock.now()
    trace.add(`${key.name} ${seq} ${gone ? 'removed' : 'bound'} ${done ? 'for sure' : 'perhaps'}`)
  }

  async #lookUp(key: RecordKey, random: Random): Promise<void> {
    const { clock } = this.#cluster
    const invokedAt = clock.now()
    const entries = await this.#ask(random, (store) => store.soft.read<number>(key), true)
    if (!entries) return
    const seqs = entries.map((entry) => entry.seq)
    this.#history.lookups.push({ name: key.name, invokedAt, endedAt: clock.now(), seqs })
  }

  /** One request at some node; undefined when it failed, got no answer, or (`together`) came from a node cut off. */
  async #ask<T>(random: Random, run: (store: RecordStore) => Promise<T>, together = false): Promise<T | undefined> {
    const up = this.#cluster.nodes.filter((node) => node.up)
    const node = up[random.int(Math.max(1, up.length))]
    if (!node?.overlay) return undefined
    const { boots } = node
    const cutOff = this.isolated.has(node)
    const patience = new AbortController()
    const answer = await Promise.race([
      run(node.overlay.store).catch(() => undefined),
      sleep(this.#cluster.clock, PATIENCE_MS, patience.signal).catch(() => undefined),
    ])
    patience.abort()
    if (together && (cutOff || this.isolated.has(node) || node.boots !== boots)) return undefined
    return answer as T | undefined
  }

  #pause(random: Random, meanMs: number): Promise<void> {
    return sleep(this.#cluster.clock, meanMs * (0.5 + random.float()))
  }
}
