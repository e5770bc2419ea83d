/** An operation on the value of a register: applied once, however often it is tried; pure. */
import { type Decision, ThorError, type Versioned } from '@thor-node/core'
import { regLimits } from './reg-limits.ts'
import type { Operation, RecentOperation } from './reg-recent.ts'
import { emptyValue, type Intent, packPlain, type RegValue, unpackPlain, versioned } from './reg-value.ts'

export type ChangeFn<B, R> = (current: Versioned<B> | undefined, now: number) => Decision<B, R>

/** What an operation makes of a value. */
export type Applied<R> =
  | { type: 'changed'; value: RegValue; result: R }
  /** Nothing to write; `replayed` when the operation was applied before. */
  | { type: 'unchanged'; result: R; replayed: boolean }
  | { type: 'threw'; error: unknown }

/** The answer of an operation that was applied. */
export function answerOf<R>(value: RegValue | undefined, opId: string): { result: R } | undefined {
  const known = value?.recent.find(opId)
  return known && { result: unpackPlain(known) as R }
}

/**
 * Applies an operation once. A known `opId` gives its recorded result again; one that is not known, but may have been
 * forgotten, is `STORE_TOO_OLD`. That rests on `issuedAt` being the same in every repetition, and on no clock. `now` is the
 * median clock of a quorum, epoch milliseconds. Intents are the caller's to settle first.
 */
export function applyOperation<B, R>(
  value: RegValue | undefined,
  operation: Operation,
  fn: ChangeFn<B, R>,
  now: number,
): Applied<R> {
  const known = answerOf<R>(value, operation.opId)
  if (known) return { type: 'unchanged', result: known.result, replayed: true }
  try {
    refuseUntimely(value, operation, now)
    const decision = fn(versioned<B>(value), now)
    const { result } = decision
    if ('keep' in decision) return { type: 'unchanged', result, replayed: false }
    const before = value ?? emptyValue
    const body = decision.body === undefined ? undefined : packPlain(decision.body)
    const entry: RecentOperation = { ...operation, at: now, result: packPlain(result) }
    return { type: 'changed', result, value: { ...before, rev: before.rev + 1, body, ...remember(before, entry, now) } }
  } catch (error) {
    return { type: 'threw', error }
  }
}

/** The value with an intent in place of the change, or the reason why not. */
export function applyIntent<B, R>(
  value: RegValue | undefined,
  operation: Operation,
  tx: Pick<Intent, 'tx' | 'seq'>,
  fn: ChangeFn<B, R>,
  now: number,
): { value: RegValue; result: R } {
  refuseUntimely(value, operation, now)
  const decision = fn(versioned<B>(value), now)
  const { result } = decision
  const before = value ?? emptyValue
  const keep = 'keep' in decision
  const body = keep || decision.body === undefined ? undefined : packPlain(decision.body)
  const entry: RecentOperation = { ...operation, at: now, result: packPlain(result) }
  // There must be room for the result once the intent is settled: then there is no way back.
  remember(before, entry, now)
  return { value: { ...before, intent: { ...entry, ...tx, keep, body } }, result }
}

/** The value after the transaction was committed or came to nothing. */
export function settleIntent(value: RegValue, committed: boolean): RegValue {
  const { intent, ...before } = value
  if (!intent || !committed) return before
  const { opId, at, result, issuedAt, step, keep, body } = intent
  // Room was made when it was placed; by the same clock, so that the same operations are forgotten.
  const memory = remember(before, { opId, at, result, issuedAt, step }, at)
  return keep ? { ...before, ...memory } : { ...before, ...memory, rev: before.rev + 1, body }
}

/** An operation as a caller gave it. `fresh`: it was not tried before, so it cannot be too old. */
export interface IssuedOperation extends Operation {
  fresh: boolean
}

/**
 * The time of issue to record. A fresh operation gets one that is not below what the register has forgotten, nor below the
 * one that its repetitions will come with.
 */
export function issuedIn(
  value: RegValue | undefined,
  { opId, issuedAt, step, fresh }: IssuedOperation,
  now: number,
): Operation {
  if (!fresh) return { opId, issuedAt, step }
  const forgotten = value ? (step ? value.forgotten.steps : value.forgotten.others) : 0
  return { opId, issuedAt: Math.max(issuedAt, now, forgotten + 1), step }
}

/** Too old to be known if it was applied, or from a clock that is half a day ahead. */
export function refuseUntimely(value: RegValue | undefined, { issuedAt, step }: Operation, now: number): void {
  const ageMax = step ? regLimits.stepAgeMaxMs : regLimits.operationAgeMaxMs
  const forgotten = value ? (step ? value.forgotten.steps : value.forgotten.others) : 0
  if (issuedAt <= forgotten || issuedAt <= now - ageMax) {
    throw new ThorError('STORE_TOO_OLD', 'too old: it is not known any more whether it was done; read the history')
  }
  if (issuedAt > now + regLimits.operationAheadMaxMs) {
    throw new ThorError('STORE_BAD_REQUEST', 'an operation from the future: the clock of who issued it is wrong')
  }
}

/** What is remembered with one more result. Throws `STORE_UNAVAILABLE` when that is too much. */
function remember(value: RegValue, entry: RecentOperation, now: number): Pick<RegValue, 'recent' | 'forgotten'> {
  const memory = value.recent.with(entry, value.forgotten, now)
  if (memory) return memory
  throw new ThorError('STORE_UNAVAILABLE', `${regLimits.recentRepeatMax} changes in a few seconds; nothing changed`)
}
