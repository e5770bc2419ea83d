import { makeRoom, type Random, ThorError } from '@thor-node/core'
import type { NodeId } from '@thor-node/overlay'
import { callKey, type DialogState, rangeOfCall } from './call-keys.ts'
import type { RingAccess } from './ring-access.ts'

const KNOWN_MAX = 100_000

/**
 * Which relay carries which call. The edge that sets a call up chooses the relay and remembers it; another node that takes
 * part later finds it in the call's SOFT record.
 */
export class Relays {
  readonly #known = new Map<string, NodeId>()
  readonly #ring: RingAccess
  readonly #random: Random

  constructor(components: { ring: RingAccess; random: Random }) {
    this.#ring = components.ring
    this.#random = components.random
  }

  /** The relay of a call, as far as this node knows without asking. */
  known(callUuid: string): NodeId | undefined {
    return this.#known.get(callUuid)
  }

  /** The relay of a call that others set up. */
  async find(callUuid: string): Promise<NodeId | undefined> {
    const known = this.#known.get(callUuid)
    if (known !== undefined) return known
    const entries = await this.#ring.store.soft.read<DialogState>(callKey(callUuid))
    const relay = entries.find((entry) => entry.sub === 'dialog')?.body.relay
    if (relay !== undefined) this.remember(callUuid, relay)
    return relay
  }

  /**
   * Candidates for a new call, best first: serving relays in random order, the home of the call last, so that controller and
   * relay do not die together. `families`: those that the parties have; relays that have all of them come first.
   */
  candidates(callUuid: string, families: readonly ('IPv4' | 'IPv6')[] = []): NodeId[] {
    const range = rangeOfCall(callUuid)
    const home = range === undefined ? undefined : this.#ring.ranges.homeOf(range)
    const able = this.#ring.members
      .list()
      .filter((member) => member.serving && member.state === 'alive' && member.roles.includes('media_relay'))
      .map(({ nodeId, services: { host, host6 } }) => {
        const own = [host, host6 ?? host].map((address) => (address.includes(':') ? 'IPv6' : 'IPv4'))
        const lacks = families.some((family) => !own.includes(family))
        return { nodeId, rank: (lacks ? 2 : 0) + (nodeId === home ? 1 : 0) + this.#random.float() }
      })
    if (able.length === 0) throw new ThorError('NODE_NO_RELAY', 'no live node has the role media_relay')
    return able.sort((a, b) => a.rank - b.rank).map(({ nodeId }) => nodeId)
  }

  remember(callUuid: string, relay: NodeId): void {
    makeRoom(this.#known, KNOWN_MAX)
    this.#known.set(callUuid, relay)
  }

  forget(callUuid: string): void {
    this.#known.delete(callUuid)
  }
}
