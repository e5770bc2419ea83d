import { type Address, type Net, ThorError, type UdpSocket } from '@thor-node/core'

/** What IP lets one datagram carry. */
const DATAGRAM_BYTES_MAX = 65_507

/** The UDP sockets of this node, one per listen point. */
export class UdpTransport {
  readonly #net: Net
  readonly #onDatagram: (bytes: Buffer, from: Address, point: number) => void
  readonly #sockets: UdpSocket[] = []

  constructor(components: { net: Net }, init: { onDatagram(bytes: Buffer, from: Address, point: number): void }) {
    this.#net = components.net
    this.#onDatagram = init.onDatagram
  }

  async listen(bind: Address): Promise<Address> {
    const point = this.#sockets.length
    const socket = await this.#net.udp(bind, (bytes, from) => this.#onDatagram(bytes, from, point), { patient: true })
    this.#sockets.push(socket)
    return socket.local
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sockets.splice(0).map((socket) => socket.close()))
  }

  localOf(point: number): Address | undefined {
    return this.#sockets[point]?.local
  }

  /** The listen point from which an address of that family is reached; −1 when there is none. */
  pointFor(to: Address): number {
    return this.#sockets.findIndex(({ local }) => local.host.includes(':') === to.host.includes(':'))
  }

  /** Throws `SIP_FLOW_GONE` when there is no such listen point, `SIP_TRANSPORT_FAILED` when no datagram can be so large. */
  send(bytes: Uint8Array, to: Address, point: number): void {
    const socket = this.#sockets[point]
    if (!socket) throw new ThorError('SIP_FLOW_GONE', 'no UDP socket for that flow or address')
    if (bytes.length > DATAGRAM_BYTES_MAX) throw new ThorError('SIP_TRANSPORT_FAILED', 'too large for a datagram')
    socket.send(bytes, to)
  }
}
