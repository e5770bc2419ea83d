import {
  errorCode,
  type KeyChange,
  type OperationOptions,
  type RecordKey,
  type RegStore,
  ThorError,
  type Versioned,
} from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { RangeConfig } from '../ranges/contract.ts'
import type { AcceptorStore } from './acceptor-store.ts'
import { regLimits } from './reg-limits.ts'
import { listAll } from './reg-list.ts'
import { NearReads } from './reg-near.ts'
import { RegNews, type RegNewsComponents } from './reg-news.ts'
import {
  answerOf,
  applyOperation,
  type ChangeFn,
  type IssuedOperation,
  issuedIn,
  settleIntent,
} from './reg-operation.ts'
import { KeyProposer, type KeyProposerComponents, type Planner } from './reg-paxos.ts'
import type { Operation } from './reg-recent.ts'
import { type Redecided, redecideRanges } from './reg-redecide.ts'
import { Blocked, intentId, planOf, Transactions, unblocked, type Verdicts } from './reg-transactions.ts'
import { held, type Intent, type RegValue, versioned } from './reg-value.ts'
import type { Transfer } from './transfer.ts'

export interface RegComponents extends KeyProposerComponents {
  /** Where it can tell of connections, copies are dropped when one was broken. */
  rpc: RegNewsComponents['rpc']
  acceptors: AcceptorStore
  /** Paces what moving ranges sends. @default it is not paced */
  transfer?: Transfer
}

export interface RegInit {
  self: NodeId
  /** Without an outcome after this an operation is refused. Default 2000. */
  deadlineMs?: number
}

/** Registers, each decided on its own (reg-paxos.ts) or several at once (reg-transactions.ts). */
export class Registers implements RegStore {
  readonly #components: RegComponents
  readonly #proposer: KeyProposer
  readonly #transactions: Transactions
  readonly #news: RegNews
  readonly #near: NearReads
  /** When operations were issued whose outcome is not known: their repetitions are of the same time. */
  readonly #unknown = new Map<string, number>()

  constructor(components: RegComponents, init: RegInit) {
    this.#components = components
    this.#proposer = new KeyProposer(components, { self: init.self, deadlineMs: init.deadlineMs })
    this.#news = new RegNews(components)
    const changed = (key: RecordKey): void => this.#news.changed(key)
    this.#transactions = new Transactions({ ...components, proposer: this.#proposer, changed }, { self: init.self })
    this.#near = new NearReads({ ...components, proposer: this.#proposer, news: this.#news }, { self: init.self })
    components.acceptors.decideAnewWith(async (key, above) => void (await this.#proposer.decideAnew(key, above)))
  }

  change<B, R>(key: RecordKey, opId: string, fn: ChangeFn<B, R>, options: OperationOptions = {}): Promise<R> {
    return this.#issued(opId, options, (issued) => {
      // Fixed when the operation is first applied: also for what is applied again in vain.
      let operation: Operation | undefined
      let wrote = false
      const make =
        (verdicts: Verdicts): Planner<R | Blocked> =>
        (current, now) => {
          const known = current && answerOf<R>(current.value, opId)
          if (known) return { settled: true, finish: () => known.result }
          const value = unblocked(current, verdicts)
          if (value instanceof Blocked) return { settled: true, finish: () => value }
          operation ??= issuedIn(value, issued, now)
          const its = operation
          return planOf(() => {
            const applied = applyOperation<B, R>(value, its, fn, now)
            if (applied.type === 'threw') throw applied.error
            const { result } = applied
            wrote = applied.type === 'changed'
            if (applied.type === 'changed') return { next: held(applied.value), result }
            return value && value !== current?.value ? { next: held(value), result } : { result }
          })
        }
      // Also when it failed: a change of unknown outcome may have happened.
      return this.#transactions.through(key, make).finally(() => wrote && this.#news.changed(key))
    })
  }

  async transact<R>(opId: string, changes: readonly KeyChange<R>[], options: OperationOptions = {}): Promise<R[]> {
    const [only] = changes
    if (only && changes.length === 1) return [await this.change(only.key, opId, only.fn, options)]
    return this.#issued(opId, options, (issued) => this.#transactions.run(issued, changes))
  }

