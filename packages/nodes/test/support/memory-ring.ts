/** A ring of one process for tests of the adapters: registers, sets and soft state in maps, RPC as plain calls. */
import {
  type Clock,
  type Decision,
  type KeyChange,
  type RangeId,
  type RecordKey,
  type RegStore,
  type SetStore,
  type SoftEntry,
  type SoftStore,
  ThorError,
  type Versioned,
} from '@thor-node/core'
import type { Member, MemberChange, Members, NodeId, Ranges, Rpc } from '@thor-node/overlay'
import type { RingAccess } from '../../src/adapters/ring-access.ts'

const copy = <T>(value: T): T => structuredClone(value)
const noQuorum = (): ThorError => new ThorError('STORE_UNAVAILABLE', 'no quorum')

export class MemoryReg implements RegStore {
  readonly values = new Map<string, { key: RecordKey; rev: number; body: unknown }>()
  reads = 0
  /** Called ahead of every operation: may wait, or throw. */
  before: (operation: 'change' | 'read' | 'near' | 'list', name: string) => void | Promise<void> = () => undefined

  remove(key: RecordKey): void {
    this.values.delete(key.name)
  }

  put(key: RecordKey, body: unknown): void {
    this.values.set(key.name, { key, rev: (this.values.get(key.name)?.rev ?? 0) + 1, body: copy(body) })
  }

