import type { CallRecord } from '@thor-node/accounting'
import type { Aor } from '@thor-node/core'
import { limits } from '../../limits.ts'
import { type OperationContext, operation } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { ownedAccount } from '../scope.ts'

const LIMIT_DEFAULT = 50

/** Calls placed and received, newest first. A query that names neither direction asks for both. */
export const getCalls = operation({
  port: 'Sip',
  name: 'getCalls',
  doc: 'Calls of an account, the latest first: placed, received, or both when neither is asked for.',
  who: 'user',
  rest: 'GET /sip/accounts/{sipId}/calls',
  input: { sipId: 'SipId', query: 'CallsQuery' },
  output: 'CallsResult',
  faults: ['PROVISION_ACCOUNT_UNKNOWN'],
  async run(context, args) {
    const { aor } = await ownedAccount(context, args.sipId, 'sipId')
    const { placed, received } = args.query ?? {}
    const both = !placed && !received
    return {
      placed: both || placed ? await history(context, aor, 'placed', placed) : [],
      received: both || received ? await history(context, aor, 'received', received) : [],
    }
  },
})

/** Counts calls of a time. Without a price until calls are rated. */
export const getCallStatistics = operation({
  port: 'Sip',
  name: 'getCallStatistics',
  doc: 'Counts the calls of an account, placed and received. Calls that are not rated yet have no price.',
  who: 'user',
  rest: 'GET /sip/accounts/{sipId}/call-statistics',
  input: { sipId: 'SipId', query: 'CallsQuery' },
  output: 'CallStatisticsResult',
  faults: ['PROVISION_ACCOUNT_UNKNOWN'],
  async run(context, args) {
    const { aor } = await ownedAccount(context, args.sipId, 'sipId')
    const { placed, received } = args.query ?? {}
    return {
      placed: statistics(await context.calls.calls(aor, { direction: 'placed', ...period(placed) })),
      received: statistics(await context.calls.calls(aor, { direction: 'received', ...period(received) })),
    }
  },
})

function statistics(calls: readonly CallRecord[]): Value<'CallStatistics'> {
  const times = calls.map(({ startedAt }) => Math.floor(startedAt / 1_000))
  const ends = times.length > 0 && { firstCall: Math.min(...times), lastCall: Math.max(...times) }
  const duration = calls.reduce((sum, call) => sum + (call.durationSeconds ?? 0), 0)
  return { calls: calls.length, duration, price: 0, ...ends }
}

/** Of all calls within it: a limit is for lists. */
function period({ fromDate, toDate }: Value<'CallQuery'> = {}) {
  return {
    from: fromDate ? fromDate * 1000 : undefined,
    to: toDate ? toDate * 1000 + 999 : undefined,
    limit: limits.statisticsCallsMax,
  }
}

async function history(
  context: OperationContext,
  aor: Aor,
  direction: 'placed' | 'received',
  query: Value<'CallQuery'> = {},
): Promise<Value<'Call'>[]> {
  const { fromDate, toDate, limit } = query
  const calls = await context.calls.calls(aor, {
    direction,
    from: fromDate ? fromDate * 1000 : undefined,
    // A second on the wire lasts until the next one.
    to: toDate ? toDate * 1000 + 999 : undefined,
    limit: Math.min(limit && limit > 0 ? limit : LIMIT_DEFAULT, limits.callsMax),
  })
  return calls.map(toWire)
}

/** Times are Unix time. A call that goes on has no stop time; only answered calls have a record, hence the 200. */
function toWire(call: CallRecord): Value<'Call'> {
  return {
    sessionId: call.callId,
    fromURI: quoted(call.caller),
    toURI: quoted(call.callee),
    fromHeader: quoted(`<sip:${call.caller}>`),
    fromTag: quoted(call.fromTag),
    toTag: quoted(call.toTag),
    startTime: Math.floor(call.startedAt / 1000),
    stopTime: call.stoppedAt === undefined ? undefined : Math.floor(call.stoppedAt / 1000),
    duration: call.durationSeconds,
    status: 200,
    proxyIP: call.node,
    applicationTypes: ['audio'],
    // Numbers of ENUM are without + there.
    enumId: call.enum && { number: call.enum.number.replace(/^\+/, ''), tld: call.enum.tree },
  }
}

/** Quoted-printable (RFC 2045 §6.7) without soft line breaks, as call records hold URIs and tags. */
function quoted(text: string): string {
  return Array.from(Buffer.from(text, 'utf8'), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x3d
      ? String.fromCharCode(byte)
      : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('')
}
