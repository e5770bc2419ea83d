import { type Clock, errorCode, type KeyChange, type RecordKey, recordKey, sleep, ThorError } from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import type { ConfigTable } from '../ranges/config-table.ts'
import { recordKeyOf } from './acceptor-record.ts'
import { regLimits } from './reg-limits.ts'
import { answerOf, applyIntent, type ChangeFn, type IssuedOperation, issuedIn, settleIntent } from './reg-operation.ts'
import { checkName, type KeyProposer, type Plan, type Planner } from './reg-paxos.ts'
import type { Operation } from './reg-recent.ts'
import { type Begun, beginning, committing, type TxRecord, type Verdict, verdictOf } from './reg-tx-record.ts'
import {
  emptyValue,
  type Held,
  held,
  type Intent,
  packPlain,
  type RegValue,
  unpackPlain,
  versioned,
} from './reg-value.ts'

export interface TransactionsComponents {
  clock: Clock
  members: Members
  configs: ConfigTable
  proposer: KeyProposer
  /** A register changed, or may have. */
  changed(key: RecordKey): void
}

/** A register `tx/<node>/<index>` of this node, used for one transaction after the other. */
interface Slot {
  key: RecordKey
  busy: boolean
  /** The transaction that this process runs, and may commit. */
  running: number | undefined
  /** The last one whose registers are all settled: only then the next may begin. */
  settled: number | undefined
  /** When it could not be used for want of a quorum; monotonic. */
  failedAt: number
}

/** What a plan answers that met somebody's intent. */
export class Blocked {
  readonly intent: Intent
  constructor(intent: Intent) {
    this.intent = intent
  }
}

/** Verdicts by intent, found out since the operation began. */
export type Verdicts = ReadonlyMap<string, boolean>

export const intentId = ({ tx, seq }: Pick<Intent, 'tx' | 'seq'>): string => `${tx.name}#${seq}`

/** The value once its intent is settled, where the verdict is known. */
export function unblocked(current: Held | undefined, verdicts: Verdicts): RegValue | undefined | Blocked {
  const value = current?.value
  if (!value?.intent) return value
  const committed = verdicts.get(intentId(value.intent))
  return committed === undefined ? new Blocked(value.intent) : settleIntent(value, committed)
}

/**
 * Changes of several registers, all or nothing (docs/adr/0012-transactions.md).
 *
 *   tx: pending ──► an intent on each register, in order of their keys ──► tx: committed ──► each register settled
 *          └──────── aborted: by whoever meets the intent when it is old, or its node is gone ──► each register as before
 *
 * The one change of the tx register to `committed` decides. An intent that is there while its tx register has gone on to a
 * later transaction was never committed: the next one begins only when the registers of a committed one are settled.
 */
export class Transactions {
  readonly #components: TransactionsComponents
  readonly #self: NodeId
  readonly #slots: Slot[] = []
  readonly #running = new Map<string, Promise<unknown[]>>()
  readonly #settling = new Set<string>()

  constructor(components: TransactionsComponents, init: { self: NodeId }) {
    this.#components = components
    this.#self = init.self
  }

  async run<R>(operation: IssuedOperation, changes: readonly KeyChange<R>[]): Promise<R[]> {
    const ids = new Set(changes.map(({ key }) => recordKeyOf(key.range, key.name)))
    if (ids.size !== changes.length || changes.length === 0 || changes.length > regLimits.transactionKeysMax) {
      const most = regLimits.transactionKeysMax
      throw new ThorError('STORE_BAD_REQUEST', `a transaction is of 1 to ${most} different registers`)
    }
    for (const { key } of changes) checkName(key)
    const known = this.#running.get(operation.opId)
    if (known) return known as Promise<R[]>
    const run = this.#run(operation, changes)
    this.#running.set(operation.opId, run)
    try {
      return await run
    } finally {
      this.#running.delete(operation.opId)
    }
  }

