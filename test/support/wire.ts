/** Sockets of a scripted phone: one UDP socket, or one TCP connection to each node that it sends to. */
import { createSocket, type Socket } from 'node:dgram'
import { type Socket as Connection, connect } from 'node:net'
import { readSip, type SipText, splitStream, writeSip } from './sip-message.ts'

export type Reply = (response: SipText) => void

export interface WireInit {
  address: string
  transport: 'udp' | 'tcp'
  onMessage(message: SipText, reply: Reply): void
}

const SIP_PORT = 5060

export class Wire {
  readonly #init: WireInit
  readonly #connections = new Map<string, Promise<Connection>>()
  #socket: Socket | undefined
  /** Of the UDP socket, or of the first connection. */
  port = 0

  constructor(init: WireInit) {
    this.#init = init
  }

  /** Binds, or connects to `proxy`. */
  async start(proxy: string): Promise<void> {
    if (this.#init.transport === 'tcp') {
      this.port = (await this.#connection(proxy)).localPort ?? 0
      return
    }
    const socket = createSocket('udp4')
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
      this.#socket?.send(writeSip(message), SIP_PORT, proxy)
      return
    }
    // A connection that cannot be made shows as a request without an answer.
    this.#connection(proxy).then(
      (connection) => connection.write(writeSip(message), 'latin1'),
      () => undefined,
    )
  }

  #connection(proxy: string): Promise<Connection> {
    const known = this.#connections.get(proxy)
    if (known) return known
    const made = new Promise<Connection>((done, fail) => {
      const connection = connect({ host: proxy, port: SIP_PORT, localAddress: this.#init.address })
      let pending = ''
      connection.on('data', (bytes) => {
        const { messages, rest } = splitStream(pending + bytes.toString('latin1'))
        pending = rest
        const reply: Reply = (response) => connection.write(writeSip(response), 'latin1')
        for (const message of messages) this.#init.onMessage(message, reply)
      })
      connection.on('close', () => this.#connections.delete(proxy))
      connection.on('error', fail)
      connection.once('connect', () => done(connection))
    })
    this.#connections.set(proxy, made)
    return made
  }
}
