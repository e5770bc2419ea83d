/** Which ranges a node should move now, pure: effective against desired placement. */
import type { NodeId } from '../peers.ts'
import { hasOldQuorum } from './config.ts'
import type { RangeConfig } from './contract.ts'
import { REPLICA_COUNT } from './limits.ts'
import type { Placement } from './placement.ts'

export interface PlanInput {
  configs: readonly RangeConfig[]
  /** Over the nodes that have been there for a while. */
  settled: Placement
  /** Over these and the new ones. */
  eager: Placement
  isLive(nodeId: NodeId): boolean
  /** Suspected to be dead, or to have left unheard: it keeps what it has, and gets nothing new. */
  isSuspect(nodeId: NodeId): boolean
  /** Said that it leaves, or left. */
  isLeaving(nodeId: NodeId): boolean
  /** Dead or out of sight, but not for long enough to be given up. */
  isMissed(nodeId: NodeId): boolean
  /** Whether this node is the one to drive the range. */
  drives(config: RangeConfig): boolean
}

export interface Move {
  config: RangeConfig
  target: readonly NodeId[]
}

export interface Plan {
  /** Copies are missing, or a node leaves. */
  urgent: Move[]
  /** Evening out. */
  normal: Move[]
}

/**
 * Who should vote for a range, and who should be home; undefined when all is well. The order behind the home does not matter,
 * and only placement itself changes who is home: when it names the same nodes. A death alone never makes a config smaller: who is dead and
 * has no replacement stays in, because it may come back, and because leaving it out needs the same majority.
 */
export function targetOf(
  config: RangeConfig,
  desired: readonly NodeId[],
  isLeaving: (nodeId: NodeId) => boolean,
): readonly NodeId[] | undefined {
  const old = config.old.map(({ nodeId }) => nodeId)
  const staying = old.filter((nodeId) => !isLeaving(nodeId))
  const target = desired.slice(0, REPLICA_COUNT)
  for (const nodeId of staying) {
    if (target.length >= Math.min(REPLICA_COUNT, staying.length)) break
    if (!target.includes(nodeId)) target.push(nodeId)
  }
  if (target.length === 0) return undefined
  const isSame = target.length === old.length && target.every((nodeId) => old.includes(nodeId))
  const isOtherHome = desired.length === target.length && target[0] !== old[0]
  return isSame && !isOtherHome ? undefined : target
}

/** Where ranges are not yet where they should be, whoever drives that; those under way included. */
export function* pendingMoves(
  input: Pick<PlanInput, 'configs' | 'settled' | 'eager' | 'isLeaving'>,
): Generator<{ range: number; from: readonly NodeId[]; to: readonly NodeId[]; open: boolean }> {
  for (const { range, epoch, old, next } of input.configs) {
    if (epoch === 0) continue
    const from = old.map(({ nodeId }) => nodeId)
    if (next) {
      yield { range, from, to: next.map(({ nodeId }) => nodeId), open: true }
      continue
    }
    const config: RangeConfig = { range, epoch, old }
    const leaving = from.some(input.isLeaving)
    const settled = targetOf(config, input.settled[range] ?? [], input.isLeaving)
    const eager =
      leaving || from.length < REPLICA_COUNT ? targetOf(config, input.eager[range] ?? [], input.isLeaving) : undefined
    const to = eager ?? settled
    if (to) yield { range, from, to, open: false }
  }
}

export function planMoves(input: PlanInput): Plan {
  const plan: Plan = { urgent: [], normal: [] }
  for (const config of input.configs) {
    if (config.epoch === 0 || config.next || !input.drives(config)) continue
    const old = config.old.map(({ nodeId }) => nodeId)
    const settled = targetOf(config, input.settled[config.range] ?? [], input.isLeaving)
    const eager = targetOf(config, input.eager[config.range] ?? [], input.isLeaving)
    const lacking = old.length < REPLICA_COUNT && eager !== undefined && eager.length > old.length
    const leaving = old.some(input.isLeaving)
    const target = lacking || leaving ? (eager ?? settled) : settled
    if (!target || !mayStart(config, target, input)) continue
    // Who was given up: the next crash would be one too many for what it held.
    const lost = old.some((nodeId) => !target.includes(nodeId) && !input.isLive(nodeId))
    plan[lacking || leaving || lost ? 'urgent' : 'normal'].push({ config, target })
  }
  return plan
}

/** Only changes that can end are begun: the view of who lives saves trouble here, it decides nothing. */
function mayStart(config: RangeConfig, target: readonly NodeId[], input: PlanInput): boolean {
  const old = config.old.map(({ nodeId }) => nodeId)
  const live = new Set([...old, ...target].filter(input.isLive))
  if (!hasOldQuorum(config, live)) return false
  if (target.filter((nodeId) => live.has(nodeId)).length * 2 <= target.length) return false
  const added = target.filter((nodeId) => !old.includes(nodeId))
  const dropped = old.filter((nodeId) => !target.includes(nodeId))
  if (added.length === 0 && dropped.length === 0) return live.size === target.length
  return added.every((nodeId) => live.has(nodeId) && !input.isSuspect(nodeId)) && !dropped.some(input.isMissed)
}
