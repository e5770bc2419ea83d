/** Whole nodes of the ring in memory: simulated clock, network and disks, and members whose states the test decides. */
import { type Disk, type RangeId, type RecordKey, recordKey, silentLogger } from '@thor-node/core'
import { SimClock, SimDisk, SimRandom, settle } from '@thor-node/core/testing'
import { MemoryNetwork, type MemoryPeerNet } from '../../src/kad/memory.ts'
import type { Member, MemberChange, MemberState, Members } from '../../src/membership/contract.ts'
import type { NodeId } from '../../src/peers.ts'
import { Balancer } from '../../src/ranges/balancer.ts'
import { ConfigTable } from '../../src/ranges/config-table.ts'
import type { RangeRecords } from '../../src/ranges/contract.ts'
import { RangeView } from '../../src/ranges/home.ts'
import type { ChangeLimits } from '../../src/ranges/limits.ts'
import { ConfigSpread } from '../../src/ranges/spread.ts'
import { PeerRpc } from '../../src/rpc/rpc.ts'
import { AcceptorStore } from '../../src/store/acceptor-store.ts'
import { Registers } from '../../src/store/reg.ts'

/** Several batches; real rings have more, which would only take longer. */
export const RANGES = 600

export const ringKey = (kind: string, place: string): RecordKey => {
  const key = recordKey(kind, place)
  return { ...key, range: key.range % RANGES }
}

/** Everybody sees the same, as the test says. */
export class SetMembers implements Members {
  readonly #self: NodeId
  readonly #all: Map<NodeId, Member>
  readonly #listeners = new Set<(change: MemberChange) => void>()

  constructor(self: NodeId, all: Map<NodeId, Member>) {
    this.#self = self
    this.#all = all
  }

  get self(): Member {
    return this.#all.get(this.#self) as Member
  }

