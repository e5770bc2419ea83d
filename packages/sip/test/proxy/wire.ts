/** A network in memory for the upper half of the stack: datagrams arrive in order, one turn of the event loop later. */
import { type Address, formatAddress, ThorError } from '@thor-node/core'
import { parseMessage, type SipMessage, serializeMessage } from '../../src/message/index.ts'
import type { Destination, FlowToken, Source, TransportLayer } from '../../src/transport/contract.ts'

type Receiver = (bytes: Buffer, from: Address) => void

export class Wire {
  readonly #ends = new Map<string, Receiver>()
  readonly #closed = new Set<FlowToken>()
  readonly transports: WireTransport[] = []

  /** As if the flow were a connection whose peer went away. */
  close(flow: FlowToken): void {
    this.#closed.add(flow)
    for (const transport of this.transports) if (transport.owns(flow)) transport.onFlowClosed?.(flow)
  }

  /** The same without anybody noticing. */
  cut(flow: FlowToken): void {
    this.#closed.add(flow)
  }

  isClosed(flow: FlowToken): boolean {
    return this.#closed.has(flow)
  }

  attach(at: Address, receiver: Receiver): void {
    this.#ends.set(formatAddress(at), receiver)
  }

  detach(at: Address): void {
    this.#ends.delete(formatAddress(at))
  }

  send(from: Address, to: Address, bytes: Uint8Array): void {
    setImmediate(() => this.#ends.get(formatAddress(to))?.(Buffer.from(bytes), from))
  }
}

/** UDP over a Wire. */
export class WireTransport implements TransportLayer {
  onMessage: ((message: SipMessage, source: Source) => void) | undefined
  onFlowClosed: ((flow: FlowToken) => void) | undefined
  readonly listening: TransportLayer['listening']
  readonly #wire: Wire
  readonly #local: Address

  constructor(wire: Wire, local: Address) {
    this.#wire = wire
    this.#local = local
    this.listening = [{ transport: 'udp', local }]
    wire.transports.push(this)
  }

  async start(): Promise<void> {
    this.#wire.attach(this.#local, (bytes, from) => this.#receive(bytes, from))
  }

  async stop(): Promise<void> {
    this.#wire.detach(this.#local)
  }

  send(message: SipMessage, to: Destination): Promise<void> {
    return this.sendBytes(serializeMessage(message), to)
  }

  async sendBytes(bytes: Uint8Array, to: Destination): Promise<void> {
    this.#wire.send(this.#local, 'flow' in to ? this.#own(to.flow) : to.remote, bytes)
  }

  remoteOf(flow: FlowToken) {
    const [, , host = '', port = ''] = flow.split('_')
    return host === '' ? undefined : { transport: 'udp' as const, remote: { host, port: Number(port) } }
  }

  isOpen(flow: FlowToken): boolean {
    return this.owns(flow) && !this.#wire.isClosed(flow)
  }

  owns(flow: FlowToken): boolean {
    return flow.startsWith(formatAddress(this.#local).replace(':', '_'))
  }

  snapshot(): Record<string, unknown> {
    return {}
  }

  #own(flow: FlowToken): Address {
    const peer = this.remoteOf(flow)
    if (!peer || !this.isOpen(flow)) throw new ThorError('SIP_FLOW_GONE', `no flow ${flow}`)
    return peer.remote
  }

  #receive(bytes: Buffer, remote: Address): void {
    const message = parseMessage(bytes)
    if (message.kind === 'request') {
      const [top = '', ...rest] = message.headers.getAll('Via')
      const stamped = top.replace(/;rport(?!=)/, `;rport=${remote.port};received=${remote.host}`)
      message.headers.setAll('Via', [stamped, ...rest])
    }
    const flow = `${this.#local.host}_${this.#local.port}_${remote.host}_${remote.port}`
    this.onMessage?.(message, { transport: 'udp', remote, local: this.#local, flow })
  }
}
