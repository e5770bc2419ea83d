import type { IncomingMessage } from 'node:http'

type Socket = IncomingMessage['socket']
type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>

/** The same for a socket and for TLS on top of it. */
const keyOf = ({ remoteAddress, remotePort }: Peer): string => `${remoteAddress} ${remotePort}`

/**
 * The connections of a server that are open, and which of them wait for their clients: to say something, to go on with a request,
 * or to read an answer. Where there are too many, the one that has waited longest is ended for the new one, so that clients that
 * do nothing, or do it slowly, keep nobody out; the new one is, when all others are worked for.
 */
export class Connections {
  readonly #max: number
  readonly #keptMax: number
  readonly #open = new Map<string, Socket>()
  /** Who has waited longest first. */
  readonly #waiting = new Map<string, Socket>()

  constructor(init: { max: number; keptMax: number }) {
    this.#max = init.max
    this.#keptMax = init.keptMax
  }

  get size(): number {
    return this.#open.size
  }

  /** Clients do better to end theirs after the answer: soon some of those that wait would be ended. */
  get isCrowded(): boolean {
    return this.#open.size >= this.#keptMax
  }

  opened(socket: Socket): void {
    const key = keyOf(socket)
    const [first] = this.#open.size >= this.#max ? this.#waiting : []
    if (this.#open.size >= this.#max && !first) return void socket.destroy()
    if (first) this.#end(...first)
    this.#open.set(key, socket)
    this.#waiting.set(key, socket)
    socket.once('close', () => {
      // The place of one that was ended may have been taken by another of the same name.
      if (this.#open.get(key) !== socket) return
      this.#open.delete(key)
      this.#waiting.delete(key)
    })
  }

  /** It is worked for, until `rests`. */
  works(peer: Peer): void {
    this.#waiting.delete(keyOf(peer))
  }

  rests(peer: Peer): void {
    const key = keyOf(peer)
    const socket = this.#open.get(key)
    if (socket) this.#waiting.set(key, socket)
  }

  #end(key: string, socket: Socket): void {
    this.#open.delete(key)
    this.#waiting.delete(key)
    socket.destroy()
  }
}
