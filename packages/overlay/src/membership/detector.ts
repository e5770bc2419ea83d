import type { NodeId } from '../peers.ts'
import { defaultSuspicion, refusalsNeeded, type SuspicionSettings, suspicionMs } from './suspicion.ts'

/**
 * What this node believes of one other member (SWIM with Lifeguard).
 *
 *            accused by another          lost, silent, refused           time is up, or refused
 *   trusted ─────────────────▶ doubted ───────────────────▶ suspected ───────────────────────▶ dead
 *      ▲ └──────────────────── lost, silent, refused ──────────▲ │                               │
 *      └──────── answered ────────┴──────────── answered ────────┴─────────── answered ──────────┘
 *
 * `answered` is any proof of life: an answer to a probe (direct or through another member), a greeting, or news with a
 * higher incarnation. An accusation of another member is no proof: it makes this node look for itself, and until it has
 * looked the member counts as alive. Time of suspicion runs from the first accusation, whoever made it.
 */
export type Belief =
  | { phase: 'trusted' }
  | { phase: 'doubted' | 'suspected'; since: number; accusers: readonly NodeId[]; refusedAt: readonly NodeId[] }
  | { phase: 'dead' }

export type Evidence =
  | { type: 'answered' }
  /** Our connection broke. Says little: the redial that follows says more. */
  | { type: 'lost' }
  /** `by` (maybe this node) probed it, also through others, and got no answer. */
  | { type: 'silent'; by: NodeId }
  /** `by` (maybe this node) dialled it, and the machine says that nothing listens there. */
  | { type: 'refused'; by: NodeId }
  /** Time passed, or the circumstances changed. */
  | { type: 'look' }
  /** This node stood still for that long: nobody can be blamed for that time. */
  | { type: 'stalled'; forMs: number }

export type Effect =
  /** The verdict changed; for members and for the gossip. */
  | { type: 'trust' | 'suspect' | 'kill' }
  /** New evidence of our own, for the others. */
  | { type: 'accuse'; evidence: 'silent' | 'refused' }
  | { type: 'redial' | 'probe' }
  /** Look again then. */
  | { type: 'timer'; afterMs: number }

export interface Circumstances {
  now: number
  self: NodeId
  /** Members that are alive, besides this node and the one in question. */
  others: number
  /** Local health, 1 is well. */
  health: number
  suspicion?: SuspicionSettings
}

export const trusted: Belief = { phase: 'trusted' }

/** True for a member that should be looked at until it answers or is given up. */
export function isInDoubt({ phase }: Belief): boolean {
  return phase === 'doubted' || phase === 'suspected'
}

export function step(belief: Belief, evidence: Evidence, at: Circumstances): { belief: Belief; effects: Effect[] } {
  if (evidence.type === 'answered') {
    const wasHidden = belief.phase === 'trusted' || belief.phase === 'doubted'
    return { belief: belief.phase === 'trusted' ? belief : trusted, effects: wasHidden ? [] : [{ type: 'trust' }] }
  }
  if (belief.phase === 'dead') return { belief, effects: [] }
  if (belief.phase === 'trusted') {
    if (evidence.type === 'look' || evidence.type === 'stalled') return { belief, effects: [] }
    return weigh({ phase: 'doubted', since: at.now, accusers: [], refusedAt: [] }, evidence, at)
  }
  return weigh(belief, evidence, at)
}

export type InDoubt = Extract<Belief, { phase: 'doubted' | 'suspected' }>

function weigh(belief: InDoubt, evidence: Evidence, at: Circumstances): { belief: Belief; effects: Effect[] } {
  const added = add(belief, evidence, at)
  const isOwn = evidence.type === 'lost' || ('by' in evidence && evidence.by === at.self)
  const isNew = belief.phase === 'doubted' && isOwn
  const next: InDoubt = isNew ? { ...added.belief, phase: 'suspected' } : added.belief
  const effects: Effect[] = isNew ? [{ type: 'suspect' }, ...added.effects] : added.effects
  return next.phase === 'suspected' ? judge(next, effects, at) : { belief: next, effects }
}

function add(belief: InDoubt, evidence: Evidence, at: Circumstances): { belief: InDoubt; effects: Effect[] } {
  switch (evidence.type) {
    case 'lost':
      return { belief, effects: [{ type: 'redial' }] }
    case 'stalled':
      return { belief: { ...belief, since: Math.min(at.now, belief.since + evidence.forMs) }, effects: [] }
    case 'silent':
    case 'refused': {
      const { by, type } = evidence
      const list = type === 'refused' ? belief.refusedAt : belief.accusers
      if (list.includes(by)) return { belief, effects: [] }
      const accusers = belief.accusers.includes(by) ? belief.accusers : [...belief.accusers, by]
      const refusedAt = type === 'refused' ? [...belief.refusedAt, by] : belief.refusedAt
      const own: Effect[] = [{ type: 'accuse', evidence: type }]
      const look: Effect[] = [{ type: 'redial' }, { type: 'probe' }]
      return { belief: { ...belief, accusers, refusedAt }, effects: by === at.self ? own : look }
    }
    default:
      return { belief, effects: [] }
  }
}

function judge(belief: InDoubt, effects: Effect[], at: Circumstances): { belief: Belief; effects: Effect[] } {
  const { accusers, refusedAt, since } = belief
  const allowedMs = suspicionMs(
    { accusers: accusers.length, others: at.others, health: at.health },
    at.suspicion ?? defaultSuspicion,
  )
  const leftMs = since + allowedMs - at.now
  // A verdict needs evidence of our own: gossip alone kills nobody.
  const refused = refusedAt.includes(at.self) && refusedAt.length >= refusalsNeeded(at.others)
  if (refused || (leftMs <= 0 && accusers.includes(at.self))) {
    return { belief: { phase: 'dead' }, effects: [...effects, { type: 'kill' }] }
  }
  return { belief, effects: [...effects, { type: 'timer', afterMs: Math.max(100, leftMs) }] }
}