  /** Whether the transaction of an intent was committed; waits while that is open, at the latest until then. */
  async settledBy(intent: Intent, since: number, until: number): Promise<boolean> {
    const { clock } = this.#components
    for (;;) {
      const verdict = await this.judge(intent, clock.now() - since)
      if (verdict !== 'pending') return verdict === 'committed'
      if (clock.now() >= until) {
        throw new ThorError('STORE_UNAVAILABLE', 'a transaction holds the register; nothing changed')
      }
      await sleep(clock, Math.min(regLimits.intentRetryMs, Math.max(1, until - clock.now())))
    }
  }

  /** What became of a transaction. Aborts it when it is old, its node is gone, or this process ran it and gave it up. */
  async judge({ tx, seq }: Pick<Intent, 'tx' | 'seq'>, waitedMs = 0): Promise<Verdict> {
    const { clock, members, proposer } = this.#components
    const record = versioned<TxRecord>((await proposer.read(tx))?.value)?.body
    const verdict = verdictOf(record, seq)
    if (verdict !== 'pending' || !record) return verdict
    const owner = tx.name.split('/')[1] as NodeId
    const orphaned = owner === this.#self ? !this.#runs(tx, seq) : !members.isLive(owner)
    const doubtful = waitedMs >= regLimits.intentDoubtMs || clock.wall() - record.at > regLimits.transactionPendingMs
    if (!orphaned && !doubtful) return 'pending'
    return this.#changeTx<Verdict>(tx, (current, now) => {
      const found = verdictOf(current?.body, seq)
      const old = current && now - current.body.at > regLimits.transactionPendingMs
      if (found !== 'pending' || !current || !(orphaned || old)) return { keep: true, result: found }
      return { body: { ...current.body, state: 'aborted' }, result: 'aborted' }
    })
  }

  /** Takes a known intent off a register, for the next who comes; in the background, once at a time. */
  settleSoon(key: RecordKey, intent: Intent, committed: boolean): void {
    const id = recordKeyOf(key.range, key.name)
    if (this.#settling.has(id) || this.#settling.size >= regLimits.transactionsMax) return
    this.#settling.add(id)
    this.#settle(key, intentId(intent), committed)
      .catch(() => undefined)
      .finally(() => this.#settling.delete(id))
  }

  async #run<R>(operation: IssuedOperation, changes: readonly KeyChange<R>[]): Promise<R[]> {
    const { clock } = this.#components
    const until = clock.now() + regLimits.transactionMs
    // Everybody takes the registers in the same order: so of two transactions, one always gets through.
    const ordered = changes.toSorted((a, b) => compareKeys(a.key, b.key))
    const keys = ordered.map(({ key }) => key)
    const slot = this.#takeSlot()
    const placed: RecordKey[] = []
    let begun: number | undefined
    try {
      const seq = await this.#begin(slot, keys, this.#within(until))
      begun = seq
      slot.running = seq
      const results = new Map<RecordKey, R>()
      for (const change of ordered) {
        placed.push(change.key)
        const { done, result } = await this.#place(slot, seq, operation, change, this.#within(until))
        if (done && placed.length > 1)
          throw new ThorError('STORE_BAD_REQUEST', 'the operation id names another operation')
        if (done) return await this.#recall(operation, changes, this.#within(until))
        results.set(change.key, result)
      }
      await this.#commit(slot, seq, until).finally(() => {
        for (const key of keys) this.#components.changed(key)
      })
      // Decided. Who meets an intent from now on finishes it, should this process not get to it.
      begun = undefined
      await this.#settleAll(slot, seq, keys)
      return changes.map(({ key }) => results.get(key) as R)
    } finally {
      slot.running = undefined
      if (begun === undefined) slot.busy = false
      else void this.#giveUp(slot, begun, placed)
    }
  }

  #takeSlot(): Slot {
    const idle = this.#slots.filter(({ busy }) => !busy)
    const index = this.#slots.length
    // Each lies in another range: where one has no quorum, others may have.
    const since = this.#components.clock.now() - regLimits.transactionPendingMs
    const free =
      idle.find(({ failedAt }) => failedAt < since) ?? (index < regLimits.transactionsMax ? undefined : idle[0])
    if (free) {
      free.busy = true
      return free
    }
    if (index >= regLimits.transactionsMax) {
      throw new ThorError('STORE_UNAVAILABLE', `${index} transactions of this node run already; nothing changed`)
    }
    const key = recordKey('tx', `${this.#self}/${index}`)
    const range = key.range % this.#components.configs.count
    const place = { ...key, range }
    const slot: Slot = {
      key: place,
      busy: true,
      running: undefined,
      settled: undefined,
      failedAt: Number.NEGATIVE_INFINITY,
    }
    this.#slots.push(slot)
    return slot
  }

  /** Begins the next transaction of a slot; one that an earlier life of this node committed is settled first. */
  async #begin(slot: Slot, keys: readonly RecordKey[], until: number): Promise<number> {
    for (let turn = 0; turn < 3; turn++) {
      const begun = await this.#changeTx<Begun>(slot.key, beginning(keys, slot.settled), until).catch(
        (error: unknown) => {
          slot.failedAt = this.#components.clock.now()
          throw error
        },
      )
      if (begun.type === 'begun') return begun.seq
      await this.#settleAll(slot, begun.seq, begun.keys)
    }
    throw new ThorError('STORE_UNAVAILABLE', 'an earlier transaction is not settled everywhere; nothing changed')
  }

  async #place<R>(
    slot: Slot,
    seq: number,
    issued: IssuedOperation,
    { key, fn }: KeyChange<R>,
    until: number,
  ): Promise<{ done: boolean; result: R }> {
    const mine = { tx: slot.key, seq }
    let operation: Operation | undefined
    const make =
      (verdicts: Verdicts): Planner<{ done: boolean; result: R } | Blocked> =>
      (current, now) => {
        const own = current?.value.intent
        if (own && intentId(own) === intentId(mine)) {
          const result = unpackPlain(own.result) as R
          return { settled: true, finish: () => ({ done: false, result }) }
        }
        const value = unblocked(current, verdicts)
        if (value instanceof Blocked) return { settled: true, finish: () => value }
        const known = answerOf<R>(value, issued.opId)
        if (known) return { settled: true, finish: () => ({ done: true, result: known.result }) }
        operation ??= issuedIn(value, issued, now)
        const its = operation
        return planOf(() => {
          const { value: next, result } = applyIntent<unknown, R>(value, its, mine, fn, now)
          return { next: held(next), result: { done: false, result } }
        })
      }
    try {
      return await this.through(key, make, until)
    } catch (error) {
      // Without this register the transaction will not be committed: that is certain.
      if (errorCode(error) === 'STORE_UNKNOWN') {
        throw new ThorError('STORE_UNAVAILABLE', `no quorum for ${key.name}; nothing changed`, { cause: error })
      }
      throw error
    }
  }

  /** Runs a plan, finding out about intents that are in its way. */
  async through<R>(
    key: RecordKey,
    make: (verdicts: Verdicts) => Planner<R | Blocked>,
    until: number = this.#components.proposer.deadline(),
  ): Promise<R> {
    const { clock, proposer } = this.#components
    const since = clock.now()
    const verdicts = new Map<string, boolean>()
    for (;;) {
      const result = await proposer.propose(key, make(verdicts), until)
      if (!(result instanceof Blocked)) return result
      verdicts.set(intentId(result.intent), await this.settledBy(result.intent, since, until))
    }
  }

  async #commit(slot: Slot, seq: number, until: number): Promise<void> {
    let unknown: unknown
    for (;;) {
      try {
        if (await this.#changeTx(slot.key, committing(seq), this.#within(until))) return
        break
      } catch (error) {
        // Once it is not known, a repetition that finds no quorum does not make it known.
        if (errorCode(error) === 'STORE_UNKNOWN') unknown = error
        if (!unknown || this.#components.clock.now() >= until) throw unknown ?? error
      }
    }
    throw new ThorError('STORE_UNAVAILABLE', 'the transaction took too long and was taken back; nothing changed')
  }

  /** The answers of a transaction that was committed before. */
  async #recall<R>({ opId }: Operation, changes: readonly KeyChange<R>[], until: number): Promise<R[]> {
    const tooOld = (): never => {
      throw new ThorError('STORE_TOO_OLD', 'a transaction that was done, and whose results are forgotten')
    }
    return Promise.all(
      changes.map(({ key }) =>
        this.through<R>(
          key,
          (verdicts) => (current) => {
            const value = unblocked(current, verdicts)
            if (value instanceof Blocked) return { settled: true, finish: () => value }
            const known = answerOf<R>(value, opId)
            return known ? { settled: true, finish: () => known.result } : { finish: tooOld }
          },
          until,
        ),
      ),
    )
  }

  async #settleAll(slot: Slot, seq: number, keys: readonly RecordKey[]): Promise<void> {
    const id = intentId({ tx: slot.key, seq })
    const ends = await Promise.allSettled(keys.map((key) => this.#settle(key, id, true)))
    if (ends.every(({ status }) => status === 'fulfilled')) slot.settled = seq
  }

  /** After a failure: aborted, unless it is committed after all; then the registers are settled either way. */
  async #giveUp(slot: Slot, seq: number, keys: readonly RecordKey[]): Promise<void> {
    try {
      const verdict = await this.judge({ tx: slot.key, seq })
      if (verdict === 'committed') await this.#settleAll(slot, seq, keys)
      if (verdict === 'aborted') {
        const id = intentId({ tx: slot.key, seq })
        await Promise.allSettled(keys.map((key) => this.#settle(key, id, false)))
      }
    } catch {
      // Whoever meets an intent does it.
    }
    slot.busy = false
  }

  async #settle(key: RecordKey, id: string, committed: boolean): Promise<void> {
    await this.#components.proposer.propose(key, (current) => {
      const { intent } = current?.value ?? {}
      const finish = (): void => undefined
      if (!current || !intent || intentId(intent) !== id) return { finish }
      return planOf(() => ({ next: held(settleIntent(current.value, committed)), result: undefined }))
    })
    // Its own node may have died before it could tell.
    if (committed) this.#components.changed(key)
  }

  /** These functions say the same when they are applied again, so the register remembers no operations. */
  #changeTx<R>(key: RecordKey, fn: ChangeFn<TxRecord, R>, until?: number): Promise<R> {
    const planner: Planner<R> = (current, now) =>
      planOf(() => {
        const before = current?.value ?? emptyValue
        const decision = fn(versioned<TxRecord>(before), now)
        if ('keep' in decision) return { result: decision.result }
        const next = held({ ...before, rev: before.rev + 1, body: packPlain(decision.body) })
        return { next, result: decision.result }
      })
    return this.#components.proposer.propose(key, planner, until)
  }

  #runs(tx: RecordKey, seq: number): boolean {
    return this.#slots.some(({ key, running }) => key.name === tx.name && running === seq)
  }

  /** One step's deadline. */
  #within(until: number): number {
    return Math.min(until, this.#components.proposer.deadline())
  }
}

/** What is thrown while a plan is made is its answer. */
export function planOf<R>(make: () => { next?: Held; result: R }): Plan<R> {
  try {
    const { next, result } = make()
    return { ...(next ? { next } : {}), finish: () => result }
  } catch (error) {
    return {
      finish() {
        throw error
      },
    }
  }
}

const compareKeys = (a: RecordKey, b: RecordKey): number =>
  a.range !== b.range ? a.range - b.range : a.name < b.name ? -1 : 1
