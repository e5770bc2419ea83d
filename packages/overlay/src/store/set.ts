import {
  type Clock,
  compareUtf8,
  type Disk,
  ENOUGH,
  errorCode,
  errorMessage,
  type Lifecycle,
  type Logger,
  type RangeId,
  type RecordKey,
  type SetStore,
  sleep,
  ThorError,
} from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import { hasOldQuorum, hasQuorum, voters } from '../ranges/config.ts'
import type { RangeConfig, RangeConfigs, RangeRecords } from '../ranges/contract.ts'
import { Coverage } from '../ranges/coverage.ts'
import type { Rpc } from '../rpc/contract.ts'
import { checkName, packBody, unpackBody } from './encoding.ts'
import { type Gathered, gather } from './fanout.ts'
import { setLimits } from './limits.ts'
import { acknowledged, complete, found, hasNewer, readers } from './set-answers.ts'
import { SetLeavings } from './set-leavings.ts'
import { type GetAnswer, type ListAnswer, newerOf, type PutAnswer, type ScanAnswer, SetReplica } from './set-replica.ts'
import { itemOf, type ShelfRecord } from './set-shelf.ts'
import { Transfer } from './transfer.ts'

export interface SetRecordsComponents {
  clock: Clock
  disk: Disk
  rpc: Rpc
  configs: RangeConfigs
  members: Pick<Members, 'self' | 'list' | 'isLive'>
  log: Logger
  /** Shared with the other stores of the node. @default one of its own */
  transfer?: Transfer
}

export interface SetRecordsInit {
  /** Which of several bodies of one name `get` shows. @default the first by hash */
  choose?: (name: string, bodies: readonly unknown[]) => unknown
  roundTimeoutMs?: number
  writeTimeoutMs?: number
  /** @default setLimits.listBytesMax */
  listBytesMax?: number
}

interface Watcher {
  prefix: string
  listener: (key: RecordKey, body: unknown) => void
  /** While what is stored already is being told: what came meanwhile. */
  told: Set<string> | undefined
}

/**
 * Write-once records on the replicas of their range: to all members of the config, acknowledged by a quorum after fsync.
 * Reads take what any replica has; "not there" needs a majority that says so.
 */
export class SetRecords implements SetStore, RangeRecords, Lifecycle {
  readonly #c: SetRecordsComponents
  readonly #init: Required<SetRecordsInit>
  readonly #replica: SetReplica
  readonly #leavings: SetLeavings
  readonly #log: Logger
  readonly #watchers = new Set<Watcher>()
  #stopped = false

