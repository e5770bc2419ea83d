/** What the acts of the story share: the stage, the two phones, and small ways to wait and to listen. */
import { type Aor, type Clock, type Logger, type Net, type Random, sleep } from '@thor-node/core'
import { count } from '../status/format.ts'
import type { Paint } from '../status/paint.ts'
import { renderRing } from '../status/ring.ts'
import type { PhoneCall } from './call.ts'
import { COUNT_LIMIT_MS, HEARD_SHARE_MIN, POLL_MS } from './limits.ts'
import type { Phone } from './phone.ts'
import { type Report, showMs } from './report.ts'
import type { Stage, StageNode } from './stage.ts'

export interface Cast {
  clock: Clock
  random: Random
  net: Net
  logger: Logger
  stage: Stage
  report: Report
  paint: Paint
  signal: AbortSignal
}

/** Names and pitches. */
export const alice = { user: 'alice', toneHz: 440, last: 11 }
export const bob = { user: 'bob', toneHz: 660, last: 12 }

export interface Phones {
  alice: Phone
  bob: Phone
}

/** A call as both phones have it. */
export interface Talk {
  caller: PhoneCall
  callee: PhoneCall
}

export const wait = ({ clock, signal }: Cast, ms: number): Promise<void> => sleep(clock, ms, signal)

/** Tries until it gives something, and says how long after `since` that was; undefined after the limit. */
export async function until<T>(
  cast: Cast,
  since: number,
  limitMs: number,
  attempt: () => Promise<T | undefined> | T | undefined,
): Promise<{ value: T; afterMs: number } | undefined> {
  for (;;) {
    const value = await Promise.resolve(attempt()).catch(() => undefined)
    const afterMs = cast.clock.now() - since
    if (value !== undefined) return { value, afterMs }
    if (afterMs >= limitMs) return undefined
    await wait(cast, POLL_MS)
  }
}

/** Dials, and finds the call at the other phone as well. A refusal is its status. */
export async function dial(
  cast: Cast,
  from: Phone,
  to: Phone,
): Promise<{ talk: Talk | undefined; status: number; tookMs: number }> {
  const { call, status, tookMs } = await from.call(to.aor)
  const callee = call && (await until(cast, cast.clock.now(), 1_000, () => to.callWith(call.callId)))?.value
  return { talk: call && callee && { caller: call, callee }, status, tookMs }
}

export interface Listening {
  /** Parts of the time in which each heard the other's tone. */
  caller: number
  callee: number
  held: boolean
  figure: string
  gapMs: number
}

/** Starts to listen at both ends; the function that it returns tells what was heard since. */
export function listen({ caller, callee }: Talk): () => Listening {
  const before = [caller.audio.heard(), callee.audio.heard()] as const
  caller.audio.takeGapMs()
  callee.audio.takeGapMs()
  return () => {
    const share = (audio: PhoneCall['audio'], since: { at: number; heardMs: number }): number => {
      const now = audio.heard()
      // A window of 100 ms may be open at either end.
      return Math.min(1, (now.heardMs - since.heardMs + 100) / Math.max(1, now.at - since.at))
    }
    const heard = { caller: share(caller.audio, before[0]), callee: share(callee.audio, before[1]) }
    const gapMs = Math.max(caller.audio.takeGapMs(), callee.audio.takeGapMs())
    const percent = (part: number): string => `${Math.round(part * 100)} %`
    return {
      ...heard,
      gapMs,
      held: heard.caller >= HEARD_SHARE_MIN && heard.callee >= HEARD_SHARE_MIN,
      figure: `${percent(heard.caller)} / ${percent(heard.callee)}, longest gap ${showMs(gapMs)}`,
    }
  }
}

/** The ring as this node sees it, once it counts so many calls; a count that stays wrong does not hold. */
export async function picture(cast: Cast, node: StageNode, calls: number): Promise<void> {
  const at = cast.clock.now()
  const right = await until(cast, at, COUNT_LIMIT_MS, async () => {
    const status = await node.control.status()
    return status.totals.calls === calls ? status : undefined
  })
  const { nodes, ring, totals, domain } = right?.value ?? (await node.control.status())
  const figure = right ? showMs(right.afterMs) : `counts ${totals.calls}`
  if (cast.report.acts.length > 1)
    cast.report.check(`status counts ${count(calls, 'call')}`, right !== undefined, figure)
  const shown = nodes.filter(({ state }) => state !== 'left')
  const centre = [domain, count(totals.registrations, 'phone'), count(totals.calls, 'call')]
  cast.report.picture(renderRing(shown, ring.ranges, centre, cast.paint))
}

export const aorOf = (user: string, domain: string): Aor => `${user}@${domain}`
