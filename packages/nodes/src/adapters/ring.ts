import { type Address, formatAddress, ThorError } from '@thor-node/core'
import type { BusyHost, FlowToken, Ring } from '@thor-node/sip'
import { type RingAccess, tellOthers } from './ring-access.ts'

interface OnFlow {
  flow: FlowToken
  bytes: Uint8Array
}

/** The stack of this node, as far as other nodes use it. */
export interface FlowOwner {
  deliverOnFlow(flow: FlowToken, bytes: Uint8Array): Promise<void>
  deliverResponse(bytes: Uint8Array): void
  heardBusy(busy: BusyHost): void
}

/**
 * Other nodes as the SIP stack sees them. An edge is named by its SIP address (`127.0.0.1:5060`), which is short enough for
 * the Record-Route cookie and readable by any node.
 */
export class RingAdapter implements Ring {
  readonly cookieKey: Uint8Array
  readonly #ring: RingAccess
  readonly #self: () => Address

  constructor(components: { ring: RingAccess }, init: { self: () => Address; cookieKey: Uint8Array }) {
    this.#ring = components.ring
    this.#self = init.self
    this.cookieKey = init.cookieKey
  }

  get self(): string {
    return formatAddress(this.#self())
  }

  /** Serves what other nodes hand in. */
  serve(owner: FlowOwner): void {
    this.#ring.rpc.serve<OnFlow, void>('sip.flow', ({ flow, bytes }) => owner.deliverOnFlow(flow, bytes))
    this.#ring.rpc.serve<{ bytes: Uint8Array }, void>('sip.response', ({ bytes }) => owner.deliverResponse(bytes))
    this.#ring.rpc.serve<BusyHost, void>('sip.busy', (busy) => owner.heardBusy(busy))
  }

  async sendOnFlow(edge: string, flow: FlowToken, bytes: Uint8Array): Promise<void> {
    await this.#ring.rpc.call(this.#nodeOf(edge), 'sip.flow', { flow, bytes } satisfies OnFlow, { timeoutMs: 1_000 })
  }

  async passResponse(edge: string, bytes: Uint8Array): Promise<void> {
    this.#ring.rpc.notify(this.#nodeOf(edge), 'sip.response', { bytes })
  }

  tellBusy(busy: BusyHost): void {
    tellOthers(this.#ring, 'sip.busy', busy)
  }

  nodeAt(address: Address): string | undefined {
    const { host, port } = address
    for (const { services } of this.#ring.members.list()) {
      const { host: first, host6, sipUdp, sipTcp, sipTls, sipWs, sipWss } = services
      if ((first === host || host6 === host) && [sipUdp, sipTcp, sipTls, sipWs, sipWss].includes(port))
        return edgeName(services)
    }
    return undefined
  }

  #nodeOf(edge: string): string {
    for (const member of this.#ring.members.list()) {
      if (edgeName(member.services) === edge && this.#ring.members.isLive(member.nodeId)) return member.nodeId
    }
    throw new ThorError('NODE_EDGE_GONE', `no live node has the SIP address ${edge}`)
  }
}

/** How SIP names a node: host and UDP port (TCP port where UDP is off). */
function edgeName(services: { host: string; sipUdp?: number; sipTcp?: number }): string | undefined {
  const port = services.sipUdp ?? services.sipTcp
  return port === undefined ? undefined : formatAddress({ host: services.host, port })
}
