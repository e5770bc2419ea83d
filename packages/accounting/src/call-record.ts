import type { Aor } from '@thor-node/core'
import type { CallClosed, CallOpened, CallRecord, EndCause } from './cdr.ts'
import { failure } from './errors.ts'

/**
 * From stored pieces to call records. A call leaves one `CallOpened` and, when it ends, one `CallClosed`; after failures
 * there may be several of either. Everything here is a pure function.
 */

/** How much a cause knows about the end: signalling beats media time-out beats a sweeper that found the call lost. */
const trust: Readonly<Record<EndCause, number>> = {
  'bye-caller': 3,
  'bye-callee': 3,
  'max-duration': 3,
  admin: 3,
  'media-timeout': 2,
  lost: 1,
}

export function isEndCause(value: unknown): value is EndCause {
  return typeof value === 'string' && Object.hasOwn(trust, value)
}

/**
 * The one end of a call that was closed several times: the best informed, then the earlier. What another close counted
 * beyond it is kept: counters only grow while a call goes on, so the highest of each is the truth. Undefined for none.
 */
export function mergeClosed(closes: readonly CallClosed[]): CallClosed | undefined {
  const [best] = closes.toSorted((a, b) => trust[b.cause] - trust[a.cause] || a.stoppedAt - b.stoppedAt)
  if (!best) return undefined
  const highest = (key: 'callerBytes' | 'calleeBytes' | 'callerPackets' | 'calleePackets'): number =>
    Math.max(...closes.map((closed) => closed[key]))
  return {
    ...best,
    callerBytes: highest('callerBytes'),
    calleeBytes: highest('calleeBytes'),
    callerPackets: highest('callerPackets'),
    calleePackets: highest('calleePackets'),
    codecs: [...new Set([best, ...closes].flatMap((closed) => closed.codecs))],
  }
}

/** The one opening of a call that was opened several times (an INVITE answered through two nodes): the earlier. */
export function mergeOpened(opens: readonly CallOpened[]): CallOpened | undefined {
  return opens.toSorted((a, b) => a.startedAt - b.startedAt)[0]
}

/**
 * One call as operators see it. Codecs are those that were seen, or, before the end, those that were offered. A stop
 * before the start (clocks of two nodes) counts as the start.
 */
export function composeCall(opened: CallOpened, closes: readonly CallClosed[] = []): CallRecord {
  const closed = mergeClosed(closes)
  if (!closed) return { ...opened, callerBytes: 0, calleeBytes: 0, callerPackets: 0, calleePackets: 0 }
  const stoppedAt = Math.max(closed.stoppedAt, opened.startedAt)
  const { cause, callerBytes, calleeBytes, callerPackets, calleePackets } = closed
  return {
    ...opened,
    codecs: closed.codecs.length > 0 ? closed.codecs : opened.codecs,
    stoppedAt,
    durationSeconds: Math.round((stoppedAt - opened.startedAt) / 1000),
    cause,
    callerBytes,
    calleeBytes,
    callerPackets,
    calleePackets,
  }
}

/** Records of many calls from their pieces in any order; a close whose opening is missing is left out. */
export function composeCalls(opens: readonly CallOpened[], closes: readonly CallClosed[]): CallRecord[] {
  const closesOf = Map.groupBy(closes, (closed) => closed.callUuid)
  return [...Map.groupBy(opens, (opened) => opened.callUuid)].map(([callUuid, several]) =>
    composeCall(mergeOpened(several) as CallOpened, closesOf.get(callUuid)),
  )
}

/** Which calls are wanted; every part that is given must hold. */
export interface CallFilter {
  /** Calls of this account. */
  account?: Aor
  /** Seen from `account`. @default 'both' */
  direction?: 'placed' | 'received' | 'both'
  /** Started at or after, epoch milliseconds. */
  from?: number
  /** Started before, epoch milliseconds. */
  to?: number
  /** Only calls that go on (true) or are over (false). */
  ongoing?: boolean
  /** At most so many, the latest. */
  limit?: number
}

export function matchesFilter(record: CallRecord, filter: CallFilter): boolean {
  const { account, direction = 'both', from, to, ongoing } = filter
  if (account !== undefined) {
    const placed = direction !== 'received' && (record.caller === account || record.billedTo === account)
    const received = direction !== 'placed' && record.callee === account
    if (!placed && !received) return false
  }
  if (from !== undefined && record.startedAt < from) return false
  if (to !== undefined && record.startedAt >= to) return false
  return ongoing === undefined || ongoing === (record.stoppedAt === undefined)
}

/** Latest first; calls of the same millisecond by id, so that every node lists them alike. */
export function byLatest(a: CallRecord, b: CallRecord): number {
  if (a.startedAt !== b.startedAt) return b.startedAt - a.startedAt
  return a.callUuid < b.callUuid ? -1 : a.callUuid > b.callUuid ? 1 : 0
}

/** Filtered, latest first, limited. */
export function selectCalls(records: readonly CallRecord[], filter: CallFilter = {}): CallRecord[] {
  const found = records.filter((record) => matchesFilter(record, filter)).sort(byLatest)
  return filter.limit === undefined ? found : found.slice(0, Math.max(0, filter.limit))
}

/** What storage gave, checked: throws `ACCOUNTING_RECORD_BROKEN` when it is not a `CallOpened`. Unknown fields are kept. */
export function readOpened(body: unknown): CallOpened {
  const fields = asFields(body, 'an opened call')
  check(fields, openedStrings, isString)
  check(fields, ['startedAt'], isTime)
  check(fields, ['codecs'], isStrings)
  check(fields, ['enum'], isLed)
  return fields as unknown as CallOpened
}

/** The same for a `CallClosed`. */
export function readClosed(body: unknown): CallClosed {
  const fields = asFields(body, 'a closed call')
  check(fields, ['callUuid', 'leg'], isString)
  check(fields, ['stoppedAt'], isTime)
  check(fields, ['callerBytes', 'calleeBytes', 'callerPackets', 'calleePackets'], isCount)
  check(fields, ['codecs'], isStrings)
  check(fields, ['cause'], isEndCause)
  return fields as unknown as CallClosed
}

const openedStrings = [
  'callUuid',
  'leg',
  'callId',
  'fromTag',
  'toTag',
  'billedTo',
  'caller',
  'callee',
  'requestUri',
  'callerUserAgent',
  'calleeUserAgent',
  'node',
] as const

type Fields = Record<string, unknown>

const isString = (value: unknown): boolean => typeof value === 'string'
const isTime = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value > 0
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isLed = (value: unknown): boolean =>
  value === undefined ||
  (typeof value === 'object' && value !== null && ['tree', 'number'].every((name) => isString((value as Fields)[name])))
const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every(isString)

function asFields(body: unknown, what: string): Fields {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Fields
  throw failure('ACCOUNTING_RECORD_BROKEN', `a stored record is not ${what}`)
}

function check(fields: Fields, names: readonly string[], isGood: (value: unknown) => boolean): void {
  for (const name of names) {
    if (isGood(fields[name])) continue
    throw failure('ACCOUNTING_RECORD_BROKEN', `a stored call record has an impossible ${name}`)
  }
}
