/**
 * Money of calls: held before they talk, extended while they do, settled when they end.
 *
 *   hold s0 ──► held ──extend s1, s2 …──► held ──settle sN, or expire of the latest──► settled (15 min)
 *
 * Each step has a number that grows; one that was made is answered as it was, with no effect. Nothing is charged that was not
 * granted before, and what was granted was available.
 */
import {
  available,
  type Balance,
  emptyBalance,
  type Hold,
  type Outcome,
  pruned,
  type Refused,
  refused,
  type Settled,
  withLine,
} from './balance.ts'
import { failure } from './errors.ts'
import { accountingLimits as limits } from './limits.ts'
import { type Amount, checkAmount, checkId, checkSeq, plus } from './money.ts'

/** `granted` is what this step added to what the call may use; 0 of an extension: announce the end. */
export type Granted = { type: 'granted'; granted: Amount }
/** `billed` for the whole call; `uncollected` was used beyond all that was granted. */
export type Ended = { type: 'settled'; billed: Amount; uncollected: Amount }

interface Step {
  resId: string
  seq: number
}

export interface HoldRequest extends Step {
  callUuid: string
  node: string
  /** What the first slice costs, connect cost included. 0: a free call, which counts as a call only. */
  ask: Amount
  /** Connect cost and first increment: less than this is refused. At most `ask`. */
  need: Amount
  /** Calls that the account may have at once. Default: as many as there is room for. */
  callsMax?: number
}

export interface ExtendRequest extends Step {
  /** What the call has cost so far, from its start. */
  used: Amount
  /** What the next slice costs. */
  more: Amount
  /** Who controls the call now, when that changed. */
  node?: string
}

export interface SettleRequest extends Step {
  /** What the call has cost, from its start; of an expiry: as far as it is proven. */
  used: Amount
}

/** Grants min(asked, available). */
export function hold(balance: Balance | undefined, request: HoldRequest, now: number): Outcome<Granted | Refused> {
  const { resId, seq } = checkStep(request)
  const callUuid = checkId(request.callUuid, 'callUuid')
  const node = checkId(request.node, 'node', limits.nodeBytesMax)
  const ask = checkAmount(request.ask, 'ask')
  if (checkAmount(request.need, 'need') > ask) throw failure('ACCOUNTING_BAD_REQUEST', 'a hold needs more than it asks')
  const before = pruned(balance ?? emptyBalance, now)
  if (Object.hasOwn(before.settled, resId)) return refused('ended')
  const known = holdOf(before, resId)
  if (known) return repeated(known, seq) ?? refused('exists')
  const running = Object.keys(before.holds).length
  if (running >= Math.min(request.callsMax ?? limits.holdsMax, limits.holdsMax)) return refused('calls')
  if (isFull(before) || running + Object.keys(before.settled).length >= limits.reservationsMax) return refused('full')
  const free = available(before)
  if (free < request.need) return refused('credit')
  const granted = Math.min(ask, free)
  const made: Hold = { amt: granted, billed: 0, seq, callUuid, node, at: now, answers: [[seq, granted]] }
  return { body: { ...before, holds: { ...before.holds, [resId]: made } }, result: { type: 'granted', granted } }
}

/** Bills what was used since the last step, and adds min(more, available). */
export function extend(balance: Balance | undefined, request: ExtendRequest, now: number): Outcome<Granted | Refused> {
  const { resId, seq } = checkStep(request)
  const used = checkAmount(request.used, 'used')
  const more = checkAmount(request.more, 'more')
  const node = request.node === undefined ? undefined : checkId(request.node, 'node', limits.nodeBytesMax)
  const before = pruned(balance ?? emptyBalance, now)
  if (Object.hasOwn(before.settled, resId)) return refused('ended')
  const known = holdOf(before, resId)
  if (!known) return refused('unknown')
  const answer = repeated(known, seq)
  if (answer) return answer
  if (isFull(before)) return refused('full')
  const billed = billable(known, used)
  const charged = charge(before, resId, known, billed, 0, now)
  const paid: Hold = { ...known, billed }
  const granted = Math.min(more, available({ ...charged, holds: { ...charged.holds, [resId]: paid } }))
  const answers = [...known.answers, [seq, granted] as const].slice(-limits.answersMax)
  const next: Hold = { ...paid, amt: plus(known.amt, granted), seq, node: node ?? known.node, at: now, answers }
  return {
    body: { ...charged, holds: { ...charged.holds, [resId]: next } },
    result: { type: 'granted', granted },
  }
}

