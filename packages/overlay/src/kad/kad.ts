import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import {
  type Address,
  bindError,
  type Clock,
  errorMessage,
  type Logger,
  type Random,
  ThorError,
  type Timer,
} from '@thor-node/core'
import { dialError } from '../errors.ts'
import { netLimits } from '../limits.ts'
import type { NodeId, PeerListener, PeerNet } from '../peers.ts'
import { InboundLimit } from './inbound.ts'
import { createNode, fromMultiaddr, listenElsewhere, RING_PROTOCOL } from './libp2p.ts'
import { type NodeKey, nodeIdOf } from './node-key.ts'
import { RingStream } from './ring-stream.ts'

export interface Libp2pPeerNetComponents {
  clock: Clock
  random: Random
  log: Logger
}

export interface Libp2pPeerNetInit {
  key: NodeKey
  /** Port 0 takes a free one, see `addresses`. */
  listen: Address
  /** What others are told to dial, when it is not what this node binds. */
  announce?: Address
  /** Everybody else is cut off right after the Noise handshake. Asked for every connection, in both directions. */
  isMember(nodeId: NodeId): boolean
  /** @default netLimits.handshakeTimeoutMs */
  handshakeTimeoutMs?: number
}

/** What this node has with one peer. */
interface Link {
  /** The stream in use. */
  up?: RingStream
  /** A dial of ours in progress. */
  dial?: Promise<void>
  /** Our greeting is out on a stream that we dialled: the peer may take that stream for the one. */
  greeting?: boolean
  /** A greeted stream that the peer dialled meanwhile: taken when our dial fails. */
  waiting?: RingStream
  /** When surplus connections are closed. */
  tidy?: Timer
}

const GREETING_VERSION = 1
const SESSION_BYTES = 8

/**
 * Members over libp2p: one connection and one long-lived stream per pair.
 *
 * The one who dials sends a greeting (version, 8 bytes that name the process), the other answers with its own, and the stream
 * is up. When both dial at once, the stream dialled by the lower node id stays: the lower, once its greeting is out, keeps
 * the other's stream unanswered until its own is up or has failed, the higher drops its own dial for the one that came in. No frame is sent on
 * a stream before it is up on both sides, so none is lost by the choice.
 */
