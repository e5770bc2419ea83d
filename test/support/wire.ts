/** Sockets of a scripted phone: one UDP socket, or one connection to each node that it sends to. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { WebSocket } from 'ws'
import { readSip, type SipText, splitStream, writeSip } from './sip-message.ts'

export type Reply = (response: SipText) => void

export type WireTransport = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'

export interface WireInit {
  address: string
  transport: WireTransport
  onMessage(message: SipText, reply: Reply): void
}

/** Where nodes of tests listen (`cluster.ts`; WebSocket where a test asks for it). */
export const wirePorts: Readonly<Record<WireTransport, number>> = {
  udp: 5060,
  tcp: 5060,
  tls: 5061,
  ws: 5080,
  wss: 5443,
}

interface Connection {
  port: number
  write(text: string): void
  destroy(): void
}

export class Wire {
  readonly #init: WireInit
  readonly #connections = new Map<string, Promise<Connection>>()
  #socket: UdpSocket | undefined
  /** Of the UDP socket, or of the first connection. */
  port = 0

  constructor(init: WireInit) {
    this.#init = init
  }

  /** Binds, or connects to `proxy`. */
  async start(proxy: string): Promise<void> {
    if (this.#init.transport !== 'udp') {
      this.port = (await this.#connection(proxy)).port
      return
    }
    const socket = createSocket(this.#init.address.includes(':') ? 'udp6' : 'udp4')
    this.#socket = socket
    socket.on('message', (bytes, from) => {
      if (bytes.length <= 4) return
      const reply: Reply = (response) => socket.send(writeSip(response), from.port, from.address)
      this.#init.onMessage(readSip(bytes.toString('latin1')), reply)
    })
    await new Promise<void>((done) => socket.bind({ address: this.#init.address, port: 0 }, done))
    this.port = socket.address().port
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections.values()) (await connection.catch(() => undefined))?.destroy()
    const socket = this.#socket
    this.#socket = undefined
    if (socket) await new Promise<void>((done) => socket.close(done))
  }

  send(message: SipText, proxy: string): void {
    if (this.#init.transport === 'udp') {
      this.#socket?.send(writeSip(message), wirePorts.udp, proxy)
      return
    }
    // A connection that cannot be made shows as a request without an answer.
    this.#connection(proxy).then(
      (connection) => connection.write(writeSip(message)),
      () => undefined,
    )
  }

  #connection(proxy: string): Promise<Connection> {
    const known = this.#connections.get(proxy)
    if (known) return known
    const { transport } = this.#init
    const made = transport === 'ws' || transport === 'wss' ? this.#web(transport, proxy) : this.#stream(proxy)
    this.#connections.set(proxy, made)
    return made
  }

  #stream(proxy: string): Promise<Connection> {
    const { address: localAddress, transport, onMessage } = this.#init
    return new Promise((done, fail) => {
      const to = { host: proxy, port: wirePorts[transport], localAddress }
      const socket: Socket = transport === 'tls' ? tlsConnect({ ...to, rejectUnauthorized: false }) : connect(to)
      let pending = ''
      socket.on('data', (bytes) => {
        const { messages, rest } = splitStream(pending + bytes.toString('latin1'))
        pending = rest
        const reply: Reply = (response) => socket.write(writeSip(response), 'latin1')
        for (const message of messages) onMessage(message, reply)
      })
      socket.on('close', () => this.#connections.delete(proxy))
      socket.on('error', fail)
      socket.once(transport === 'tls' ? 'secureConnect' : 'connect', () => {
        const write = (text: string): void => void socket.write(text, 'latin1')
        done({ port: socket.localPort ?? 0, write, destroy: () => void socket.destroy() })
      })
    })
  }

  #web(transport: 'ws' | 'wss', proxy: string): Promise<Connection> {
    const { address: localAddress, onMessage } = this.#init
    return new Promise((done, fail) => {
      const host = proxy.includes(':') ? `[${proxy}]` : proxy
      const url = `${transport}://${host}:${wirePorts[transport]}/`
      const socket = new WebSocket(url, 'sip', { localAddress, rejectUnauthorized: false })
      const write = (text: string): void => socket.send(text)
      socket.on('message', (data) => {
        const text = (data as Buffer).toString('latin1')
        if (text.trim() !== '') onMessage(readSip(text), (response) => write(writeSip(response)))
      })
      socket.on('close', () => this.#connections.delete(proxy))
      socket.on('error', fail)
      socket.on('open', () => done({ port: 0, write, destroy: () => socket.terminate() }))
    })
  }
}
