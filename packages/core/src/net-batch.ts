/**
 * UDP over IPv4 with batched system calls (Linux): one `recvmmsg` takes what waits, one `sendmmsg` sends what was said in one
 * turn of the event loop. `node:dgram` makes two system calls and several objects for each datagram, which costs
 * twice the CPU. The C library is called through koffi.
 *
 *   open     socket and bind by koffi; `node:dgram` is given the descriptor and tells when there is something to read
 *   read     node has read one datagram itself; what waits behind it is drained here
 *   send     gathered, and sent at the end of the turn or when the batch is full
 *
 * All sockets of the process share one batch for reading and one for sending: relays have thousands of sockets.
 */
import { createSocket, type Socket } from 'node:dgram'
import type { Address, UdpListener, UdpOptions, UdpSocket } from './net.ts'
import { Arena, addressText, HEADER, type Library, loadLibrary, readAddress, writeAddress } from './net-batch-native.ts'
import { type LoopRests, loopRests } from './net-rest.ts'

/** Datagrams per system call. */
const BATCH = 64
/** Of one socket in one turn of the event loop, unless it says otherwise: timers and connections must not wait for the end of a flood. */
const PER_TURN = 8 * BATCH
/** More than UDP over IPv4 can carry. */
const DATAGRAM_BYTES_MAX = 65_536
/** What one batch sends, at most; one datagram always fits. */
const SEND_BYTES_MAX = 256 * 1024
/** A full send buffer of the kernel is tried again in so many turns; then datagrams are lost, as the network would. */
const SEND_TRIES_MAX = 3

const EAGAIN = 11
const MSG_DONTWAIT = 0x40
const MSG_TRUNC = 0x20

let shared: { reader: Reader; sender: Sender } | undefined

/** Undefined where there are no such calls, and for IPv6. Throws what `bind` says, with its `code` as Node has it. */
export async function batchedUdp(
  bind: Address,
  onMessage: UdpListener,
  receiveBufferBytes: number,
  { perTurn = PER_TURN, patient = false }: UdpOptions = {},
): Promise<UdpSocket | undefined> {
  const library = loadLibrary()
  if (!library || bind.host.includes(':')) return undefined
  const fd = library.openUdp(bind, receiveBufferBytes)
  shared ??= { reader: new Reader(library), sender: new Sender(library) }
  const components = { socket: createSocket('udp4'), onMessage, ...shared, ...(patient && { rests: loopRests }) }
  const { socket } = components
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      library.close(fd)
      reject(error)
    })
    socket.bind({ fd }, () => {
      socket.removeAllListeners('error')
      socket.on('error', () => undefined)
      resolve(new BatchedSocket(components, { fd, perTurn }))
    })
  })
}

interface BatchedSocketComponents {
  socket: Socket
  onMessage: UdpListener
  reader: Reader
  sender: Sender
  /** Where what comes may wait a little. */
  rests?: LoopRests
}

class BatchedSocket implements UdpSocket {
  readonly local: Address
  readonly #socket: Socket
  readonly #sender: Sender
  readonly #fd: number
  #drained: NodeJS.Immediate | undefined
  #closed: Promise<void> | undefined

