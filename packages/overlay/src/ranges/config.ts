/**
 * The rules of range configs, pure. A config is numbered by its epoch; epoch 0 with no member means "not known yet" and can
 * never gather a quorum.
 *
 *   stable e {old: S}  --decided by a majority of S-->  joint e+1 {old: S, next: T}
 *   joint e+1          --decided by majorities of S and of T-->  stable e+2 {old: T}
 *   joint e+1          --T has no majority any more; decided by a majority of S alone-->  stable e+2 {old: S}
 *   any e              --an operator accepts the loss of its majority-->  stable e' {old: one node}, e' far above e
 */
import { crc32 } from 'node:zlib'
import { RANGE_COUNT, type RangeId } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { ConfigMember, RangeConfig } from './contract.ts'

export const unknownConfig = (range: RangeId): RangeConfig => ({ range, epoch: 0, old: [] })

/** The first config of a ring's first node. */
export const genesisConfig = (range: RangeId, self: NodeId): RangeConfig => ({
  range,
  epoch: 1,
  old: [{ nodeId: self, since: 1 }],
})

/** More than half. Never fulfilled for nobody, and never counted over who happens to be alive. */
function majority(members: readonly ConfigMember[], votes: ReadonlySet<NodeId>): boolean {
  let count = 0
  for (const member of members) if (votes.has(member.nodeId)) count++
  return count * 2 > members.length
}

/** Whether these votes decide: a majority of the old members and, during a change, also of the next ones. */
export function hasQuorum(config: RangeConfig, votes: ReadonlySet<NodeId>): boolean {
  return majority(config.old, votes) && (config.next === undefined || majority(config.next, votes))
}

/** A majority of the old members alone: enough to have seen everything that was decided before the change. */
export function hasOldQuorum(config: RangeConfig, votes: ReadonlySet<NodeId>): boolean {
  return majority(config.old, votes)
}

/** Everybody who votes, old ones first, each once. */
export function voters(config: RangeConfig): NodeId[] {
  const ids = config.old.map((member) => member.nodeId)
  for (const member of config.next ?? []) if (!ids.includes(member.nodeId)) ids.push(member.nodeId)
  return ids
}

/** The entry of a node, if it votes. */
export function entryOf(config: RangeConfig, nodeId: NodeId): ConfigMember | undefined {
  return (
    config.old.find((member) => member.nodeId === nodeId) ?? config.next?.find((member) => member.nodeId === nodeId)
  )
}

/**
 * `warming` until the final config names the node, and after it while its copy is not complete (`filled` is false: it slept
 * through the change that made it a member).
 */
export function standingOf(config: RangeConfig, nodeId: NodeId, filled: boolean): 'member' | 'warming' | 'outsider' {
  if (config.old.some((member) => member.nodeId === nodeId)) return filled ? 'member' : 'warming'
  return config.next?.some((member) => member.nodeId === nodeId) ? 'warming' : 'outsider'
}

/** The config that starts a change of a stable one. Those who stay keep their entry. */
export function jointConfig(stable: RangeConfig, target: readonly NodeId[]): RangeConfig {
  const epoch = stable.epoch + 1
  return {
    range: stable.range,
    epoch,
    old: stable.old,
    next: target.map((nodeId) => entryOf(stable, nodeId) ?? { nodeId, since: epoch }),
  }
}

/** The config that ends a change. */
export function finalConfig(joint: RangeConfig): RangeConfig {
  return { range: joint.range, epoch: joint.epoch + 1, old: joint.next ?? joint.old }
}

/**
 * The config that ends a change by taking it back. Nothing is lost by that, and nothing need be copied: whatever was
 * acknowledged during the change has a majority of the old members too.
 */
export function undoneConfig(joint: RangeConfig): RangeConfig {
  return { range: joint.range, epoch: joint.epoch + 1, old: joint.old }
}

/**
 * Whether these votes decide that `value` follows `config`. Taking a change back needs the old members alone, because all
 * that can follow needs a majority of them: who wants the one end of a change always hears of the other.
 */
export function decides(config: RangeConfig, value: RangeConfig, votes: ReadonlySet<NodeId>): boolean {
  const isUndone = config.next !== undefined && value.next === undefined && isSame(value.old, config.old)
  return isUndone ? hasOldQuorum(config, votes) : hasQuorum(config, votes)
}

const isSame = (one: readonly ConfigMember[], other: readonly ConfigMember[]): boolean =>
  one.length === other.length &&
  one.every(({ nodeId, since }, at) => nodeId === other[at]?.nodeId && since === other[at]?.since)

/**
 * Epochs between two recoveries of a range: what the lost majority may have decided without anybody who is left to tell of
 * it stays below the next multiple. Epochs are u32 on the wire, so a range can be recovered 4,095 times.
 */
const RECOVERY_EPOCHS = 2 ** 20

/**
 * The config by which a range goes on after its majority is gone for good: one voter, above every epoch that the lost ones
 * can have reached. Two nodes that both start the range anew, each for itself, never use the same epoch (but by a chance of
 * 1 in 500,000): one config is then newer and the other one's copy is given up. Undefined when all epochs are used up.
 */
export function recoveredConfig(lost: RangeConfig, start: NodeId): RangeConfig | undefined {
  const lane = crc32(start) % (RECOVERY_EPOCHS / 2)
  const epoch = (Math.floor(lost.epoch / RECOVERY_EPOCHS) + 1) * RECOVERY_EPOCHS + lane
  if (epoch + RECOVERY_EPOCHS > 2 ** 32) return undefined
  return { range: lost.range, epoch, old: [entryOf(lost, start) ?? { nodeId: start, since: epoch }] }
}

/** Members whom the change adds. */
export function newMembers(config: RangeConfig): NodeId[] {
  const old = new Set(config.old.map((member) => member.nodeId))
  return (config.next ?? []).map((member) => member.nodeId).filter((nodeId) => !old.has(nodeId))
}

/** A copy that a node holds from an earlier membership (another `since`, or none) is not the copy of this one. */
export function mustWipe(previous: RangeConfig, next: RangeConfig, self: NodeId): boolean {
  const entry = entryOf(next, self)
  return entry !== undefined && entryOf(previous, self)?.since !== entry.since
}

/** Checks what came over the network or from the disk; undefined when it is no config. */
export function parseConfig(data: unknown): RangeConfig | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { range, epoch, old, next } = data as Record<string, unknown>
  const whole = (n: unknown): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0
  const members = (list: unknown): ConfigMember[] | undefined => {
    if (!Array.isArray(list)) return undefined
    const out: ConfigMember[] = []
    for (const item of list as unknown[]) {
      if (typeof item !== 'object' || item === null) return undefined
      const { nodeId, since } = item as Record<string, unknown>
      if (typeof nodeId !== 'string' || !whole(since) || out.some((known) => known.nodeId === nodeId)) return undefined
      out.push({ nodeId, since })
    }
    return out
  }
  if (!whole(range) || range >= RANGE_COUNT || !whole(epoch) || epoch === 0) return undefined
  const parsedOld = members(old)
  if (!parsedOld?.length) return undefined
  if (next === undefined || next === null) return { range, epoch, old: parsedOld }
  const parsedNext = members(next)
  return parsedNext?.length ? { range, epoch, old: parsedOld, next: parsedNext } : undefined
}
