/** Sockets in memory, driven by hand: what was sent is kept, what arrives is handed in by the test. */
import {
  type Address,
  type ConnectOptions,
  formatAddress,
  type ListenOptions,
  type Net,
  type TcpConnection,
  ThorError,
  type TlsPeer,
} from '@thor-node/core'

export class FakeStream implements TcpConnection {
  readonly local: Address
  readonly remote: Address
  readonly written: string[] = []
  /** The certificate that it shows. */
  peer: TlsPeer | undefined
  pings = 0
  /** When false the next writes say that the queue of the system is full. */
  takes = true
  closed = false
  onGone: () => void = () => undefined
  #onData: (bytes: Buffer) => void = () => undefined
  #onClose: () => void = () => undefined
  #onDrain: () => void = () => undefined
  #onPong: () => void = () => undefined

  constructor(local: Address, remote: Address) {
    this.local = local
    this.remote = remote
  }

  write(bytes: Uint8Array): boolean {
    this.written.push(Buffer.from(bytes).toString('latin1'))
    return this.takes
  }

  pause(): void {}
  resume(): void {}

  end(): void {
    this.destroy()
  }

  destroy(): void {
    if (this.closed) return
    this.closed = true
    this.onGone()
    this.#onClose()
  }

  onData(fn: (bytes: Buffer) => void): void {
    this.#onData = fn
  }

  onClose(fn: () => void): void {
    this.#onClose = fn
  }

  onDrain(fn: () => void): void {
    this.#onDrain = fn
  }

  ping(): void {
    this.pings++
  }

  onPong(fn: () => void): void {
    this.#onPong = fn
  }

  pong(): void {
    this.#onPong()
  }

  receive(text: string): void {
    this.#onData(Buffer.from(text, 'latin1'))
  }

  drain(): void {
    this.takes = true
    this.#onDrain()
  }
}

export class FakeNet implements Net {
  readonly datagrams: { text: string; to: Address }[] = []
  readonly streams: FakeStream[] = []
  readonly connects: Address[] = []
  /** Sockets and listeners that are bound. */
  open = 0
  connectFails = false
  /** While set, connects wait for it. */
  gate: Promise<void> | undefined
  /** By the port of the listener, which incoming connections are for; 5060 unless said otherwise. */
  readonly #listeners = new Map<number, { accept(connection: TcpConnection): void; options: ListenOptions }>()
  readonly connectOptions: (ConnectOptions | undefined)[] = []
  #receive: (bytes: Buffer, from: Address) => void = () => undefined
  #local: Address = { host: '127.8.0.1', port: 5060 }

  async udp(bind: Address, onMessage: (bytes: Buffer, from: Address) => void) {
    this.#receive = onMessage
    return {
      local: bind,
      send: (bytes: Uint8Array, to: Address) =>
        void this.datagrams.push({ text: Buffer.from(bytes).toString('latin1'), to }),
      close: this.#bound(),
    }
  }

  async listen(bind: Address, accept: (connection: TcpConnection) => void, options: ListenOptions = {}) {
    this.#listeners.set(bind.port, { accept, options })
    this.#local = bind
    return { local: bind, close: this.#bound() }
  }

  async connect(to: Address, options?: ConnectOptions): Promise<TcpConnection> {
    this.connects.push(to)
    this.connectOptions.push(options)
    await this.gate
    if (this.connectFails) throw new ThorError('NET_UNREACHABLE', `nobody at ${formatAddress(to)}`)
    return this.#stream({ host: this.#local.host, port: 40_000 + this.connects.length }, to)
  }

  datagram(text: string, from: Address): void {
    this.#receive(Buffer.from(text, 'latin1'), from)
  }

  incoming(from: Address, port = 5060, peer?: TlsPeer): FakeStream {
    const listener = this.#listeners.get(port)
    const release = listener?.options.admit?.(from)
    const stream = this.#stream({ ...this.#local, port }, from)
    stream.peer = peer
    if (!release) stream.destroy()
    else {
      stream.onGone = release
      listener?.accept(stream)
    }
    return stream
  }

  get openStreams(): number {
    return this.streams.filter(({ closed }) => !closed).length
  }

  #stream(local: Address, remote: Address): FakeStream {
    const stream = new FakeStream(local, remote)
    this.streams.push(stream)
    return stream
  }

  #bound(): () => Promise<void> {
    this.open++
    let closed = false
    return async () => {
      if (!closed) this.open--
      closed = true
    }
  }
}
