import type { Clock } from '@thor-node/core'
import { netLimits } from '../limits.ts'
import type { NodeId } from '../peers.ts'

/** Members that are remembered by their hosts; the oldest gives way. */
const HOSTS_MAX = 1_024

/**
 * How many inbound connections a second are taken. Hosts at which members were dialled have a share of their own, so that a
 * flood from elsewhere does not keep members out; who is a member is known only after the handshake.
 */
export class InboundLimit {
  readonly #clock: Clock
  readonly #isMember: (nodeId: NodeId) => boolean
  readonly #hosts = new Map<string, NodeId>()
  #second = 0
  #strangers = 0
  #members = 0

  constructor(components: { clock: Clock }, init: { isMember(nodeId: NodeId): boolean }) {
    this.#clock = components.clock
    this.#isMember = (nodeId) => init.isMember(nodeId)
  }

  /** This member is dialled at these addresses, `host:port`. */
  note(peer: NodeId, addresses: readonly string[]): void {
    for (const address of addresses) {
      const host = hostOf(address)
      this.#hosts.delete(host)
      this.#hosts.set(host, peer)
      const [oldest] = this.#hosts.keys()
      if (this.#hosts.size > HOSTS_MAX && oldest !== undefined) this.#hosts.delete(oldest)
    }
  }

  /** Counts a connection from this address (`host:port`, undefined when it is not known); true when it is one too many. */
  isTooMany(remote: string | undefined): boolean {
    const second = Math.floor(this.#clock.now() / 1000)
    if (second !== this.#second) {
      this.#strangers = 0
      this.#members = 0
    }
    this.#second = second
    const peer = remote === undefined ? undefined : this.#hosts.get(hostOf(remote))
    const count = peer !== undefined && this.#isMember(peer) ? ++this.#members : ++this.#strangers
    return count > netLimits.inboundPerSecondMax
  }
}

const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':'))
