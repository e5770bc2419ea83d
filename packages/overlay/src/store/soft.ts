import {
  type Clock,
  compareUtf8,
  type Disk,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type Random,
  type RangeId,
  type RecordKey,
  type SoftEntry,
  type SoftStore,
  sleep,
  ThorError,
  type Timer,
} from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import { voters } from '../ranges/config.ts'
import type { RangeConfigs, RangeRecords } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import { checkName, packBody, unpackBody } from './encoding.ts'
import { HybridClock } from './hlc.ts'
import { softLimits } from './limits.ts'
import { Preference } from './preference.ts'
import { refill } from './refill.ts'
import { fromWire, type SoftListPage, toWire, type WireEntry, type WireRecord, wireBytes } from './soft-messages.ts'
import { SoftOwed } from './soft-owed.ts'
import { readSoft } from './soft-read.ts'
import type { StoredEntry } from './soft-record.ts'
import { SoftReplica } from './soft-replica.ts'
import { SoftSnapshot } from './soft-snapshot.ts'
import { SoftTable } from './soft-table.ts'
import { writeSoft } from './soft-write.ts'
import { Transfer } from './transfer.ts'

export interface SoftRecordsComponents {
  clock: Clock
  random: Random
  rpc: Rpc
  configs: RangeConfigs
  members: Pick<Members, 'self' | 'list' | 'get' | 'isLive' | 'onChange'>
  /** Nodes in placement order for a range, closest first: who fills in when members are down. May be short. */
  placement: (range: RangeId) => readonly NodeId[]
  log: Logger
  /** Open. Entries are kept on it over restarts; without it they live in memory alone. */
  disk?: Disk
  /** Shared with the other stores of the node. @default one of its own */
  transfer?: Transfer
}

export interface SoftRecordsInit {
  entriesMax?: number
  /** What a fill-in node holds for others is returned this often. @default 10000 */
  handBackMs?: number
  /** Changed entries go to the disk this often. @default 10000 */
  snapshotMs?: number
  /** @default softLimits.listEntriesMax */
  listEntriesMax?: number
  /** Copies that acknowledge a write. Below 2 a crash may lose it. @default 2 */
  copies?: number
}

/**
 * Expiring entries on the live members of their range, filled up to three with the next live nodes; acknowledged after memory
 * on two. What a node holds for others it gives back when they return.
 */
export class SoftRecords implements SoftStore, RangeRecords, Lifecycle {
  readonly table: SoftTable
  readonly #c: SoftRecordsComponents
  readonly #init: Required<Omit<SoftRecordsInit, 'entriesMax'>>
  readonly #log: Logger
  readonly #stamps: HybridClock
  readonly #preference: Preference
  readonly #replica: SoftReplica
  readonly #transfer: Transfer
  readonly #owed: SoftOwed
  #timers: Timer[] = []
  #unsubscribe: (() => void) | undefined
  #handingBack: Promise<void> | undefined
  /** By node; of the members that there are and were, so never many. */
  readonly #slowUntil = new Map<NodeId, number>()
  readonly #snapshot: SoftSnapshot | undefined
  /** Set from the beginning: before the start the memory is empty, and that means nothing. */
  #filling: AbortController | undefined = new AbortController()
  #stopped = false
  #thin = 0

  constructor(components: SoftRecordsComponents, init: SoftRecordsInit = {}) {
    this.#c = components
    this.#init = {
      handBackMs: init.handBackMs ?? 10_000,
      snapshotMs: init.snapshotMs ?? 10_000,
      copies: init.copies ?? 2,
      listEntriesMax: init.listEntriesMax ?? softLimits.listEntriesMax,
    }
    this.#log = components.log.forComponent('overlay:soft')
    this.#stamps = new HybridClock(components)
    this.table = new SoftTable(components, {
      entriesMax: init.entriesMax,
      onChange: (range, name) => this.#snapshot?.changed(range, name),
    })
    const { clock, disk } = components
    this.#snapshot = disk && new SoftSnapshot({ clock, disk, table: this.table })
    this.#preference = new Preference(components)
    this.#transfer = components.transfer ?? new Transfer(components)
    this.#owed = new SoftOwed({ ...components, log: this.#log })
    this.#replica = new SoftReplica(
      { ...components, table: this.table, transfer: this.#transfer },
      { isFilling: () => this.#filling !== undefined },
    )
  }