  constructor(
    { socket, onMessage, reader, sender, rests }: BatchedSocketComponents,
    init: { fd: number; perTurn: number },
  ) {
    this.#socket = socket
    this.#sender = sender
    this.#fd = init.fd
    const { address, port } = socket.address()
    this.local = { host: address, port }
    /** In this turn. */
    let datagrams = 0
    const listener: UdpListener = (bytes, from) => {
      datagrams++
      if (!this.#closed) onMessage(bytes, from)
    }
    const endTurn = (): void => {
      this.#drained = undefined
      if (rests) {
        // Nobody waits for his answer until the rest is over.
        sender.flush()
        rests.turn(datagrams)
      }
      datagrams = 0
    }
    socket.on('message', (bytes, from) => {
      listener(bytes, { host: from.address, port: from.port })
      // Node reads on after its own datagram, and calls for each: once per turn is enough.
      if (this.#drained || this.#closed) return
      this.#drained = setImmediate(endTurn)
      for (let left = init.perTurn; left > 0 && !this.#closed; left -= BATCH) {
        if (reader.read(this.#fd, listener) < BATCH) return
      }
    })
  }

  send(bytes: Uint8Array, to: Address): void {
    if (!this.#closed) this.#sender.send(this.#fd, bytes, to)
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#sender.flush()
      this.#sender.forget(this.#fd)
      clearImmediate(this.#drained)
      this.#closed = new Promise((done) => this.#socket.close(() => done()))
    }
    return this.#closed
  }
}

class Reader {
  readonly #library: Library
  readonly #arena: Arena

  constructor(library: Library) {
    this.#library = library
    this.#arena = new Arena(library, BATCH, BATCH * DATAGRAM_BYTES_MAX)
    for (let i = 0; i < BATCH; i++) this.#arena.point(i, i * DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MAX)
  }

  /** Takes what waits, and returns how many those were. */
  read(fd: number, listener: UdpListener): number {
    this.#arena.reset()
    const count = this.#library.recvmmsg(fd, this.#arena.address, BATCH, MSG_DONTWAIT, null)
    const { memory, dataAt } = this.#arena
    // Copies, of all before the first is told of: the next batch, of whichever socket, comes into the same memory.
    const some: [bytes: Buffer, from: Address][] = []
    for (let i = 0; i < count; i++) {
      const header = i * HEADER.bytes
      if ((memory.readInt32LE(header + HEADER.flags) & MSG_TRUNC) !== 0) continue
      const start = dataAt + i * DATAGRAM_BYTES_MAX
      const bytes = Buffer.from(memory.subarray(start, start + memory.readUInt32LE(header + HEADER.length)))
      const { address, port } = readAddress(memory, this.#arena.nameAt(i))
      some.push([bytes, { host: addressText(address), port }])
    }
    for (const [bytes, from] of some) listener(bytes, from)
    return count
  }
}

class Sender {
  readonly #library: Library
  readonly #arena: Arena
  /** The socket of each datagram that waits. */
  #waiting: number[] = []
  #bytes = 0
  #tries = 0
  #flushing: NodeJS.Immediate | undefined

  constructor(library: Library) {
    this.#library = library
    this.#arena = new Arena(library, BATCH, SEND_BYTES_MAX)
  }

  send(fd: number, bytes: Uint8Array, to: Address): void {
    if (bytes.length >= DATAGRAM_BYTES_MAX) return
    if (!this.#hasRoom(bytes.length)) this.flush()
    // The kernel takes nothing: this one is lost.
    if (!this.#hasRoom(bytes.length)) return
    const at = this.#waiting.length
    if (!writeAddress(this.#arena.memory, this.#arena.nameAt(at), to)) return
    this.#arena.memory.set(bytes, this.#arena.dataAt + this.#bytes)
    this.#arena.point(at, this.#bytes, bytes.length)
    this.#bytes += bytes.length
    this.#waiting.push(fd)
    this.#flushing ??= setImmediate(() => this.flush())
  }

  flush(): void {
    clearImmediate(this.#flushing)
    this.#flushing = undefined
    const waiting = this.#waiting
    const left: number[] = []
    for (let at = 0; at < waiting.length; ) {
      const fd = waiting[at] as number
      let end = at + 1
      while (end < waiting.length && waiting[end] === fd) end++
      at = this.#sendRun(fd, at, end, left)
    }
    this.#waiting = left.map((at, index) => {
      this.#arena.move(at, index)
      return waiting[at] as number
    })
    if (left.length === 0) {
      this.#bytes = 0
      this.#tries = 0
      return
    }
    this.#tries++
    this.#flushing = setImmediate(() => this.flush())
  }

  /** What waits for a socket that is being closed is lost. */
  forget(fd: number): void {
    const kept = this.#waiting.flatMap((owner, at) => (owner === fd ? [] : [at]))
    const waiting = this.#waiting
    this.#waiting = kept.map((at, index) => {
      this.#arena.move(at, index)
      return waiting[at] as number
    })
  }

  /** Sends datagrams `at` to `end` of one socket; what should be tried again goes to `left`. Returns `end`. */
  #sendRun(fd: number, at: number, end: number, left: number[]): number {
    for (let next = at; next < end; ) {
      const count = this.#library.sendmmsg(fd, this.#arena.headerAddress(next), end - next, MSG_DONTWAIT)
      if (count > 0) next += count
      else if (this.#library.errno() === EAGAIN && this.#tries < SEND_TRIES_MAX) {
        while (next < end) left.push(next++)
      } else {
        // This one cannot be sent: there is no way, or nobody listened to one before it.
        next++
      }
    }
    return end
  }

  #hasRoom(bytes: number): boolean {
    return this.#waiting.length < BATCH && this.#bytes + bytes <= SEND_BYTES_MAX
  }
}
