/**
 * How much a node has to do, in five coarse steps that change seldom, so that answers of DNS do not. Pure: (state, sample) → state.
 *
 *     busy, smoothed   0 ····· 0.35 ····· 0.55 ····· 0.75 ····· 0.9 ····· 1       rises at these, falls 0.1 below them
 *     level                 0        1          2          3         4
 *     factor                1        0.8        0.5        0.25      0.1
 *
 * A level stays for ten seconds at least, then falls by one at a time; a node that sheds requests is at 4 at once.
 */

export type LoadLevel = 0 | 1 | 2 | 3 | 4

export interface LoadState {
  /** Share of time in which the node worked, smoothed; undefined before the first sample. */
  smooth: number | undefined
  level: LoadLevel
  /** When the level changed last, ms of the monotonic clock. */
  changedAt: number
}

export interface LoadSample {
  /** Share of the time since the sample before in which the node worked, 0 … 1. */
  busy: number
  /** New requests are being refused. */
  shedding: boolean
  /** Ms of the monotonic clock. */
  now: number
}

/** Of the settings `dns.weight` and `dns.priority`. */
export const SHARE_MAX = 100
export const PRIORITY_MAX = 1_000
export const DEFAULT_PRIORITY = 10

/** Between samples. */
export const LOAD_SAMPLE_MS = 1_000

const RISE_AT = [0.35, 0.55, 0.75, 0.9]
const FALL_BELOW = 0.1
const HOLD_MS = 10_000
/** Of what is known, the newest sample is so much: half of a change shows after about four. */
const NEWEST = 0.15

const FACTORS: Readonly<Record<LoadLevel, number>> = { 0: 1, 1: 0.8, 2: 0.5, 3: 0.25, 4: 0.1 }
/** What is supposed of a node that has not said how it is. */
export const MIDDLE_LEVEL: LoadLevel = 2

export const idleLoad: LoadState = { smooth: undefined, level: 0, changedAt: Number.NEGATIVE_INFINITY }

export function nextLoad({ smooth: before, level, changedAt }: LoadState, sample: LoadSample): LoadState {
  const { busy, shedding, now } = sample
  const smooth = before === undefined ? busy : before + NEWEST * (busy - before)
  if (shedding) return { smooth, level: 4, changedAt: now }
  const risen = RISE_AT.filter((at) => smooth >= at).length
  const falls = level > 0 && smooth < (RISE_AT[level - 1] as number) - FALL_BELOW
  const wanted = risen > level ? risen : falls ? level - 1 : level
  if (wanted === level || now - changedAt < HOLD_MS) return { smooth, level, changedAt }
  return { smooth, level: wanted as LoadLevel, changedAt: now }
}

export const isLoadLevel = (value: unknown): value is LoadLevel => typeof value === 'number' && value in FACTORS

/** How many phones a node is to get, compared with the others, as its own setting and its load have it. */
export const shareAt = (weight: number, level: LoadLevel): number => weight * FACTORS[level]