  async start(): Promise<void> {
    if (this.#timers.length > 0) return
    const { clock, random, members } = this.#c
    const onError = (error: unknown) => this.#log.error('upkeep of entries failed', { error: errorMessage(error) })
    const first = 1 + random.float() * this.#init.handBackMs
    const filling = new AbortController()
    this.#filling = filling
    this.#stopped = false
    this.#timers = [
      every(clock, 1_000, () => this.table.turn(), onError),
      every(clock, this.#init.handBackMs, () => this.handBack(), onError, first),
    ]
    const { snapshotMs } = this.#init
    const snapshot = this.#snapshot
    if (snapshot) {
      this.#timers.push(
        every(clock, snapshotMs, () => snapshot.save(), onError, snapshotMs * (0.5 + random.float() / 2)),
      )
    }
    this.#unsubscribe = members.onChange(() => this.#onMemberChange())
    await this.#owed.start()
    await this.#snapshot?.load()
    void refill(this.#c, this.#replica, filling.signal).finally(() => {
      if (this.#filling === filling) this.#filling = undefined
    })
  }

  /** What lies on the disk under this name is damaged: it is written again, or deleted, from memory. */
  rewrite(range: RangeId, name: string): void {
    this.#snapshot?.changed(range, name)
  }

  /** False until this node, after its start, has what the others remember; until then it says nothing about absence. */
  get filled(): boolean {
    return this.#filling === undefined
  }

