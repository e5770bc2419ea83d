/**
 * Judges a history after the run, apart from who made it. Pure. Registers are held to linearizability as far as one writer per
 * account shows it: no read may be older than what was acknowledged, or read, before it began.
 */
import type { Binding, Entry, Fault, Final, Lenient, Lookup, Operation, Register, Write } from './history.ts'

export interface Violation {
  /**
   * `lost`: acknowledged and gone. `doubled`: happened twice. `stale`: read older than known. `invented`: never written.
   * `unequal`: copies differ at last.
   */
  kind: 'lost' | 'doubled' | 'stale' | 'invented' | 'unequal'
  text: string
}

/** What is asked of the oldest value that a read may show: grows with time. */
interface Floor {
  at: number
  value: number
}

const isWrite = (entry: Entry): entry is Write => entry.type === 'write'
const isLookup = (entry: Entry): entry is Lookup => entry.type === 'lookup'
const isRegister = (entry: Entry): entry is Register => entry.type === 'register'
const isBinding = (entry: Entry): entry is Binding => entry.type === 'binding'
const isFinal = (entry: Entry): entry is Final => entry.type === 'final'
const isLenient = (entry: Entry): entry is Lenient => entry.type === 'lenient'
export const isFault = (entry: Entry): entry is Fault => entry.type === 'fault'
export const isOperation = (entry: Entry): entry is Operation => !isFault(entry) && !isFinal(entry) && !isLenient(entry)

/** The highest floor that was set at or before a moment; `floors` are in order of time. */
function floorAt(floors: readonly Floor[], moment: number): number {
  let [low, high] = [0, floors.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((floors[middle] as Floor).at <= moment) low = middle + 1
    else high = middle
  }
  return floors[low - 1]?.value ?? -1
}

/** Running maximum in order of time. */
function rising(points: Floor[]): Floor[] {
  let highest = -1
  return points
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, value }) => {
      highest = Math.max(highest, value)
      return { at, value: highest }
    })
}

const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 23)

function checkRegisters(entries: readonly Entry[]): Violation[] {
  const found: Violation[] = []
  const writes = Map.groupBy(entries.filter(isWrite), ({ subject }) => subject)
  const reads = Map.groupBy(
    entries.filter(isLookup).filter(({ outcome }) => outcome === 'ok'),
    ({ subject }) => subject,
  )
  for (const [subject, list] of reads) {
    const mine = writes.get(subject) ?? []
    const acknowledged = mine.filter(({ outcome }) => outcome === 'ok').map(({ to, value }) => ({ at: to, value }))
    const seen = list.map(({ to, value = -1 }) => ({ at: to, value }))
    const known = rising([...acknowledged, ...seen])
    const acked = rising(acknowledged)
    const begun = rising(mine.map(({ from, value }) => ({ at: from, value })))
    for (const { from, to, node, value = -1 } of list) {
      const [least, leastAcked, most] = [floorAt(known, from), floorAt(acked, from), floorAt(begun, to)]
      const what = `${subject} at node ${node}, ${clock(from)}: read ${value}`
      if (value < leastAcked) found.push({ kind: 'lost', text: `${what}, acknowledged ${leastAcked}` })
      else if (value < least) found.push({ kind: 'stale', text: `${what}, read before ${least}` })
      if (value > Math.max(most, 0)) found.push({ kind: 'invented', text: `${what}, written ${most}` })
    }
  }
  for (const final of entries.filter(isFinal)) {
    const shown = Map.groupBy(final.accounts, ({ aor }) => aor)
    for (const [subject, mine] of writes) {
      const least = Math.max(0, ...mine.filter(({ outcome }) => outcome === 'ok').map(({ value }) => value))
      const records = shown.get(subject) ?? []
      if (records.length > 1) found.push({ kind: 'doubled', text: `${subject} is listed ${records.length} times` })
      const value = Number(/^c(\d+)$/.exec(records[0]?.displayName ?? '')?.[1] ?? -1)
      if (value >= least) continue
      found.push({ kind: 'lost', text: `${subject} in the end at node ${final.node}: ${value}, acknowledged ${least}` })
    }
  }
  return found
}