export class Libp2pPeerNet implements PeerNet {
  readonly self: NodeId
  listener: PeerListener | undefined
  readonly #clock: Clock
  readonly #log: Logger
  readonly #init: Libp2pPeerNetInit
  readonly #greeting: Uint8Array
  readonly #inbound: InboundLimit
  readonly #links = new Map<NodeId, Link>()
  #node: Libp2p | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(components: Libp2pPeerNetComponents, init: Libp2pPeerNetInit) {
    this.#clock = components.clock
    this.#log = components.log.forComponent('overlay:kad')
    this.#init = init
    this.#inbound = new InboundLimit(components, init)
    this.#greeting = Buffer.concat([Buffer.from([GREETING_VERSION]), components.random.bytes(SESSION_BYTES)])
    this.self = nodeIdOf(init.key)
  }

  /** Throws `NET_ADDRESS_IN_USE`, `NET_PERMISSION`, `NET_ADDRESS_UNKNOWN`. */
  start(): Promise<void> {
    this.#starting ??= this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    const node = await createNode(this.#init, this.#inbound)
    await node.handle(RING_PROTOCOL, (stream, connection) => this.#onStream(stream, connection), {
      maxInboundStreams: 4,
      maxOutboundStreams: 4,
    })
    // The gate may have closed while the connection was being made.
    node.addEventListener('connection:open', ({ detail: connection }) => {
      if (!this.#init.isMember(connection.remotePeer.toString())) connection.abort(new Error('not a member'))
    })
    try {
      await node.start()
    } catch (error) {
      await node.stop()
      throw bindError(systemError(error), 'tcp', this.#init.listen)
    }
    node.addEventListener('connection:open', ({ detail }) => this.#tidySoon(detail.remotePeer.toString()))
    this.#node = node
  }

  /**
   * Listens at another address from now on, while it runs. Connections that came in at the old one end. Throws as `start` does;
   * then all stays as it is.
   */
  async move(listen: Address): Promise<void> {
    if (!this.#node) throw new ThorError('OVERLAY_STOPPED', 'this node does not run')
    try {
      await listenElsewhere(this.#node, listen)
    } catch (error) {
      throw bindError(systemError(error), 'tcp', listen)
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    const node = this.#node
    this.#node = undefined
    for (const link of this.#links.values()) {
      link.tidy?.cancel()
      link.waiting?.abort('the node stops')
      link.up?.end()
    }
    await node?.stop()
  }

  /** `host:port` of every address that this node listens on (or announces). */
  get addresses(): string[] {
    const texts = this.#node?.getMultiaddrs().map((address) => fromMultiaddr(address.toString())) ?? []
    return texts.filter((text) => text !== undefined)
  }

  isConnected(peer: NodeId): boolean {
    return this.#links.get(peer)?.up !== undefined
  }

  send(to: NodeId, frame: Uint8Array): boolean {
    return this.#links.get(to)?.up?.send(frame) ?? false
  }

  backlogBytes(to: NodeId): number {
    return this.#links.get(to)?.up?.backlogBytes ?? 0
  }

  /** Addresses are `host:port` with a literal IP. */
  async connect(peer: NodeId, addresses: readonly string[]): Promise<void> {
    this.#inbound.note(peer, addresses)
    const link = this.#link(peer)
    if (link.up) return
    link.dial ??= this.#dial(peer, link, addresses).finally(() => {
      link.dial = undefined
      this.#dropIfIdle(peer, link)
    })
    return link.dial
  }

  async disconnect(peer: NodeId): Promise<void> {
    const link = this.#links.get(peer)
    link?.waiting?.abort('disconnected')
    link?.up?.end()
    // A peer that does not take part in closing is cut.
    const open = this.#node?.getConnections(peerIdFromString(peer)) ?? []
    this.#clock.after(netLimits.cutAfterMs, () => {
      for (const one of open) if (one.status !== 'closed') one.abort(new Error('disconnected'))
    })
    try {
      await this.#node?.hangUp(peerIdFromString(peer))
    } catch (error) {
      this.#log.debug('hang up failed', { peer, error })
    }
  }

  /** Addresses (`host:port`) of a member as other members know them (kad-dht); empty when nobody knows. */
  async findAddresses(peer: NodeId): Promise<string[]> {
    try {
      const found = await this.#node?.peerRouting.findPeer(peerIdFromString(peer), {
        signal: AbortSignal.timeout(netLimits.findTimeoutMs),
      })
      const texts = found?.multiaddrs.map((address) => fromMultiaddr(address.toString())) ?? []
      return [...new Set(texts.filter((text) => text !== undefined))]
    } catch {
      return []
    }
  }

  /** `connections` is more than `connected` while a peer has several: of kad-dht, or of dials that crossed. */
  snapshot(): { self: NodeId; connected: NodeId[]; connections: number } {
    const connected = [...this.#links.keys()].filter((peer) => this.isConnected(peer))
    return { self: this.self, connected, connections: this.#node?.getConnections().length ?? 0 }
  }

  #link(peer: NodeId): Link {
    let link = this.#links.get(peer)
    if (!link) {
      link = {}
      this.#links.set(peer, link)
    }
    return link
  }

  #dropIfIdle(peer: NodeId, link: Link): void {
    if (link.up || link.dial || link.waiting || this.#links.get(peer) !== link) return
    link.tidy?.cancel()
    this.#links.delete(peer)
  }

  /**
   * Dials of both sides and of kad-dht may cross. A moment later, when both sides know which stream is the one, connections
   * without it are closed.
   */
  #tidySoon(peer: NodeId): void {
    const link = this.#links.get(peer)
    if (!link?.up || !this.#node) return
    link.tidy ??= this.#clock.after(netLimits.surplusAfterMs, () => {
      link.tidy = undefined
      const kept = link.up?.connection
      if (!kept) return
      for (const connection of this.#node?.getConnections(peerIdFromString(peer)) ?? []) {
        if (connection.id !== kept.id) connection.close().catch(() => undefined)
      }
    })
  }

  async #dial(peer: NodeId, link: Link, addresses: readonly string[]): Promise<void> {
    try {
      const node = this.#node
      if (!node) throw new ThorError('OVERLAY_STOPPED', 'this node does not run')
      const targets = addresses.map((address) => multiaddr(`${addressToMultiaddr(address)}/p2p/${peer}`))
      if (targets.length === 0) throw new Error('no address is known')
      const signal = AbortSignal.timeout(netLimits.dialTimeoutMs)
      const existing = node.getConnections(peerIdFromString(peer)).find((connection) => connection.status === 'open')
      if (existing) {
        // kad-dht may have one; but it may also be one that broke a moment ago, so a failure means nothing.
        const opened = await this.#openOn(peer, link, existing, signal).catch(() => undefined)
        if (opened || link.up) return
        if (link.waiting) throw new Error('the stream of the peer is as good')
      }
      await this.#openOn(peer, link, await node.dial(targets, { signal, force: existing !== undefined }), signal)
    } catch (error) {
      const { waiting } = link
      link.waiting = undefined
      if (link.up) return
      if (waiting?.isOpen) this.#accept(peer, link, waiting)
      else throw error instanceof ThorError ? error : dialError(peer, addresses, error)
    }
  }

  /** True when a ring stream is up; a connection on which that fails is closed. */
  async #openOn(peer: NodeId, link: Link, connection: Connection, signal: AbortSignal): Promise<boolean> {
    if (link.up) return true
    let mine: RingStream | undefined
    try {
      mine = new RingStream(await connection.newStream(RING_PROTOCOL, { signal }), connection)
      if (link.up) mine.abort('another stream is up')
      else await this.#greet(peer, link, mine)
      return true
    } catch (error) {
      mine?.abort('the dial failed')
      // Another stream may be up on this very connection.
      if (!link.up && !link.waiting) connection.abort(new Error('no ring stream on it'))
      throw error
    }
  }

  /** Sends our greeting on a stream that we dialled; resolves when the peer has answered it, or another stream is up. */
  #greet(peer: NodeId, link: Link, mine: RingStream): Promise<void> {
    link.greeting = true
    return new Promise<void>((resolve, reject) => {
      const timer = this.#clock.after(netLimits.dialTimeoutMs, () => {
        reject(Object.assign(new Error('no greeting in time'), { name: 'TimeoutError' }))
      })
      mine.listener = {
        onFrame: (frame) => {
          timer.cancel()
          if (!isGreeting(frame)) return reject(new Error('the peer does not speak this version'))
          link.waiting?.abort('another stream is up')
          link.waiting = undefined
          if (link.up) mine.abort('another stream is up')
          else this.#up(peer, link, mine, frame)
          resolve()
        },
        onClose: () => {
          timer.cancel()
          reject(new Error('the peer closed the stream'))
        },
      }
      mine.send(this.#greeting)
    }).finally(() => {
      link.greeting = false
    })
  }

  /** A stream that a peer dialled: nothing happens before its greeting. */
  #onStream(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer.toString()
    const theirs = new RingStream(stream, connection)
    if (!this.#node || !this.#init.isMember(peer)) {
      theirs.abort('not a member')
      return
    }
    const timer = this.#clock.after(netLimits.dialTimeoutMs, () => theirs.abort('no greeting in time'))
    theirs.listener = {
      onFrame: (frame) => {
        timer.cancel()
        if (!isGreeting(frame)) {
          theirs.abort('the peer does not speak this version')
          return
        }
        theirs.listener = { onFrame: () => theirs.abort('frame before the answer'), onClose: () => undefined }
        theirs.session = sessionOf(frame)
        this.#decide(peer, theirs)
      },
      onClose: () => timer.cancel(),
    }
  }

  #decide(peer: NodeId, theirs: RingStream): void {
    const link = this.#link(peer)
    if (link.up) {
      const age = this.#clock.now() - (link.up.openedAt ?? 0)
      if (link.up.session === theirs.session && age < netLimits.crossingDialMs) {
        theirs.abort('another stream is up')
        return
      }
      this.#log.info('a peer dialled again, its old stream is lost', { peer })
      link.up.abort('replaced')
      this.#accept(peer, this.#link(peer), theirs)
      return
    }
    if (link.greeting && this.self < peer) {
      link.waiting?.abort('replaced')
      link.waiting = theirs
      return
    }
    this.#accept(peer, link, theirs)
  }

  #accept(peer: NodeId, link: Link, theirs: RingStream): void {
    theirs.send(this.#greeting)
    this.#up(peer, link, theirs)
  }

  #up(peer: NodeId, link: Link, stream: RingStream, greeting?: Uint8Array): void {
    if (greeting) stream.session = sessionOf(greeting)
    stream.openedAt = this.#clock.now()
    stream.listener = {
      onFrame: (frame) => this.listener?.onFrame(peer, frame),
      onClose: () => {
        if (link.up !== stream) return
        link.up = undefined
        this.#dropIfIdle(peer, link)
        this.#log.debug('disconnected', { peer })
        this.listener?.onDisconnected(peer)
      },
    }
    link.up = stream
    this.#links.set(peer, link)
    this.#tidySoon(peer)
    this.#log.debug('connected', { peer })
    this.listener?.onConnected(peer)
  }
}

function isGreeting(frame: Uint8Array): boolean {
  return frame.length === 1 + SESSION_BYTES && frame[0] === GREETING_VERSION
}

function sessionOf(greeting: Uint8Array): string {
  return Buffer.from(greeting.subarray(1)).toString('hex')
}

function addressToMultiaddr(address: string): string {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address)
  if (!match) throw new ThorError('OVERLAY_BAD_ADDRESS', `${address} is not host:port`)
  const [, six, four, port] = match
  return six ? `/ip6/${six}/tcp/${port}` : `/ip4/${four}/tcp/${port}`
}

/** libp2p reports what failed to listen as text only; the code of the system error stands in it. */
function systemError(error: unknown): NodeJS.ErrnoException {
  const message = errorMessage(error)
  const code = /\b(EADDRINUSE|EACCES|EADDRNOTAVAIL)\b/.exec(message)?.[1]
  return Object.assign(new Error(message), code ? { code } : {})
}
