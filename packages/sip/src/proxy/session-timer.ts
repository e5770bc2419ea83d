/** A proxy's part in session timers (RFC 4028 §8): sees to it that calls are refreshed, where a party can do it. */
import type { SipRequest, SipResponse } from '../message/contract.ts'
import { parseParams, splitList } from '../message/index.ts'
import type { Refusal } from './validate.ts'

export interface SessionTimes {
  /** Seconds between refreshes that are asked for where nobody does; 0: none are. */
  interval: number
  /** The shortest interval that is let through. */
  min: number
}

/** RFC 4028 §5: nobody need accept less, and nobody may ask for less. */
const MIN_SE_DEFAULT = 90

const supportsTimer = (message: SipRequest | SipResponse): boolean =>
  message.headers
    .getAll('Supported')
    .flatMap(splitList)
    .some((tag) => tag.toLowerCase() === 'timer')

const refreshes = (method: string): boolean => method === 'INVITE' || method === 'UPDATE'

/** Session-Expires or Min-SE in seconds; undefined when absent or malformed. */
function secondsOf(message: SipRequest | SipResponse, name: string): number | undefined {
  const text = /^\s*(\d{1,10})\s*(?:;|$)/.exec(message.headers.get(name) ?? '')?.[1]
  return text === undefined ? undefined : Number(text)
}

/** The interval of an answered INVITE or UPDATE: without a refresh in this time the session is over. */
export const sessionSeconds = (response: SipResponse): number | undefined =>
  refreshes(response.cseq.method) && response.status >= 200 && response.status < 300
    ? secondsOf(response, 'Session-Expires')
    : undefined

/** 422 for a caller who wants to refresh too often, and who would understand it. */
export function refuseSession(request: SipRequest, { min }: SessionTimes): Refusal | undefined {
  const asked = secondsOf(request, 'Session-Expires')
  if (!refreshes(request.method) || asked === undefined || asked >= min || !supportsTimer(request)) return undefined
  return { status: 422, reason: 'Session Interval Too Small', headers: [['Min-SE', `${min}`]] }
}

/** Asks for refreshes in a copy on its way, no more often than anybody on the way wants. */
export function askForRefreshes(copy: SipRequest, { interval, min }: SessionTimes): void {
  if (!refreshes(copy.method) || interval === 0) return
  const asked = secondsOf(copy, 'Session-Expires')
  const least = secondsOf(copy, 'Min-SE') ?? MIN_SE_DEFAULT
  if (asked === undefined) copy.headers.set('Session-Expires', `${Math.max(interval, least, min)}`)
  else if (asked < min) {
    // Its sender knows nothing of Min-SE, so he is not refused (§8.1).
    const params = refresherOf(copy)
    copy.headers.set('Session-Expires', `${min}${params}`)
    copy.headers.set('Min-SE', `${Math.max(min, least)}`)
  }
}

function refresherOf(copy: SipRequest): string {
  const value = copy.headers.get('Session-Expires') ?? ''
  const refresher = parseParams(value.slice(value.indexOf(';') < 0 ? value.length : value.indexOf(';'))).get(
    'refresher',
  )
  return refresher ? `;refresher=${refresher}` : ''
}

/**
 * A 2xx from a callee without session timers: the caller refreshes then, if he can (§8.2). `request`: as the caller sent it.
 */
export function grantRefreshes(response: SipResponse, request: SipRequest, { interval, min }: SessionTimes): void {
  if (interval === 0 || !refreshes(request.method) || response.status < 200 || response.status >= 300) return
  if (response.headers.has('Session-Expires') || !supportsTimer(request)) return
  const least = Math.max(secondsOf(request, 'Min-SE') ?? MIN_SE_DEFAULT, min)
  const seconds = Math.max(secondsOf(request, 'Session-Expires') ?? interval, least)
  response.headers.set('Session-Expires', `${seconds};refresher=uac`)
  response.headers.append('Require', 'timer')
}