function checkBindings(entries: readonly Entry[]): Violation[] {
  const found: Violation[] = []
  const lenient = entries.filter(isLenient)
  const forgotten = lenient.filter((span) => span.of === 'registers')
  const registers = Map.groupBy(entries.filter(isRegister), ({ subject }) => subject)
  for (const { subject, from, to, node, outcome, values = [] } of entries.filter(isBinding)) {
    if (outcome !== 'ok') continue
    const late = lenient.filter((span) => span.of === 'reads' && span.from <= to && from <= span.to)
    const moment = from - Math.max(0, ...late.map(({ forgetMs }) => forgetMs))
    const mine = registers.get(subject) ?? []
    const counts = (one: Register): boolean =>
      one.outcome === 'ok' && one.to <= moment && !forgotten.some((span) => span.from <= one.to && one.to <= span.to)
    const acked = mine.filter(counts).map(({ value }) => value)
    const least = Math.max(-1, ...acked)
    const most = Math.max(-1, ...mine.filter((one) => one.from <= to).map(({ value }) => value))
    const what = `${subject} at node ${node}, ${clock(from)}`
    if (values.length > 1) found.push({ kind: 'doubled', text: `${what}: ${values.length} bindings of one phone` })
    const value = values[0] ?? -1
    if (value < least) {
      const kind = value < 0 ? 'lost' : 'stale'
      found.push({ kind, text: `${what}: binding of REGISTER ${value}, acknowledged ${least}` })
    }
    if (value > most) found.push({ kind: 'invented', text: `${what}: binding of REGISTER ${value}, sent ${most}` })
  }
  return found
}

function checkClaims(entries: readonly Entry[]): Violation[] {
  const found: Violation[] = []
  const claims = entries.filter((entry) => entry.type === 'claim').filter(({ outcome }) => outcome === 'ok')
  const finals = entries.filter(isFinal).map(({ node, accounts }) => ({
    node,
    names: new Map(accounts.map(({ aor, displayName }) => [aor, displayName])),
  }))
  for (const [subject, winners] of Map.groupBy(claims, (claim) => claim.subject)) {
    if (winners.length > 1) found.push({ kind: 'doubled', text: `${subject} was given to ${winners.length} at once` })
    for (const { node, names } of finals) {
      const owner = names.get(subject)
      if (winners.some(({ by }) => by === owner)) continue
      found.push({
        kind: 'lost',
        text: `${subject} at node ${node} belongs to ${owner}, acknowledged ${winners[0]?.by}`,
      })
    }
  }
  return found
}

function checkCalls(entries: readonly Entry[]): Violation[] {
  const found: Violation[] = []
  const answered = entries.filter((entry) => entry.type === 'call').filter(({ outcome }) => outcome === 'ok')
  for (const { node, calls } of entries.filter(isFinal)) {
    const records = Map.groupBy(calls, ({ callId }) => callId)
    for (const { callId, from } of answered) {
      const mine = records.get(callId) ?? []
      const what = `the call ${callId} of ${clock(from)} at node ${node}`
      if (mine.length === 0) found.push({ kind: 'lost', text: `${what} has no record` })
      else if (!mine.some(({ closed }) => closed)) found.push({ kind: 'lost', text: `${what} has no end` })
    }
    for (const [callId, list] of records) {
      if (list.length > 1) found.push({ kind: 'doubled', text: `the call ${callId} has ${list.length} records` })
    }
  }
  return found
}

function checkCopies(entries: readonly Entry[]): Violation[] {
  const texts = entries.filter(isFinal).flatMap(({ differing = [] }) => differing)
  return texts.map((text) => ({ kind: 'unequal', text }))
}

/** All that is wrong. */
export function check(entries: readonly Entry[]): Violation[] {
  const checks = [checkRegisters, checkBindings, checkClaims, checkCalls, checkCopies]
  return checks.flatMap((one) => one(entries))
}
