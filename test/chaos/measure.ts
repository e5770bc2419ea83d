/** From a history: for how long which kind of operation failed after a fault, by the part that the victim had in it. Pure. */

import { isFault, isOperation } from './checker.ts'
import type { Entry, Fault, Operation } from './history.ts'

/**
 * What the victim was for an operation. `edge`: the client's node; for writes the proposer too. `none`: nothing. `minority` is
 * for operations at nodes that reach no majority of the account's replicas.
 */
export type Position = 'home' | 'replica' | 'edge' | 'minority' | 'none'
export type Kind = 'lookup' | 'binding' | 'write' | 'register' | 'call'

export interface Gap {
  kind: Kind
  position: Position
  /**
   * From the fault to the end of the last failure, or of the longest wait where nothing failed. Of calls: to the beginning of
   * the last one that failed. In the minority: the longest time to an answer, mostly a refusal.
   */
  ms: number
  /** Operations that were under way at the moment of the fault. */
  inFlight: number
  count: number
}

const kinds: readonly Kind[] = ['lookup', 'binding', 'write', 'register', 'call']

function positionOf(first: Operation, { victims, places, minority }: Fault): Position {
  if ('subject' in first && minority?.[first.subject]?.includes(first.node)) return 'minority'
  if (victims.includes(first.node)) return 'edge'
  const place = 'subject' in first ? places?.[first.subject] : undefined
  if (place && victims.includes(place.home)) return 'home'
  return place?.replicas.some((number) => victims.includes(number)) ? 'replica' : 'none'
}

/** Attempts by wish, in order, of those that overlap the fault. */
function wishesOf(fault: Fault, operations: readonly Operation[]): Operation[][] {
  const wishes = Map.groupBy(operations, ({ wish }) => wish)
  return [...wishes.values()].filter(
    (attempts) => (attempts[0] as Operation).from < fault.until && (attempts.at(-1) as Operation).to > fault.at,
  )
}

function gapOf(attempts: readonly Operation[], { at }: Fault, position: Position): number {
  if (position === 'minority') return (attempts[0] as Operation).to - Math.max(at, (attempts[0] as Operation).from)
  const [first, last] = [attempts[0] as Operation, attempts.at(-1) as Operation]
  const failed = attempts.some(({ outcome, to }) => outcome !== 'ok' && to > at)
  if (first.type === 'call') return failed && first.from > at ? first.from - at : 0
  // A client that comes later and finds nobody at its node waits from when it came.
  const cameLater = attempts.every(({ outcome }) => outcome === 'ok' || outcome === 'unreachable')
  return last.to - (failed && !cameLater ? at : Math.max(first.from, at))
}

export function gapsOf(fault: Fault, operations: readonly Operation[]): Gap[] {
  const gaps = new Map<string, Gap>()
  for (const attempts of wishesOf(fault, operations)) {
    const first = attempts[0] as Operation
    const kind = kinds.find((name) => name === first.type)
    if (!kind) continue
    const position = positionOf(first, fault)
    const id = `${kind} ${position}`
    const gap = gaps.get(id) ?? { kind, position, ms: 0, inFlight: 0, count: 0 }
    gaps.set(id, gap)
    gap.count++
    if (first.from <= fault.at) gap.inFlight++
    gap.ms = Math.max(gap.ms, gapOf(attempts, fault, position))
  }
  return [...gaps.values()]
}

export interface Spread {
  count: number
  median: number
  p99: number
  max: number
}

export function spreadOf(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  const half = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? at(0.5) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2
  return { count: sorted.length, median, p99: at(0.99), max: sorted.at(-1) ?? 0 }
}

export interface GapRow extends Spread {
  kind: Kind
  position: Position
  /** Faults that struck while such an operation was under way. */
  struck: number
}

export interface FigureRow extends Spread {
  name: string
}

export interface Measured {
  faults: number
  /** By kind, per fault the longest gap: for clients of nodes that were not struck, and for those of the victims. */
  whole: { kind: Kind; survivors: Spread; clients: Spread; minority: Spread }[]
  gaps: GapRow[]
  figures: FigureRow[]
  /** Operations that were acknowledged or answered, and those that were not, by kind. */
  operations: Record<string, { ok: number; failed: number }>
}

const positions: readonly Position[] = ['home', 'replica', 'edge', 'minority', 'none']

export function measure(entries: readonly Entry[]): Measured {
  const faults = entries.filter(isFault)
  const operations = entries.filter(isOperation)
  const perFault = faults.map((fault) => gapsOf(fault, near(operations, fault)))
  const gaps: GapRow[] = []
  for (const kind of kinds) {
    for (const position of positions) {
      const mine = perFault.flatMap((list) => list.filter((gap) => gap.kind === kind && gap.position === position))
      if (mine.length === 0) continue
      const struck = mine.filter(({ inFlight }) => inFlight > 0).length
      gaps.push({ kind, position, struck, ...spreadOf(mine.map(({ ms }) => ms)) })
    }
  }
  const longest = (kind: Kind, fits: (position: Position) => boolean): Spread =>
    spreadOf(
      perFault.flatMap((list) => {
        const mine = list.filter((gap) => gap.kind === kind && fits(gap.position)).map(({ ms }) => ms)
        return mine.length > 0 ? [Math.max(...mine)] : []
      }),
    )
  const whole = kinds.map((kind) => ({
    kind,
    survivors: longest(kind, (position) => position !== 'edge' && position !== 'minority'),
    clients: longest(kind, (position) => position === 'edge'),
    minority: longest(kind, (position) => position === 'minority'),
  }))
  const figures = new Map<string, number[]>()
  const note = (name: string, value: number): void => {
    figures.set(name, [...(figures.get(name) ?? []), value])
  }
  for (const { figures: more = {} } of faults) {
    for (const [name, value] of Object.entries(more)) note(name, value)
  }
  const counts: Measured['operations'] = {}
  for (const { type, outcome } of operations) {
    counts[type] ??= { ok: 0, failed: 0 }
    counts[type][outcome === 'ok' ? 'ok' : 'failed']++
  }
  return {
    faults: faults.length,
    whole,
    gaps,
    figures: [...figures].map(([name, values]) => ({ name, ...spreadOf(values) })),
    operations: counts,
  }
}

/** Those that may matter to a fault, with all attempts of their wishes: a long run has many faults. */
function near(operations: readonly Operation[], { at, until }: Fault): Operation[] {
  const wishes = new Set<number>()
  for (const { wish, from, to } of operations) if (from < until && to > at) wishes.add(wish)
  return operations.filter(({ wish }) => wishes.has(wish))
}
