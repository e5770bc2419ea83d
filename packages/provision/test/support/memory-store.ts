import { createHash } from 'node:crypto'
import type { Decision, KeyChange, RecordKey, RecordStore, RegStore, SetStore, Versioned } from '@thor-node/core'
import { ThorError } from '@thor-node/core'
import { pack, unpack } from 'msgpackr'

/**
 * Registers in a map: linearizable, with operation ids, bodies copied as a real store would. `before` is called ahead of every
 * change and read, so that tests interleave other work or fail the store at a chosen step.
 */
export class MemoryReg implements RegStore {
  readonly values = new Map<string, { key: RecordKey; rev: number; bytes: Buffer }>()
  readonly #results = new Map<string, unknown>()
  before: (operation: 'change' | 'read' | 'list', name: string) => void | Promise<void> = () => undefined
  /** What happens to changes after they were applied, such as an answer that gets lost. */
  after: (name: string) => void = () => undefined

  async change<B, R>(
    key: RecordKey,
    opId: string,
    fn: (current: Versioned<B> | undefined, now: number) => Decision<B, R>,
  ): Promise<R> {
    await this.before('change', key.name)
    const result = this.#apply(key, opId, fn)
    this.after(key.name)
    return result
  }

  /** `before` and `after` are called once, with the names of all registers, joined by spaces. */
  async transact<R>(opId: string, changes: readonly KeyChange<R>[]): Promise<R[]> {
    const names = changes.map(({ key }) => key.name).join(' ')
    await this.before('change', names)
    const before = new Map(this.values)
    let results: R[]
    try {
      results = changes.map(({ key, fn }) => this.#apply<unknown, R>(key, opId, fn))
    } catch (error) {
      this.values.clear()
      for (const [name, value] of before) this.values.set(name, value)
      for (const { key } of changes) this.#results.delete(idOf(key, opId))
      throw error
    }
    this.after(names)
    return results
  }

  #apply<B, R>(
    key: RecordKey,
    opId: string,
    fn: (current: Versioned<B> | undefined, now: number) => Decision<B, R>,
  ): R {
    const done = idOf(key, opId)
    if (this.#results.has(done)) return this.#results.get(done) as R
    const decision = fn(this.#get<B>(key), 0)
    if (!('keep' in decision)) {
      const rev = (this.values.get(key.name)?.rev ?? 0) + 1
      if (decision.body === undefined) this.values.delete(key.name)
      else this.values.set(key.name, { key, rev, bytes: Buffer.from(pack(decision.body)) })
    }
    this.#results.set(done, decision.result)
    return decision.result
  }

  watch(): () => void {
    return () => undefined
  }

  async read<B>(key: RecordKey, _mode: 'strict' | 'near'): Promise<Versioned<B> | undefined> {
    await this.before('read', key.name)
    return this.#get<B>(key)
  }

  async list<B>(prefix: string): Promise<{ key: RecordKey; value: Versioned<B> }[]> {
    await this.before('list', prefix)
    return [...this.values.keys()]
      .filter((name) => name.startsWith(prefix))
      .sort()
      .map((name) => {
        const { key } = this.values.get(name) as { key: RecordKey }
        return { key, value: this.#get<B>(key) as Versioned<B> }
      })
  }

  #get<B>(key: RecordKey): Versioned<B> | undefined {
    const found = this.values.get(key.name)
    if (!found) return undefined
    const hash = createHash('sha256').update(found.bytes).digest('hex').slice(0, 8)
    return { rev: found.rev, etag: `${found.rev}-${hash}`, body: unpack(found.bytes) as B }
  }
}

const idOf = (key: RecordKey, opId: string): string => `${key.range}/${key.name}/${opId}`

const unused = async (): Promise<never> => {
  throw new ThorError('STORE_UNAVAILABLE', 'this fake keeps no soft state')
}

/** Write-once records in a map. `before` is called ahead of every write. */
export class MemorySet implements SetStore {
  readonly values = new Map<string, { key: RecordKey; bytes: Buffer }>()
  before: (name: string) => void = () => undefined

  async put(key: RecordKey, body: unknown): Promise<void> {
    this.before(key.name)
    this.values.set(key.name, { key, bytes: Buffer.from(pack(body)) })
  }

  async get<B>(key: RecordKey): Promise<B | undefined> {
    const found = this.values.get(key.name)
    return found && (unpack(found.bytes) as B)
  }

  async list<B>(_range: number, prefix: string): Promise<{ name: string; body: B }[]> {
    return (await this.listAll<B>(prefix)).map(({ key, body }) => ({ name: key.name, body }))
  }

  async listAll<B>(prefix: string): Promise<{ key: RecordKey; body: B }[]> {
    return [...this.values.values()]
      .filter(({ key }) => key.name.startsWith(prefix))
      .sort((a, b) => (a.key.name < b.key.name ? -1 : 1))
      .map(({ key, bytes }) => ({ key, body: unpack(bytes) as B }))
  }

  watch(): () => void {
    return () => undefined
  }
}

export function memoryStore(): RecordStore & { reg: MemoryReg; set: MemorySet } {
  return {
    reg: new MemoryReg(),
    set: new MemorySet(),
    soft: { put: unused, remove: unused, read: unused, list: unused, local: () => [] },
  }
}
