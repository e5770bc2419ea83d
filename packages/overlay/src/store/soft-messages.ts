import type { Clock, RangeId } from '@thor-node/core'
import type { Newer } from './set-replica.ts'
import type { StoredEntry } from './soft-record.ts'

/** An entry on the way; its life is what is left, in milliseconds, as clocks are not compared. */
export type WireEntry = [sub: string, seq: number, hlc: number, ttlLeftMs: number, body: Uint8Array, dead: 0 | 1]

export type WireRecord = [range: RangeId, name: string, entries: WireEntry[]]

export interface SoftPut {
  range: RangeId
  epoch: number
  name: string
  entry: WireEntry
  /** The writer named no `seq`: it wants to be the newest. */
  newest: boolean
}

/** `behind`: what is there would win; the writer draws a stamp above it and repeats. */
export type SoftPutAnswer = Newer | { ok: true } | { behind: { seq: number; hlc: number } }

export interface SoftRead {
  range: RangeId
  epoch: number
  name: string
}

export type SoftReadAnswer = Newer | { entries: WireEntry[]; warming: boolean }

/** `soft.page`; `next` names the list that is being given, and its next page. */
export type SoftPage = { records: WireRecord[]; next?: [list: number, page: number] }

/** `soft.list`; `next` is the last record of this page. */
export type SoftListPage = { records: WireRecord[]; next?: [range: RangeId, name: string] }

export function toWire(entry: StoredEntry, clock: Clock): WireEntry {
  const left = Math.max(0, entry.expiresAt - clock.now())
  return [entry.sub, entry.seq, entry.hlc, left, entry.body, entry.dead ? 1 : 0]
}

/** Undefined for what is no entry. */
export function fromWire(wire: unknown, clock: Clock, ttlMsMax: number): StoredEntry | undefined {
  if (!Array.isArray(wire)) return undefined
  const [sub, seq, hlc, ttlLeftMs, body, dead] = wire as unknown[]
  const fits =
    typeof sub === 'string' &&
    Number.isFinite(seq) &&
    Number.isFinite(hlc) &&
    typeof ttlLeftMs === 'number' &&
    body instanceof Uint8Array
  if (!fits) return undefined
  const expiresAt = clock.now() + Math.min(Math.max(0, ttlLeftMs), ttlMsMax)
  return { sub, seq: seq as number, hlc: hlc as number, expiresAt, body, dead: dead === 1 }
}

export function wireBytes([, name, entries]: WireRecord): number {
  return entries.reduce((sum, [sub, , , , body]) => sum + sub.length + body.length + 40, name.length + 8)
}
