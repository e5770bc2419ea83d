import type { Clock } from '@thor-node/core'
import type { Member, Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import { type ChangeLimits, LEAVING_BELIEVED_MS } from './limits.ts'
import type { PlacementNode } from './placement.ts'

/**
 * Who may be given ranges: remembers since when nodes live, are dead, or say that they leave. Elapsed time only.
 */
export class Roster {
  readonly #clock: Clock
  readonly #members: Members
  readonly #limits: ChangeLimits
  readonly #liveSince = new Map<NodeId, number>()
  readonly #deadSince = new Map<NodeId, number>()
  readonly #leavingUntil = new Map<NodeId, number>()

  constructor(components: { clock: Clock; members: Members }, limits: ChangeLimits) {
    this.#clock = components.clock
    this.#members = components.members
    this.#limits = limits
  }

  /** To be called on every change and every tick, with those that hold ranges: some may be unknown as members yet. */
  look(holders: Iterable<NodeId>): void {
    const now = this.#clock.now()
    const note = (nodeId: NodeId): void => {
      const [to, from] = this.#members.isLive(nodeId)
        ? [this.#liveSince, this.#deadSince]
        : [this.#deadSince, this.#liveSince]
      from.delete(nodeId)
      if (!to.has(nodeId)) to.set(nodeId, now)
    }
    for (const member of this.#members.list()) note(member.nodeId)
    for (const nodeId of holders) note(nodeId)
  }

  sayLeaving(nodeId: NodeId): void {
    this.#leavingUntil.set(nodeId, this.#clock.now() + LEAVING_BELIEVED_MS)
  }

  unsayLeaving(nodeId: NodeId): void {
    this.#leavingUntil.delete(nodeId)
  }

  isLeaving = (nodeId: NodeId): boolean =>
    this.#members.get(nodeId)?.state === 'left' || (this.#leavingUntil.get(nodeId) ?? 0) > this.#clock.now()

  /** For how long this node has not seen it alive; undefined when it does. */
  deadForMs(nodeId: NodeId): number | undefined {
    const since = this.#deadSince.get(nodeId)
    return since === undefined ? undefined : this.#clock.now() - since
  }

  /** Dead or unknown, but for less than `deadNodeAfterMs`. */
  isMissed = (nodeId: NodeId): boolean => {
    const since = this.#deadSince.get(nodeId)
    return !this.isLeaving(nodeId) && since !== undefined && this.#clock.now() - since < this.#limits.deadNodeAfterMs
  }

  /** Candidates for ranges. `eager` takes new nodes in at once. Who is missed for a short while still counts. */
  candidates(holders: ReadonlySet<NodeId>, eager: boolean): PlacementNode[] {
    const now = this.#clock.now()
    const fits = (member: Member): boolean => {
      const { nodeId } = member
      if (this.isLeaving(nodeId)) return false
      if (!this.#members.isLive(nodeId)) return holders.has(nodeId) && this.isMissed(nodeId)
      if (holders.has(nodeId)) return true
      const lived = now - (this.#liveSince.get(nodeId) ?? now)
      return member.serving && (eager || lived >= this.#limits.newNodeAfterMs)
    }
    return this.#members
      .list()
      .filter(fits)
      .map(({ nodeId, placementId, zone, weight }) => ({ nodeId, placementId, zone, weight }))
      .sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
  }
}
