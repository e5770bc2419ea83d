import { type Clock, type Random, ThorError } from '@thor-node/core'
import { netLimits } from '../limits.ts'
import type { NodeId, PeerListener, PeerNet } from '../peers.ts'
import { type LinkInit, MemoryLinks } from './memory-links.ts'

export interface MemoryNetworkInit extends LinkInit {
  /** How long a dial to silence takes to fail. @default 3000 */
  dialTimeoutMs?: number
  /** A connection whose ends cannot reach each other breaks after this. @default 10000 */
  silenceBreakMs?: number
  /** How long the end of a process takes to show at its peers. @default 20 */
  breakDelayMs?: number
}

/**
 * A network inside one process, the twin of the real one: mints `PeerNet`s that are wired to each other. Delay, loss, cuts,
 * pauses and crashes come from outside; with a simulated clock and chance a run repeats exactly.
 */
export class MemoryNetwork {
  /** Dials so far, with those that met a node that was connected meanwhile. */
  dials = 0
  readonly links: MemoryLinks
  readonly clock: Clock
  readonly init: Required<Omit<MemoryNetworkInit, keyof LinkInit>>
  readonly #peers = new Map<NodeId, MemoryPeerNet>()
  readonly #silent = new Set<NodeId>()
  readonly #refused = new Set<string>()
  readonly #blocked = new Map<string, number>()
  readonly #places = new Map<NodeId, Place>()
  /** Told of every frame that reaches a node: for checkers that count what strangers are served. */
  onDelivered: (from: NodeId, to: NodeId, bytes: number) => void = () => undefined

  constructor(components: { clock: Clock; random: Random }, init: MemoryNetworkInit = {}) {
    this.links = new MemoryLinks(components, init)
    this.clock = components.clock
    this.init = {
      dialTimeoutMs: init.dialTimeoutMs ?? netLimits.dialTimeoutMs,
      silenceBreakMs: init.silenceBreakMs ?? 10_000,
      breakDelayMs: init.breakDelayMs ?? 20,
    }
  }

  /**
   * A network card for a node. Minting again for the same node replaces the one before: the process was started anew.
   * `isMember` is the gate, as of `Libp2pPeerNet`: asked for every connection, in both directions. A stranger is a node that
   * was minted with a gate of its own.
   */
  mint(nodeId: NodeId, init: { isMember?(nodeId: NodeId): boolean } = {}): MemoryPeerNet {
    this.#silent.delete(nodeId)
    const net = new MemoryPeerNet(this, nodeId, init.isMember?.bind(init))
    this.#peers.get(nodeId)?.die()
    this.#peers.set(nodeId, net)
    return net
  }

  /** The started card of a node, when its process lives. */
  peer(nodeId: NodeId): MemoryPeerNet | undefined {
    const peer = this.#peers.get(nodeId)
    return peer?.running ? peer : undefined
  }

  /**
   * kill -9: nothing of the node is heard again; peers see their connection break. With `power` the machine is gone too:
   * nobody tells the peers and dialling it ends in silence.
   */
  crash(nodeId: NodeId, options: { power?: boolean } = {}): void {
    const net = this.#peers.get(nodeId)
    if (!net) return
    if (options.power) this.#silent.add(nodeId)
    const peers = net.die()
    for (const other of peers) {
      this.links.drop(nodeId, other)
      const broken = this.#peers.get(other)
      if (!broken) continue
      const cut = options.power || this.links.isCut(nodeId, other)
      const after = cut ? this.init.silenceBreakMs : this.init.breakDelayMs
      const connection = broken.connectionOf(nodeId)
      this.clock.after(after, () => broken.broken(nodeId, connection))
    }
  }

  /** The process stands still: it neither sends nor receives, its connections stay. */
  pause(nodeId: NodeId): void {
    this.links.pause(nodeId)
  }

  resume(nodeId: NodeId): void {
    this.links.resume(nodeId)
  }

  /** Nodes of different sets do not reach each other; their connections break after a while. */
  partition(sets: readonly (readonly NodeId[])[]): void {
    this.links.partition(sets)
    for (const one of sets) for (const other of sets) if (one !== other) this.#watchSilence(one, other)
  }