  list(): readonly Member[] {
    return [...this.#all.values()]
  }

  get(nodeId: NodeId): Member | undefined {
    return this.#all.get(nodeId)
  }

  isLive(nodeId: NodeId): boolean {
    const state = this.#all.get(nodeId)?.state
    return nodeId === this.#self || state === 'alive' || state === 'suspect'
  }

  onChange(listener: (change: MemberChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(change: MemberChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}

export const memberOf = (nodeId: NodeId, change: Partial<Member> = {}): Member => ({
  nodeId,
  name: nodeId,
  placementId: Buffer.from(nodeId.padEnd(16, '.')).toString('hex'),
  zone: '',
  weight: 1,
  roles: [],
  version: '0',
  services: { host: '127.0.0.1', cluster: 1 },
  state: 'alive',
  incarnation: 1,
  serving: true,
  startedAt: 0,
  ...change,
})

/** Stands for SET and SOFT: counts what it is told. */
export class CountedRecords implements RangeRecords {
  readonly pulled: { ranges: readonly RangeId[]; sources: readonly NodeId[] }[] = []
  readonly wiped: RangeId[] = []
  /** Copies end when this does. */
  hold: Promise<void> = Promise.resolve()

  async pull(ranges: readonly RangeId[], sources: readonly NodeId[]): Promise<void> {
    this.pulled.push({ ranges, sources })
    await this.hold
  }

  async wipe(range: RangeId): Promise<void> {
    this.wiped.push(range)
  }

  async digest(): Promise<string> {
    return ''
  }
}

export interface TestNode {
  id: NodeId
  net: MemoryPeerNet
  medium: SimDisk
  disk: Disk
  rpc: PeerRpc
  members: SetMembers
  configs: ConfigTable
  acceptors: AcceptorStore
  reg: Registers
  view: RangeView
  spread: ConfigSpread
  balancer: Balancer
  copied: CountedRecords
}

export class TestRing {
  readonly clock = new SimClock()
  readonly random: SimRandom
  readonly network: MemoryNetwork
  readonly nodes = new Map<NodeId, TestNode>()
  readonly #all = new Map<NodeId, Member>()
  readonly #disks = new Map<NodeId, SimDisk>()
  readonly #limits: Partial<ChangeLimits>
  readonly #ranges: number

  constructor(seed: number, init: { limits?: Partial<ChangeLimits>; lossRate?: number; ranges?: number } = {}) {
    this.#ranges = init.ranges ?? RANGES
    this.random = new SimRandom(seed)
    this.#limits = init.limits ?? {}
    this.network = new MemoryNetwork(
      { clock: this.clock, random: this.random.fork() },
      { delayMs: { min: 0.2, max: 2 }, lossRate: init.lossRate ?? 0 },
    )
  }

  /** Starts a node, new or on the disk it had. The first one makes the ring; `manual`: without balancer and spread. */
  async start(id: NodeId, options: { genesis?: boolean; manual?: boolean } = {}): Promise<TestNode> {
    const { clock } = this
    const random = this.random.fork()
    const previous = this.#all.get(id)
    this.#all.set(id, memberOf(id, { incarnation: (previous?.incarnation ?? 0) + 1 }))
    const net = this.network.mint(id)
    const rpc = new PeerRpc({ peers: net, clock, log: silentLogger })
    const medium = this.#disks.get(id) ?? new SimDisk({ clock, random: this.random.fork() })
    this.#disks.set(id, medium)
    const disk = medium.mount()
    const members = new SetMembers(id, this.#all)
    const configs = new ConfigTable({ disk, rpc }, { self: id, rangeCount: this.#ranges })
    const acceptors = new AcceptorStore({ clock, disk, rpc, configs })
    const copied = new CountedRecords()
    configs.attach(acceptors)
    configs.attach(copied)
    const reg = new Registers({ clock, random, rpc, configs, members, acceptors }, { self: id })
    const log = silentLogger
    const spread = new ConfigSpread({ clock, random, log, rpc, members, configs }, { self: id, syncMs: 5_000 })
    const view = new RangeView({ members, configs }, { self: id })
    const balancer = new Balancer(
      { clock, random, log, rpc, members, configs, ranges: view, spread, reg, acceptors, copied: [copied] },
      { self: id, limits: this.#limits },
    )
    const node: TestNode = {
      id,
      net,
      medium,
      disk,
      rpc,
      members,
      configs,
      acceptors,
      reg,
      view,
      spread,
      balancer,
      copied,
    }
    this.nodes.set(id, node)
    await this.run(
      (async () => {
        await disk.open()
        await configs.load()
        await net.start()
        for (const other of this.nodes.values()) if (other !== node) await net.connect(other.id).catch(() => undefined)
        if (options.genesis) await configs.genesis()
        if (options.manual) return
        if (configs.unknown > 0) await spread.join()
        await spread.start()
        await balancer.start()
      })(),
    )
    view.refresh()
    this.#tell(id, previous)
    return node
  }

  /** A ring that has found its place long ago: every range with these three, everything running. */
  async formed(ids: readonly string[], replicas: readonly string[]): Promise<TestNode[]> {
    const nodes: TestNode[] = []
    for (const id of ids) nodes.push(await this.start(id, { manual: true, genesis: id === ids[0] }))
    const members = replicas.map((nodeId) => ({ nodeId, since: 1 }))
    const configs = nodes[0]?.configs.all().map(({ range }) => ({ range, epoch: 3, old: members })) ?? []
    for (const node of nodes) {
      await this.run(node.configs.adoptAll(configs))
      await this.run(node.configs.markFilled(configs))
    }
    for (const node of nodes) await this.run(Promise.all([node.spread.start(), node.balancer.start()]))
    return nodes
  }

  /** kill -9. Peers lose the connection at once; `state` is what members think from then on. */
  async kill(id: NodeId, state: MemberState = 'dead'): Promise<void> {
    const node = this.nodes.get(id) as TestNode
    this.nodes.delete(id)
    await node.balancer.stop()
    await node.spread.stop()
    node.view.close()
    this.network.crash(id)
    this.#disks.get(id)?.crash()
    this.setState(id, { state })
  }

  setState(id: NodeId, change: Partial<Member>): void {
    const previous = this.#all.get(id) as Member
    this.#all.set(id, { ...previous, ...change })
    this.#tell(id, previous)
  }

  async stop(): Promise<void> {
    for (const node of this.nodes.values()) {
      await node.balancer.stop()
      await node.spread.stop()
      node.view.close()
    }
  }

  /** Moves the clock until the promise is settled. */
  async run<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let done = false
    const mark = () => {
      done = true
    }
    promise.then(mark, mark)
    const until = this.clock.now() + limitMs
    await settle()
    while (!done && this.clock.now() < until) if (!(await this.clock.step())) await this.clock.advance(1)
    if (!done) throw new Error(`nothing after ${limitMs} ms`)
    return promise
  }

  /** Moves the clock until the condition holds; returns the milliseconds it took. */
  async until(condition: () => boolean, limitMs: number, what: string): Promise<number> {
    const from = this.clock.now()
    while (!condition()) {
      if (this.clock.now() - from > limitMs) throw new Error(`${what} did not come true in ${limitMs} ms`)
      await this.clock.advance(50)
    }
    return this.clock.now() - from
  }

  /** Every node agrees that every range is stable and has so many replicas. */
  isStable(copies: number): boolean {
    for (const { configs } of this.nodes.values()) {
      if (configs.all().some(({ old, next }) => next || old.length !== copies)) return false
    }
    return true
  }

  #tell(id: NodeId, previous: Member | undefined): void {
    const member = this.#all.get(id) as Member
    for (const { members } of this.nodes.values()) members.tell({ member, previous })
  }
}
