import type { Decision, KeyChange, RecordKey, RegStore, Versioned } from '@thor-node/core'

/** Registers in a map: linearizable, with operation ids and news. Bodies are copied, as a real store would. */
export class MemoryReg implements RegStore {
  readonly values = new Map<string, { key: RecordKey; rev: number; body: unknown }>()
  readonly #results = new Map<string, unknown>()
  readonly #watches = new Set<{ prefix: string; listener: (name: string | undefined) => void }>()
  /** Before each change and read: tests fail or delay it there. */
  before: (operation: 'change' | 'read' | 'list', name: string) => void | Promise<void> = () => undefined

  async change<B, R>(
    key: RecordKey,
    opId: string,
    fn: (current: Versioned<B> | undefined, now: number) => Decision<B, R>,
  ): Promise<R> {
    await this.before('change', key.name)
    const done = `${key.name} ${opId}`
    if (this.#results.has(done)) return this.#results.get(done) as R
    const decision = fn(this.#get<B>(key.name), 0)
    if (!('keep' in decision)) this.#set(key, decision.body)
    this.#results.set(done, decision.result)
    return decision.result
  }

  async transact<R>(_opId: string, changes: readonly KeyChange<R>[]): Promise<R[]> {
    const decisions = changes.map(({ key, fn }) => ({ key, decision: fn(this.#get(key.name), 0) }))
    for (const { key, decision } of decisions) if (!('keep' in decision)) this.#set(key, decision.body)
    return decisions.map(({ decision }) => decision.result)
  }

  async read<B>(key: RecordKey): Promise<Versioned<B> | undefined> {
    await this.before('read', key.name)
    return this.#get<B>(key.name)
  }

  async list<B>(prefix: string): Promise<{ key: RecordKey; value: Versioned<B> }[]> {
    await this.before('list', prefix)
    const names = [...this.values.keys()].filter((name) => name.startsWith(prefix)).sort()
    return names.map((name) => {
      const { key } = this.values.get(name) as { key: RecordKey }
      return { key, value: this.#get<B>(name) as Versioned<B> }
    })
  }

  watch(prefix: string, listener: (name: string | undefined) => void): () => void {
    const watch = { prefix, listener }
    this.#watches.add(watch)
    return () => void this.#watches.delete(watch)
  }

  /** As when news were missed. */
  anythingMayHaveChanged(): void {
    for (const { listener } of this.#watches) listener(undefined)
  }

  #get<B>(name: string): Versioned<B> | undefined {
    const found = this.values.get(name)
    return found && { rev: found.rev, etag: `${found.rev}-00000000`, body: structuredClone(found.body) as B }
  }

  #set(key: RecordKey, body: unknown): void {
    const rev = (this.values.get(key.name)?.rev ?? 0) + 1
    if (body === undefined) this.values.delete(key.name)
    else this.values.set(key.name, { key, rev, body: structuredClone(body) })
    for (const { prefix, listener } of this.#watches) if (key.name.startsWith(prefix)) listener(key.name)
  }
}