  async change<B, R>(
    key: RecordKey,
    _opId: string,
    fn: (current: Versioned<B> | undefined, now: number) => Decision<B, R>,
  ): Promise<R> {
    await this.before('change', key.name)
    const decision = fn(this.#get<B>(key.name), 0)
    if ('keep' in decision) return decision.result
    if (decision.body === undefined) this.values.delete(key.name)
    else this.put(key, decision.body)
    return decision.result
  }

  async transact<R>(opId: string, changes: readonly KeyChange<R>[]): Promise<R[]> {
    const before = new Map(this.values)
    const results: R[] = []
    try {
      for (const { key, fn } of changes) results.push(await this.change(key, opId, fn))
    } catch (error) {
      this.values.clear()
      for (const [name, value] of before) this.values.set(name, value)
      throw error
    }
    return results
  }

  readonly watchers: { prefix: string; listener: (name: string | undefined) => void }[] = []

  watch(prefix: string, listener: (name: string | undefined) => void): () => void {
    this.watchers.push({ prefix, listener })
    return () => undefined
  }

  /** News of a change; without a name anything may have changed. */
  tell(name?: string): void {
    for (const { prefix, listener } of this.watchers) if (name?.startsWith(prefix) ?? true) listener(name)
  }

  async read<B>(key: RecordKey, mode: 'strict' | 'near'): Promise<Versioned<B> | undefined> {
    this.reads++
    // What a read finds is decided before it returns.
    const found = this.#get<B>(key.name)
    await this.before(mode === 'near' ? 'near' : 'read', key.name)
    return found
  }

  async list<B>(prefix: string): Promise<{ key: RecordKey; value: Versioned<B> }[]> {
    await this.before('list', prefix)
    return [...this.values.values()]
      .filter(({ key }) => key.name.startsWith(prefix))
      .map(({ key }) => ({ key, value: this.#get<B>(key.name) as Versioned<B> }))
  }

  #get<B>(name: string): Versioned<B> | undefined {
    const found = this.values.get(name)
    return found && { rev: found.rev, etag: `${found.rev}`, body: copy(found.body) as B }
  }
}

export class MemorySet implements SetStore {
  readonly records = new Map<string, { key: RecordKey; body: unknown }>()
  readonly puts: string[] = []
  /** Ranges that take nothing. */
  readonly broken = new Set<RangeId>()
  readonly #watchers: { prefix: string; listener: (key: RecordKey, body: unknown) => void }[] = []

  async put(key: RecordKey, body: unknown): Promise<void> {
    this.puts.push(key.name)
    if (this.broken.has(key.range)) throw noQuorum()
    if (this.records.has(key.name)) return
    this.records.set(key.name, { key, body: copy(body) })
    for (const { prefix, listener } of this.#watchers) if (key.name.startsWith(prefix)) listener(key, copy(body))
  }

  async get<B>(key: RecordKey): Promise<B | undefined> {
    return copy(this.records.get(key.name)?.body) as B | undefined
  }

  async list<B>(range: RangeId, prefix: string): Promise<{ name: string; body: B }[]> {
    const all = await this.listAll<B>(prefix)
    return all.filter(({ key }) => key.range === range).map(({ key, body }) => ({ name: key.name, body }))
  }

  async listAll<B>(prefix: string): Promise<{ key: RecordKey; body: B }[]> {
    const found = [...this.records.values()].filter(({ key }) => key.name.startsWith(prefix))
    return found
      .sort((a, b) => (a.key.name < b.key.name ? -1 : 1))
      .map(({ key, body }) => ({ key, body: copy(body) as B }))
  }

  watch(prefix: string, listener: (key: RecordKey, body: unknown) => void): () => void {
    const watcher = { prefix, listener }
    this.#watchers.push(watcher)
    for (const { key, body } of this.records.values()) if (key.name.startsWith(prefix)) listener(key, copy(body))
    return () => void this.#watchers.splice(this.#watchers.indexOf(watcher), 1)
  }
}

export class MemorySoft implements SoftStore {
  readonly #clock: Clock
  readonly #keys = new Map<string, { key: RecordKey; entries: Map<string, { body: unknown; expiresAt: number }> }>()

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock
  }

  async put(key: RecordKey, { sub, body, ttlMs }: { sub: string; body: unknown; ttlMs: number }): Promise<void> {
    const known = this.#keys.get(key.name) ?? { key, entries: new Map() }
    this.#keys.set(key.name, known)
    known.entries.set(sub, { body: copy(body), expiresAt: this.#clock.now() + ttlMs })
  }

  async remove(key: RecordKey, sub: string): Promise<void> {
    this.#keys.get(key.name)?.entries.delete(sub)
  }

  async read<B>(key: RecordKey): Promise<SoftEntry<B>[]> {
    return this.#entries<B>(key.name)
  }

  async list<B>(prefix: string): Promise<{ key: RecordKey; entries: SoftEntry<B>[] }[]> {
    return this.local<B>(prefix)
  }

  local<B>(prefix: string): { key: RecordKey; entries: SoftEntry<B>[] }[] {
    return [...this.#keys.values()]
      .filter(({ key }) => key.name.startsWith(prefix))
      .map(({ key }) => ({ key, entries: this.#entries<B>(key.name) }))
      .filter(({ entries }) => entries.length > 0)
  }

  #entries<B>(name: string): SoftEntry<B>[] {
    const now = this.#clock.now()
    const live = [...(this.#keys.get(name)?.entries ?? [])].filter(([, { expiresAt }]) => expiresAt > now)
    return live.map(([sub, { body, expiresAt }]) => ({ sub, body: copy(body) as B, ttlMs: expiresAt - now, seq: 1 }))
  }
}

type Handler = (body: unknown, from: NodeId) => unknown

export class MemoryRing implements RingAccess {
  readonly self = 'self'
  readonly reg = new MemoryReg()
  readonly set = new MemorySet()
  readonly soft: MemorySoft
  readonly store: { reg: MemoryReg; set: MemorySet; soft: MemorySoft }
  /** What other nodes answer, by node and method; `*` for any node. Missing: they are dead. */
  readonly remote = new Map<string, Handler>()
  readonly served = new Map<string, Handler>()
  /** Every call and notification: `node method`. */
  readonly calls: string[] = []
  readonly nodes = new Map<NodeId, Partial<Member>>([['self', {}]])
  readonly foreignRanges = new Set<RangeId>()
  readonly #seen = new Set<(change: MemberChange) => void>()
  readonly #gained: ((range: RangeId) => void)[] = []
  readonly #lost: ((range: RangeId) => void)[] = []

  constructor(components: { clock: Clock }) {
    this.soft = new MemorySoft(components)
    this.store = { reg: this.reg, set: this.set, soft: this.soft }
  }

  readonly rpc: Rpc = {
    call: async <A>(to: NodeId, method: string, body: unknown): Promise<A> => {
      this.calls.push(`${to} ${method}`)
      const handler = this.remote.get(`${to} ${method}`) ?? this.remote.get(`* ${method}`)
      if (to !== this.self && !handler) throw new ThorError('RPC_NOT_CONNECTED', `${to} is gone`)
      const own = handler ?? this.served.get(method)
      if (!own) throw new ThorError('RPC_UNKNOWN_METHOD', method)
      return (await own(copy(body), this.self)) as A
    },
    notify: (to, method) => void this.calls.push(`${to} ${method}`),
    serve: (method, handler) => void this.served.set(method, handler as Handler),
  }

  readonly members: Members = {
    self: this.#member('self', {}),
    list: () => [...this.nodes].map(([nodeId, change]) => this.#member(nodeId, change)),
    get: (nodeId) => this.members.list().find((member) => member.nodeId === nodeId),
    isLive: (nodeId) => ['alive', 'suspect'].includes(this.members.get(nodeId)?.state ?? 'dead'),
    onChange: (listener) => {
      this.#seen.add(listener)
      return () => void this.#seen.delete(listener)
    },
  }

  readonly ranges: Ranges = {
    info: (range) => ({ range, epoch: 1, replicas: [this.self], home: this.ranges.homeOf(range) }),
    homeOf: (range) => (this.foreignRanges.has(range) ? 'other' : this.self),
    replicasOf: () => [this.self],
    isHome: (range) => !this.foreignRanges.has(range),
    counts: () => ({ held: 0, home: 0, changing: 0 }),
    onGained: (listener) => {
      this.#gained.push(listener)
      return () => undefined
    },
    onLost: (listener) => {
      this.#lost.push(listener)
      return () => undefined
    },
  }

  /** Something about a member is new, as `nodes` has it. */
  tellMember(nodeId: NodeId): void {
    const member = this.#member(nodeId, this.nodes.get(nodeId) ?? {})
    for (const listener of this.#seen) listener({ member, previous: undefined })
  }

  /** Another node is home of it from now on. */
  lose(range: RangeId): void {
    this.foreignRanges.add(range)
    for (const listener of this.#lost) listener(range)
  }

  gain(range: RangeId): void {
    for (const listener of this.#gained) listener(range)
  }

  callHome<A>(range: RangeId, method: string, body: unknown): Promise<A> {
    return this.rpc.call<A>(this.ranges.homeOf(range) as NodeId, method, body)
  }

  #member(nodeId: NodeId, change: Partial<Member>): Member {
    return {
      nodeId,
      name: nodeId,
      placementId: '00',
      zone: '',
      weight: 1,
      roles: ['media_relay'],
      version: '1',
      services: { host: '127.42.5.1', cluster: 1 },
      state: 'alive',
      incarnation: 1,
      serving: true,
      startedAt: 0,
      ...change,
    }
  }
}