  /** What is still being read or written is refused then, unless enough nodes have it. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#filling?.abort()
    this.#filling = undefined
    for (const timer of this.#timers) timer.cancel()
    this.#timers = []
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    await this.#owed.stop()
    await this.#snapshot?.save(Number.POSITIVE_INFINITY).catch((error: unknown) => {
      this.#log.warn('entries could not be written at the end', { error: errorMessage(error) })
    })
  }

  async put(key: RecordKey, entry: { sub: string; body: unknown; ttlMs: number; seq?: number }): Promise<void> {
    checkName(key.name, softLimits.nameBytesMax)
    checkName(entry.sub, softLimits.subBytesMax)
    const body = packBody(entry.body, softLimits.bodyBytesMax)
    const ttlMs = Math.min(entry.ttlMs, softLimits.ttlMsMax)
    await this.#write(key, { sub: entry.sub, body, ttlMs, seq: entry.seq, dead: false })
  }

  async remove(key: RecordKey, sub: string, seq?: number): Promise<void> {
    // The marker must outlive every copy, so it is made from what is known of the entry.
    const known = (await this.#read(key)).find((entry) => entry.sub === sub)
    const left = known ? known.expiresAt - this.#c.clock.now() : 0
    const ttlMs = Math.max(left, softLimits.deadTtlMsMin)
    await this.#write(key, { sub, body: new Uint8Array(0), ttlMs, seq, dead: true }, known)
  }

  async read<B>(key: RecordKey): Promise<SoftEntry<B>[]> {
    return this.#shown<B>(await this.#read(key))
  }

  async list<B>(prefix: string): Promise<{ key: RecordKey; entries: SoftEntry<B>[] }[]> {
    const live = this.#c.members.list().filter((member) => this.#c.members.isLive(member.nodeId))
    const targets = new Set([this.#c.members.self.nodeId, ...live.map((member) => member.nodeId)])
    const merged = new SoftTable(this.#c, { entriesMax: this.#init.listEntriesMax })
    const take = async (to: NodeId): Promise<void> => {
      let from: SoftListPage['next'] | null = null
      do {
        const page: SoftListPage = await this.#c.rpc.call(to, 'soft.list', { prefix, from })
        for (const [range, name, entries] of page.records) this.#mergeInto(merged, range, name, entries)
        from = page.next ?? null
      } while (from)
    }
    const outcomes = await Promise.allSettled([...targets].map(take))
    if (merged.size >= this.#init.listEntriesMax) {
      throw new ThorError('STORE_TOO_LARGE', `more than ${merged.size} entries under names that begin with ${prefix}`)
    }
    if (this.#stopped || outcomes.every((outcome) => outcome.status === 'rejected')) {
      throw new ThorError('STORE_UNAVAILABLE', `cannot list ${prefix}: no node answered`)
    }
    return this.#rows<B>(merged, prefix)
  }

  local<B>(prefix: string): { key: RecordKey; entries: SoftEntry<B>[] }[] {
    return this.#rows<B>(this.table, prefix)
  }

  pull(ranges: readonly RangeId[], sources: readonly NodeId[], urgent = false): Promise<void> {
    return this.#replica.pull(ranges, sources, urgent)
  }

  wipe(range: RangeId): Promise<void> {
    return this.#replica.wipe(range)
  }

  digest(range: RangeId): Promise<string> {
    return this.#replica.digest(range)
  }

  /** Entries held, those that owners have not taken yet, and writes that only one node acknowledged since the start. */
  snapshot(): { entries: number; owed: number; thin: number } {
    return { entries: this.table.size, owed: this.#owed.size, thin: this.#thin }
  }

  /** Gives entries that this node holds for others to those who own them, and forgets them when all owners have them. */
  handBack(): Promise<void> {
    this.#handingBack ??= this.#handBackAll().finally(() => {
      this.#handingBack = undefined
    })
    return this.#handingBack
  }

  #onMemberChange(): void {
    this.handBack().catch((error) => this.#log.warn('handing entries back failed', { error: errorMessage(error) }))
  }

  async #handBackAll(): Promise<void> {
    const self = this.#c.members.self.nodeId
    for (const range of this.table.ranges()) {
      const config = this.#c.configs.get(range)
      const owners = this.#preference.of(range)
      if (config.epoch === 0 || voters(config).includes(self) || owners.includes(self) || owners.length === 0) continue
      for (const record of this.table.recordsOf(range)) {
        const entries = this.table.entriesOf(record)
        const wire = this.#replica.wireRecord(record)
        const records = [wire]
        await this.#transfer.pace(wireBytes(wire) * owners.length, true)
        const told = await Promise.allSettled(
          owners.map((to) => this.#c.rpc.call<{ kept: number }>(to, 'soft.merge', { records })),
        )
        const kept = told.every((outcome) => outcome.status === 'fulfilled' && outcome.value.kept === 1)
        if (kept) for (const entry of entries) this.table.drop(range, record.name, entry)
      }
    }
  }

  async #write(
    key: RecordKey,
    what: { sub: string; body: Uint8Array; ttlMs: number; seq: number | undefined; dead: boolean },
    known?: StoredEntry,
  ): Promise<void> {
    this.#checkSight(key)
    let seq = what.seq ?? known?.seq ?? 0
    let hlc = this.#stamps.next(known && known.seq === seq ? known.hlc : 0)
    const newest = what.seq === undefined
    for (let round = 0; round < softLimits.roundsMax; round++) {
      const entry: WireEntry = [what.sub, seq, hlc, what.ttlMs, what.body, what.dead ? 1 : 0]
      const missed: NodeId[] = []
      let owe = (to: NodeId): void => void missed.push(to)
      const outcome = await writeSoft(
        { rpc: this.#c.rpc },
        { range: key.range, epoch: this.#c.configs.get(key.range).epoch, name: key.name, entry, newest },
        {
          first: this.#preference.of(key.range),
          after: this.#preference.after(key.range),
          spare: () => this.#preference.spare(key.range),
          copies: this.#init.copies,
          timeoutMs: softLimits.roundTimeoutMs,
          onMissed: (to) => owe(to),
        },
      )
      if (outcome.newer) await this.#c.configs.adopt(outcome.newer)
      else if (outcome.refusal) throw outcome.refusal
      else if (outcome.behind) {
        seq = newest ? Math.max(seq, outcome.behind.seq) : seq
        hlc = this.#stamps.next(outcome.behind.hlc)
      } else if (outcome.acks > 0) {
        if (outcome.acks < this.#init.copies) {
          this.#checkRunning(key)
          this.#thin++
        }
        owe = (to) => this.#owed.add(to, key.range, key.name, entry)
        missed.forEach(owe)
        return
      } else throw new ThorError('STORE_UNAVAILABLE', `cannot write ${key.name}: no replica answered`)
    }
    throw new ThorError('STORE_UNAVAILABLE', `cannot write ${key.name}: it changes all the time`)
  }

  async #read(key: RecordKey): Promise<StoredEntry[]> {
    const { clock } = this.#c
    const until = clock.now() + softLimits.aloneMs
    for (let round = 0; round < softLimits.roundsMax; ) {
      const first = this.#quickFirst(this.#preference.of(key.range))
      const outcome = await readSoft(
        { rpc: this.#c.rpc, clock: this.#c.clock },
        { range: key.range, epoch: this.#c.configs.get(key.range).epoch, name: key.name },
        {
          first,
          mine: first.includes(this.#c.members.self.nodeId) ? [] : this.table.get(key.range, key.name),
          others: () => this.#preference.elsewhere(key.range),
          timeoutMs: softLimits.roundTimeoutMs,
          hedgeAfterMs: softLimits.hedgeAfterMs,
          onSlow: (nodeId) => void this.#slowUntil.set(nodeId, clock.now() + softLimits.slowMs),
        },
      )
      if (outcome.newer) {
        await this.#c.configs.adopt(outcome.newer)
        round++
        continue
      }
      // One copy says nothing about what others took meanwhile, least of all at a node that stood still and does not know it
      // yet. Who is really alone sees that soon, and then one copy is all there is.
      if (outcome.answered < Math.min(2, first.length) && clock.now() < until) {
        await sleep(clock, softLimits.aloneRetryMs)
        continue
      }
      if (outcome.answered < 2) this.#checkRunning(key)
      if (outcome.answered === 0) break
      const records: WireRecord[] = [[key.range, key.name, outcome.merged.map((entry) => toWire(entry, this.#c.clock))]]
      for (const loser of outcome.losers) this.#c.rpc.notify(loser, 'soft.merge', { records })
      return outcome.merged
    }
    throw new ThorError('STORE_UNAVAILABLE', `cannot read ${key.name}: no replica answered`)
  }

  /** Whom to ask, in order: who is suspect or was slow a moment ago comes last, so that not every read waits for it. */
  #quickFirst(list: readonly NodeId[]): readonly NodeId[] {
    const { clock, members } = this.#c
    const now = clock.now()
    const isSlow = (nodeId: NodeId): boolean => {
      if (nodeId === members.self.nodeId) return false
      return members.get(nodeId)?.state === 'suspect' || (this.#slowUntil.get(nodeId) ?? now) > now
    }
    return list.some(isSlow) ? [...list.filter((one) => !isSlow(one)), ...list.filter(isSlow)] : list
  }

  /** A node that has left or ends sees nobody either, and its own copy is gone or will be: alone, it is not all there is. */
  #checkRunning({ name }: RecordKey): void {
    if (this.#stopped) throw new ThorError('STORE_UNAVAILABLE', `no answer for ${name}: this node has stopped`)
  }

  /** One copy is enough when nobody else is there; a node that has just started cannot know that yet. */
  #checkSight({ range, name }: RecordKey): void {
    if (this.filled || this.#preference.of(range).length > 1 || voters(this.#c.configs.get(range)).length === 1) return
    throw new ThorError('STORE_UNAVAILABLE', `cannot write ${name}: this node does not see the others yet`)
  }

  #mergeInto(table: SoftTable, range: RangeId, name: string, entries: readonly WireEntry[]): void {
    for (const wire of entries) {
      const entry = fromWire(wire, this.#c.clock, softLimits.ttlMsMax)
      if (entry) table.merge(range, name, entry)
    }
  }

  #rows<B>(table: SoftTable, prefix: string): { key: RecordKey; entries: SoftEntry<B>[] }[] {
    const rows: { key: RecordKey; entries: SoftEntry<B>[] }[] = []
    for (const record of table.withPrefix(prefix)) {
      const entries = this.#shown<B>(table.entriesOf(record))
      if (entries.length > 0) rows.push({ key: { range: record.range, name: record.name }, entries })
    }
    return rows.sort((one, other) => compareUtf8(one.key.name, other.key.name))
  }

  #shown<B>(entries: readonly StoredEntry[]): SoftEntry<B>[] {
    const now = this.#c.clock.now()
    return entries
      .filter((entry) => !entry.dead && entry.expiresAt > now)
      .map((entry) => ({
        sub: entry.sub,
        body: unpackBody<B>(entry.body),
        ttlMs: entry.expiresAt - now,
        seq: entry.seq,
      }))
  }
}