  constructor(components: SetRecordsComponents, init: SetRecordsInit = {}) {
    this.#c = components
    this.#log = components.log.forComponent('overlay:set')
    this.#init = {
      choose: init.choose ?? ((_, bodies) => bodies[0]),
      roundTimeoutMs: init.roundTimeoutMs ?? setLimits.roundTimeoutMs,
      writeTimeoutMs: init.writeTimeoutMs ?? setLimits.writeTimeoutMs,
      listBytesMax: init.listBytesMax ?? setLimits.listBytesMax,
    }
    const transfer = components.transfer ?? new Transfer(components)
    this.#replica = new SetReplica({ ...components, transfer }, { onStored: (record) => this.#onStored(record) })
    this.#leavings = new SetLeavings({ ...components, transfer, log: this.#log, shelf: this.#replica.shelf })
  }

  /** The disk is opened by its owner before. */
  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stopped = true
    this.#watchers.clear()
  }

  async put(key: RecordKey, body: unknown): Promise<void> {
    checkName(key.name, setLimits.nameBytesMax)
    const bytes = packBody(body, setLimits.bodyBytesMax)
    await this.#attempt(key.range, `write ${key.name}`, async (config, timeoutMs) => {
      const { epoch } = config
      const request = { range: key.range, epoch, name: key.name, bytes }
      const so = await gather<PutAnswer>(
        voters(config),
        (to) => this.#c.rpc.call(to, 'set.put', request, { timeoutMs }),
        (now) => hasQuorum(config, acknowledged(now)) || hasNewer(now),
      )
      if (hasQuorum(config, acknowledged(so))) return { done: undefined }
      const refusal = [...so.failures.values()].find((error) => errorCode(error) === 'STORE_TOO_LARGE')
      if (refusal) throw refusal
      return { answers: so.answers.values() }
    })
  }

  async get<B>(key: RecordKey): Promise<B | undefined> {
    if (this.#c.configs.standing(key.range) !== 'outsider') {
      const mine = await this.#replica.shelf.get(key.range, key.name)
      if (mine.length > 0) return this.#shown<B>(key.name, mine)
    }
    const found = await this.#attempt(key.range, `read ${key.name}`, (config, timeoutMs) =>
      this.#ask(config, key.name, timeoutMs),
    )
    if (found.length > 0 && this.#c.configs.standing(key.range) !== 'outsider') this.#keep(key, found)
    return found.length > 0 ? this.#shown<B>(key.name, found) : undefined
  }

  async list<B>(range: RangeId, prefix: string): Promise<{ name: string; body: B }[]> {
    const records = await this.#attempt<ShelfRecord[]>(range, `list ${prefix}`, async (config, timeoutMs) => {
      type Listed = Exclude<ListAnswer, { items: unknown[] }> | { items: [string, Uint8Array][] }
      const so = await gather<Listed>(
        voters(config),
        (to) => this.#listAt(to, config, prefix, timeoutMs),
        (now) => hasOldQuorum(config, complete(now)) || hasNewer(now),
      )
      const refusal = tooLarge(so)
      if (refusal) throw refusal
      if (!hasOldQuorum(config, complete(so))) return { answers: so.answers.values() }
      const items: ShelfRecord[] = []
      for (const answer of so.answers.values()) {
        if ('items' in answer) for (const [name, bytes] of answer.items) items.push({ range, name, bytes })
      }
      return { done: union(items) }
    })
    return records.map(({ name, bytes }) => ({ name, body: unpackBody<B>(bytes) }))
  }

  async listAll<B>(prefix: string): Promise<{ key: RecordKey; body: B }[]> {
    const until = this.#c.clock.now() + this.#init.writeTimeoutMs
    for (;;) {
      const live = this.#c.members.list().filter((member) => this.#c.members.isLive(member.nodeId))
      const targets = new Set([this.#c.members.self.nodeId, ...live.map((member) => member.nodeId)])
      const coverage = new Coverage(this.#c.configs.all().length)
      const so = await gather<ShelfRecord[]>(
        [...targets],
        (to) => this.#scanAt(to, prefix, coverage),
        () => false,
      )
      const refusal = tooLarge(so)
      if (refusal) throw refusal
      const { missing } = coverage
      if (missing === undefined) {
        const records = union([...so.answers.values()].flat())
        return records.map(({ range, name, bytes }) => ({ key: { range, name }, body: unpackBody<B>(bytes) }))
      }
      // A list with holes would look complete.
      const why = `no complete copy of range ${missing} answers`
      if (this.#c.clock.now() >= until || this.#stopped) throw unavailable(`list ${prefix}`, why)
      await sleep(this.#c.clock, 100)
    }
  }

  watch(prefix: string, listener: (key: RecordKey, body: unknown) => void): () => void {
    const watcher: Watcher = { prefix, listener, told: new Set() }
    this.#watchers.add(watcher)
    this.#tellStored(watcher).catch((error) => {
      this.#log.error('records on the disk could not be listed for a watch', { prefix, error: errorMessage(error) })
    })
    return () => void this.#watchers.delete(watcher)
  }

  /** Something of the range is damaged: the digest is counted anew, without it. */
  forgetDigest(range: RangeId): void {
    this.#replica.shelf.forgetDigest(range)
  }

  pull(ranges: readonly RangeId[], sources: readonly NodeId[], urgent = false): Promise<void> {
    return this.#replica.pull(ranges, sources, urgent)
  }

  readonly isUnion = true

  wipe(range: RangeId): Promise<void> {
    return this.#replica.wipe(range)
  }

  giveLeavings(configs: readonly RangeConfig[], members: readonly NodeId[]): Promise<Set<RangeId>> {
    return this.#leavings.give(configs, members)
  }

  digest(range: RangeId): Promise<string> {
    return this.#replica.digest(range)
  }

  snapshot(): { watches: number; corrupt: number } {
    return { watches: this.#watchers.size, corrupt: this.#replica.shelf.corrupt }
  }

  /**
   * Runs rounds until one is done, following newer configs, and gives up before callers lose patience: `STORE_UNAVAILABLE`
   * within `writeTimeoutMs`.
   */
  async #attempt<T>(
    range: RangeId,
    what: string,
    round: (config: RangeConfig, timeoutMs: number) => Promise<{ done: T } | { answers: Iterable<unknown> }>,
  ): Promise<T> {
    const until = this.#c.clock.now() + this.#init.writeTimeoutMs
    for (let refusals = 0; refusals <= setLimits.epochRetriesMax; ) {
      const left = until - this.#c.clock.now()
      if (left <= 0 || this.#stopped) break
      const outcome = await round(this.#c.configs.get(range), Math.min(left, this.#init.roundTimeoutMs))
      if ('done' in outcome) return outcome.done
      let newest: RangeConfig | undefined
      for (const answer of outcome.answers) {
        const newer = newerOf(answer)
        if (newer && newer.epoch > (newest?.epoch ?? this.#c.configs.get(range).epoch)) newest = newer
      }
      if (newest) {
        refusals++
        await this.#c.configs.adopt(newest)
      } else {
        await sleep(this.#c.clock, Math.min(100, Math.max(0, until - this.#c.clock.now())))
      }
    }
    throw unavailable(what, 'no quorum of the replicas answered')
  }

  /** One replica first, the others when it has nothing or is slow; "absent" is said by a majority only. */
  async #ask(
    config: RangeConfig,
    name: string,
    timeoutMs: number,
  ): Promise<{ done: Uint8Array[] } | { answers: Iterable<unknown> }> {
    const request = { range: config.range, epoch: config.epoch, name }
    const call = (to: NodeId) => this.#c.rpc.call<GetAnswer>(to, 'set.get', request, { timeoutMs })
    const targets = voters(config)
    const first = targets.find((to) => to !== this.#c.members.self.nodeId && this.#c.members.isLive(to))
    if (first !== undefined) {
      const patience = new AbortController()
      const answer = await Promise.race([
        call(first).catch(() => undefined),
        sleep(this.#c.clock, setLimits.hedgeAfterMs, patience.signal).catch(() => undefined),
      ])
      patience.abort(ENOUGH)
      if (answer && 'bodies' in answer && answer.bodies.length > 0) return { done: answer.bodies }
    }
    const so = await gather<GetAnswer>(
      targets,
      call,
      (now) => found(now).length > 0 || hasOldQuorum(config, readers(now)) || hasNewer(now),
    )
    const bodies = found(so)
    if (bodies.length > 0 || hasOldQuorum(config, readers(so))) return { done: bodies }
    return { answers: so.answers.values() }
  }

  async #listAt(
    to: NodeId,
    config: RangeConfig,
    prefix: string,
    timeoutMs: number,
  ): Promise<Exclude<ListAnswer, { items: unknown[] }> | { items: [string, Uint8Array][] }> {
    const items: [string, Uint8Array][] = []
    let bytes = 0
    let after: string | undefined
    for (;;) {
      const request = { range: config.range, epoch: config.epoch, prefix, after }
      const page = await this.#c.rpc.call<ListAnswer>(to, 'set.list', request, { timeoutMs })
      if (!('items' in page)) return page
      for (const item of page.items) {
        items.push(item)
        bytes += item[1].length
      }
      if (items.length > setLimits.listRecordsMax || bytes > this.#init.listBytesMax) throw tooMany(prefix)
      if (page.next === undefined) return { items }
      after = page.next
    }
  }

  async #scanAt(to: NodeId, prefix: string, coverage: Coverage): Promise<ShelfRecord[]> {
    const records: ShelfRecord[] = []
    const pages: Uint8Array[] = []
    let size = 0
    let from: ScanAnswer['next'] | null = null
    do {
      const page: ScanAnswer = await this.#c.rpc.call(to, 'set.scan', { prefix, from })
      for (const [range, name, bytes] of page.items) {
        records.push({ range, name, bytes })
        size += bytes.length
      }
      if (records.length > setLimits.listRecordsMax || size > this.#init.listBytesMax) throw tooMany(prefix)
      pages.push(page.complete)
      from = page.next ?? null
    } while (from)
    coverage.add(pages)
    return records
  }

  /** This replica missed a record that another one has. */
  #keep(key: RecordKey, bodies: readonly Uint8Array[]): void {
    const { epoch } = this.#c.configs.get(key.range)
    const mayWrite = () => this.#c.configs.get(key.range).epoch === epoch
    for (const bytes of bodies) {
      this.#replica.shelf.put(key.range, key.name, bytes, mayWrite).catch((error) => {
        this.#log.warn('a record could not be repaired', { name: key.name, error: errorMessage(error) })
      })
    }
  }

  #shown<B>(name: string, bodies: readonly Uint8Array[]): B {
    const all = bodies.map((bytes) => unpackBody<B>(bytes))
    return (all.length === 1 ? all[0] : this.#init.choose(name, all)) as B
  }

  #onStored(record: ShelfRecord): void {
    for (const watcher of [...this.#watchers]) {
      if (!record.name.startsWith(watcher.prefix)) continue
      watcher.told?.add(watchId(record))
      this.#tell(watcher, record)
    }
  }

  async #tellStored(watcher: Watcher): Promise<void> {
    try {
      for await (const range of this.#replica.shelf.ranges()) {
        for await (const record of this.#replica.shelf.records(range, watcher.prefix)) {
          if (!this.#watchers.has(watcher)) return
          if (!watcher.told?.has(watchId(record))) this.#tell(watcher, record)
        }
      }
    } finally {
      watcher.told = undefined
    }
  }

  #tell(watcher: Watcher, record: ShelfRecord): void {
    try {
      watcher.listener({ range: record.range, name: record.name }, unpackBody(record.bytes))
    } catch (error) {
      this.#log.error('a watcher of records failed', { name: record.name, error: errorMessage(error) })
    }
  }
}

/** Each body once, several of one name under `name#hash8`, sorted. */
function union(records: readonly ShelfRecord[]): ShelfRecord[] {
  const byName = new Map<string, Map<string, ShelfRecord>>()
  for (const record of records) {
    const [name, hash] = itemOf(record)
    const key = `${record.range} ${name}`
    const bodies = byName.get(key) ?? new Map<string, ShelfRecord>()
    bodies.set(hash, { range: record.range, name, bytes: record.bytes })
    byName.set(key, bodies)
  }
  const out: ShelfRecord[] = []
  for (const bodies of byName.values()) {
    for (const [hash, record] of bodies) {
      out.push(bodies.size === 1 ? record : { ...record, name: `${record.name}#${hash}` })
    }
  }
  return out.sort((one, other) => compareUtf8(one.name, other.name) || one.range - other.range)
}

function watchId(record: ShelfRecord): string {
  return `${record.range} ${itemOf(record).join(' ')}`
}

function unavailable(what: string, why: string): ThorError {
  return new ThorError('STORE_UNAVAILABLE', `cannot ${what}: ${why}`)
}

function tooLarge(so: Gathered<unknown>): unknown {
  return [...so.failures.values()].find((error) => errorCode(error) === 'STORE_TOO_LARGE')
}

function tooMany(prefix: string): ThorError {
  return new ThorError('STORE_TOO_LARGE', `more records begin with ${prefix} than one list may have`)
}