  /** One direction is cut. */
  cut(from: NodeId, to: NodeId): void {
    this.links.cut(from, to)
    this.#watchSilence([from], [to])
  }

  /** One direction is whole again. */
  mend(from: NodeId, to: NodeId): void {
    this.links.mend(from, to)
  }

  heal(): void {
    this.links.heal()
  }

  /**
   * The node is at this address from now on, `host:port`, and dialling it elsewhere is `refused` or ends in silence. Its
   * connections do not survive: it loses them at once, its peers when it dials them again or after a while. A node that was
   * never moved is found at any address.
   */
  move(nodeId: NodeId, address: string, elsewhere: 'refused' | 'silent' = 'refused'): void {
    this.#places.set(nodeId, { address, elsewhere })
    const net = this.#peers.get(nodeId)
    for (const peer of net?.connected ?? []) {
      const other = this.#peers.get(peer)
      const connection = net?.connectionOf(peer)
      this.links.drop(nodeId, peer)
      net?.broken(peer, connection)
      this.clock.after(this.init.silenceBreakMs, () => other?.broken(nodeId, connection))
    }
  }

  /** What dialling the node at one of these addresses meets. */
  whatIsAt(nodeId: NodeId, addresses: readonly string[]): 'node' | 'refused' | 'silent' {
    if (this.#silent.has(nodeId)) return 'silent'
    const place = this.#places.get(nodeId)
    return !place || addresses.includes(place.address) ? 'node' : place.elsewhere
  }

  /** From now on `nodeId` refuses connections from and to `peer`, as the gate does with strangers. */
  refuse(nodeId: NodeId, peer: NodeId): void {
    this.#refused.add(`${nodeId}>${peer}`)
  }

  refuses(nodeId: NodeId, peer: NodeId): boolean {
    return this.#refused.has(`${nodeId}>${peer}`) || this.#peers.get(nodeId)?.isMember(peer) === false
  }

  #watchSilence(from: readonly NodeId[], to: readonly NodeId[]): void {
    for (const one of from)
      for (const other of to) {
        const watch = `${one}>${other}`
        const turn = (this.#blocked.get(watch) ?? 0) + 1
        this.#blocked.set(watch, turn)
        const connection = this.#peers.get(one)?.connectionOf(other)
        if (connection === undefined) continue
        this.clock.after(this.init.silenceBreakMs, () => {
          if (this.#blocked.get(watch) !== turn || !this.links.isCut(one, other)) return
          this.links.drop(one, other)
          this.#peers.get(one)?.broken(other, connection)
          this.#peers.get(other)?.broken(one, connection)
        })
      }
  }
}

interface Place {
  address: string
  elsewhere: 'refused' | 'silent'
}

interface Connection {
  readonly one: NodeId
  readonly other: NodeId
}

export class MemoryPeerNet implements PeerNet {
  readonly self: NodeId
  listener: PeerListener | undefined
  readonly #network: MemoryNetwork
  readonly #connections = new Map<NodeId, Connection>()
  readonly #dials = new Map<NodeId, Promise<void>>()
  #state: 'new' | 'running' | 'stopped' = 'new'

  /** Whom its gate lets in. */
  readonly isMember: (nodeId: NodeId) => boolean

  constructor(network: MemoryNetwork, self: NodeId, isMember: (nodeId: NodeId) => boolean = () => true) {
    this.#network = network
    this.self = self
    this.isMember = isMember
  }

  get running(): boolean {
    return this.#state === 'running'
  }

  async start(): Promise<void> {
    if (this.#state === 'new') this.#state = 'running'
  }

  get connected(): NodeId[] {
    return [...this.#connections.keys()]
  }

  /** A clean end: peers see it at once. */
  async stop(): Promise<void> {
    if (this.#state !== 'running') return
    for (const peer of [...this.#connections.keys()]) await this.disconnect(peer)
    this.#state = 'stopped'
  }

  /** The process ends; returns who was connected. */
  die(): NodeId[] {
    const peers = [...this.#connections.keys()]
    this.#state = 'stopped'
    this.#connections.clear()
    return peers
  }

  async connect(peer: NodeId, addresses: readonly string[] = []): Promise<void> {
    if (peer === this.self || this.#connections.has(peer)) return
    let dial = this.#dials.get(peer)
    if (!dial) {
      dial = this.#dial(peer, addresses).finally(() => this.#dials.delete(peer))
      this.#dials.set(peer, dial)
    }
    await dial
  }

  async disconnect(peer: NodeId): Promise<void> {
    const connection = this.#connections.get(peer)
    if (!connection) return
    const other = this.#network.peer(peer)
    this.broken(peer, connection)
    // The close travels behind the frames that were sent before it.
    this.#network.links.carry(this.self, peer, 0, () => other?.broken(this.self, connection))
  }

  isConnected(peer: NodeId): boolean {
    return this.#connections.has(peer)
  }

  connectionOf(peer: NodeId): Connection | undefined {
    return this.#connections.get(peer)
  }

  send(to: NodeId, frame: Uint8Array): boolean {
    const connection = this.#connections.get(to)
    if (!connection || frame.length > netLimits.frameBytesMax) return false
    const links = this.#network.links
    if (links.waitingBytes(this.self, to) + frame.length > netLimits.sendQueueBytesMax) return false
    const copy = frame.slice()
    links.carry(this.self, to, copy.length, () => {
      const receiver = this.#network.peer(to)
      if (receiver?.connectionOf(this.self) !== connection) return
      this.#network.onDelivered(this.self, to, copy.length)
      receiver.listener?.onFrame(this.self, copy)
    })
    return true
  }

  backlogBytes(to: NodeId): number {
    return this.#network.links.waitingBytes(this.self, to)
  }

  /** The given connection is no more. */
  broken(peer: NodeId, connection: Connection | undefined): void {
    if (!connection || this.#connections.get(peer) !== connection) return
    this.#connections.delete(peer)
    if (this.running) this.listener?.onDisconnected(peer)
  }

  /** Takes an inbound connection, or refuses it. */
  accept(peer: NodeId, connection: Connection): boolean {
    if (this.#network.refuses(this.self, peer)) return false
    this.#connections.set(peer, connection)
    this.listener?.onConnected(peer)
    return true
  }

  async #dial(peer: NodeId, addresses: readonly string[]): Promise<void> {
    const { links, clock, init } = this.#network
    const where = `${peer} at ${addresses.join(', ') || 'no known address'}`
    if (!this.running) throw new ThorError('OVERLAY_UNREACHABLE', `the network of ${this.self} is not started`)
    this.#network.dials++
    const answered = await new Promise<boolean>((resolve) => {
      const guard = clock.after(init.dialTimeoutMs, () => resolve(false))
      links.carry(this.self, peer, 0, () => {
        if (this.#network.whatIsAt(peer, addresses) === 'silent') return
        links.carry(peer, this.self, 0, () => {
          guard.cancel()
          resolve(true)
        })
      })
    })
    if (!this.running) throw new ThorError('OVERLAY_UNREACHABLE', `the network of ${this.self} is stopped`)
    if (!answered) throw new ThorError('OVERLAY_UNREACHABLE', `no answer in time from ${where}`)
    if (this.#connections.has(peer)) return
    const other = this.#network.peer(peer)
    if (!other || this.#network.whatIsAt(peer, addresses) === 'refused') {
      const cause = Object.assign(new Error(`connect ECONNREFUSED ${where}`), { code: 'ECONNREFUSED' })
      throw new ThorError('OVERLAY_UNREACHABLE', `nobody answers for ${where}: ECONNREFUSED`, { cause })
    }
    // What the other side still holds belongs to a process or a connection of before.
    other.broken(this.self, other.connectionOf(this.self))
    const connection: Connection = { one: this.self, other: peer }
    if (this.#network.refuses(this.self, peer) || !other.accept(this.self, connection))
      throw new ThorError('OVERLAY_REFUSED', `${where} refuses the connection`)
    this.#connections.set(peer, connection)
    this.listener?.onConnected(peer)
  }
}