  async read<B>(key: RecordKey, mode: 'strict' | 'near'): Promise<Versioned<B> | undefined> {
    return versioned<B>(mode === 'near' ? await this.#readNear(key) : await this.#readStrict(key))
  }

  list<B>(prefix: string): Promise<{ key: RecordKey; value: Versioned<B> }[]> {
    return listAll<B>(this.#components, prefix, (key, value, intent) => this.#nearValue(key, value, intent))
  }

  watch(prefix: string, listener: (name: string | undefined) => void): () => void {
    return this.#news.onChange((key) => {
      if (!key || key.name.startsWith(prefix)) listener(key?.name)
    })
  }

  /** How full its tables are. */
  snapshot(): { carried: number; waiting: number; copies: number; unknown: number } {
    return { ...this.#proposer.snapshot(), copies: this.#near.size, unknown: this.#unknown.size }
  }

  /** Tells the others what they have not been told yet. */
  close(): void {
    this.#news.close()
  }

  /** See `redecideRanges`. */
  redecide(configs: readonly RangeConfig[], urgent = false): Promise<Redecided> {
    const decideAnew = (key: RecordKey): Promise<number> => this.#proposer.decideAnew(key)
    return redecideRanges({ ...this.#components, decideAnew }, configs, urgent)
  }

  /** Runs an operation with its time of issue; keeps that for a repetition when the outcome is not known. */
  async #issued<R>(
    opId: string,
    { issuedAt, step = false }: OperationOptions,
    run: (operation: IssuedOperation) => Promise<R>,
  ): Promise<R> {
    if (issuedAt !== undefined && !(Number.isFinite(issuedAt) && issuedAt > 0)) {
      throw new ThorError('STORE_BAD_REQUEST', 'the time when an operation was issued is no time')
    }
    if (Buffer.byteLength(opId) > regLimits.opIdBytesMax) {
      throw new ThorError('STORE_BAD_REQUEST', `an operation id of more than ${regLimits.opIdBytesMax} bytes`)
    }
    const before = issuedAt ?? this.#unknown.get(opId)
    const issued = before ?? this.#components.clock.wall()
    try {
      const result = await run({ opId, issuedAt: issued, step, fresh: before === undefined })
      this.#unknown.delete(opId)
      return result
    } catch (error) {
      if (issuedAt === undefined && errorCode(error) === 'STORE_UNKNOWN') {
        this.#unknown.set(opId, issued)
        if (this.#unknown.size > regLimits.unknownMax) this.#unknown.delete(this.#unknown.keys().next().value as string)
      }
      throw error
    }
  }

  async #readStrict(key: RecordKey): Promise<RegValue | undefined> {
    let doubted: string | undefined
    for (;;) {
      const value = (await this.#proposer.read(key))?.value
      const { intent } = value ?? {}
      if (!value || !intent) return value
      const verdict = await this.#transactions.judge(intent)
      if (verdict === 'pending') return settleIntent(value, false)
      // A transaction that came to nothing, or one that was settled since: who sees the intent again knows which.
      if (verdict === 'aborted' && doubted !== intentId(intent)) {
        doubted = intentId(intent)
        continue
      }
      this.#transactions.settleSoon(key, intent, verdict === 'committed')
      return settleIntent(value, verdict === 'committed')
    }
  }

  async #readNear(key: RecordKey): Promise<RegValue | undefined> {
    const value = (await this.#near.read(key))?.value
    return value?.intent ? this.#nearValue(key, value, value.intent) : value
  }

  /** A value with an intent, out of one replica's copy. */
  async #nearValue(key: RecordKey, value: RegValue, intent: Intent): Promise<RegValue | undefined> {
    const verdict = await this.#transactions.judge(intent)
    if (verdict === 'aborted') return this.#readStrict(key)
    if (verdict === 'committed') this.#transactions.settleSoon(key, intent, true)
    return settleIntent(value, verdict === 'committed')
  }
}