/** Bills min(used, granted) and gives the rest back. An excess is written down as uncollected. */
export function settle(
  balance: Balance | undefined,
  request: SettleRequest,
  now: number,
): Outcome<Granted | Ended | Refused> {
  const { resId, seq } = checkStep(request)
  const used = checkAmount(request.used, 'used')
  const before = pruned(balance ?? emptyBalance, now)
  const ended = endOf(before, resId)
  if (ended) return { keep: true, result: ended }
  const known = holdOf(before, resId)
  if (!known) return refused('unknown')
  return repeated(known, seq) ?? close(before, resId, known, seq, used, now)
}

/**
 * For the home of the account, when a slice ran out long ago and nobody extended: settles with the last proven use, unless
 * there was a step after `seq`.
 */
export function expire(
  balance: Balance | undefined,
  request: SettleRequest,
  now: number,
): Outcome<Ended | { type: 'moved'; seq: number } | Refused> {
  const { resId, seq } = checkStep(request)
  const used = checkAmount(request.used, 'used')
  const before = pruned(balance ?? emptyBalance, now)
  const ended = endOf(before, resId)
  if (ended) return { keep: true, result: ended }
  const known = holdOf(before, resId)
  if (!known) return refused('unknown')
  if (known.seq !== seq) return { keep: true, result: { type: 'moved', seq: known.seq } }
  return close(before, resId, known, seq, used, now)
}

function close(balance: Balance, resId: string, known: Hold, seq: number, used: Amount, now: number): Outcome<Ended> {
  const billed = billable(known, used)
  const uncollected = Math.max(0, used - known.amt)
  const charged = charge(balance, resId, known, billed, uncollected, now)
  const { [resId]: _, ...holds } = charged.holds
  const entry: Settled = [seq, billed, uncollected, now]
  return {
    body: { ...charged, holds, settled: { ...charged.settled, [resId]: entry } },
    result: { type: 'settled', billed, uncollected },
  }
}

/** Never less than was billed already, never more than was granted. */
const billable = (known: Hold, used: Amount): Amount => Math.min(Math.max(used, known.billed), known.amt)

function charge(
  balance: Balance,
  resId: string,
  { billed: before, callUuid }: Hold,
  billed: Amount,
  uncollected: Amount,
  at: number,
): Balance {
  if (billed === before && uncollected === 0) return balance
  const told = uncollected > 0 ? { uncollected } : {}
  return withLine(balance, { at, kind: 'call', amount: before - billed, ref: resId, about: callUuid, ...told })
}

/** What a step that was made already was answered; undefined for a new one. */
function repeated(known: Hold, seq: number): { keep: true; result: Granted | Refused } | undefined {
  if (seq > known.seq) return undefined
  const answer = known.answers.find(([made]) => made === seq)
  return answer ? { keep: true, result: { type: 'granted', granted: answer[1] } } : refused('past')
}

function endOf({ settled }: Balance, resId: string): Ended | undefined {
  if (!Object.hasOwn(settled, resId)) return undefined
  const [, billed, uncollected] = settled[resId] as Settled
  return { type: 'settled', billed, uncollected }
}

const holdOf = ({ holds }: Balance, resId: string): Hold | undefined =>
  Object.hasOwn(holds, resId) ? holds[resId] : undefined

/** Room is left for the last lines of the calls that run. */
export const isFull = ({ tail }: Balance): boolean => tail.length >= limits.tailRefuseAt

function checkStep({ resId, seq }: Step): Step {
  return { resId: checkId(resId, 'resId'), seq: checkSeq(seq) }
}
