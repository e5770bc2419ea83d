/**
 * Old copies of disks, pure. Each node counts what it writes durably; the count lies on its disk in the same batches. Peers
 * remember the highest count that they were told, so a disk that was put back to an earlier image, or is used by two processes,
 * shows: what it starts from is behind what is remembered.
 *
 *   disk   … 41 42 │ image taken        start from the image: base 42
 *   told   … 41 42   43 44 45           remembered 45 > 42: an old copy, which may have forgotten promises
 */
import type { NodeId } from '../peers.ts'
import { lifeLimits } from './limits.ts'

/** What a process says of itself. */
export interface Claim {
  /** Random, one per process. */
  session: string
  /** The count that it found on its disk. */
  base: number
  /** The count now; grows with every durable write. */
  count: number
  /** Processes before it on the same disk of which none was confirmed by others, and what the first of them found. */
  before?: { sessions: readonly string[]; base: number }
  /** An operator ordered this copy to be taken, whatever was lost. */
  forced?: boolean
}

/** What a node remembers of another one. */
export interface Remembered {
  session: string
  count: number
}

/** What the listener remembers from now on, or undefined: an old copy, or a second process on the same disk. */
export function judge(known: Remembered | undefined, claim: Claim): Remembered | undefined {
  const { session, base, count, before, forced } = claim
  if (known && known.session === session) return { session, count: Math.max(known.count, count) }
  if (!known || forced) return { session, count }
  // An old copy that was started and counted on while nobody looked is still one when it is started again.
  const from = before && !before.sessions.includes(known.session) ? before.base : base
  return from >= known.count ? { session, count } : undefined
}

/** Of what two nodes remember of a third, the later: counts of one disk only grow. */
export function laterOf(one: Remembered | undefined, other: Remembered): Remembered {
  return one && one.count >= other.count ? one : other
}

const isSession = (value: unknown): value is string => typeof value === 'string' && value.length <= 64
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** Undefined when it is none. */
export function toClaim(value: unknown): Claim | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { session, base, count, before, forced } = value as Record<string, unknown>
  if (!isSession(session) || !isCount(base) || !isCount(count)) return undefined
  const chain = toChain(before)
  if (before !== undefined && !chain) return undefined
  return { session, base, count, ...(chain && { before: chain }), forced: forced === true }
}

/** Of a claim, or of the disk; undefined when it is none. */
export function toChain(value: unknown): NonNullable<Claim['before']> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { sessions, base } = value as Record<string, unknown>
  if (!Array.isArray(sessions) || sessions.length > lifeLimits.sessionsMax || !isCount(base)) return undefined
  return sessions.every(isSession) ? { sessions, base } : undefined
}

/** Rows as they travel and lie on the disk; what is malformed is left out. */
export type RememberedRow = [nodeId: NodeId, session: string, count: number]

export function* readRows(value: unknown, rowsMax: number): Generator<[NodeId, Remembered]> {
  if (!Array.isArray(value)) return
  for (const row of value.slice(0, rowsMax) as unknown[]) {
    if (!Array.isArray(row)) continue
    const [nodeId, session, count] = row as unknown[]
    if (typeof nodeId === 'string' && typeof session === 'string' && isCount(count)) yield [nodeId, { session, count }]
  }
}
