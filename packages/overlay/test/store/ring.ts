import { RANGE_COUNT, type RangeId, silentLogger } from '@thor-node/core'
import { SimClock, SimDisk, SimRandom } from '@thor-node/core/testing'
import { MemoryNetwork } from '../../src/kad/memory.ts'
import type { Member, MemberChange, MemberState, Members } from '../../src/membership/contract.ts'
import type { NodeId } from '../../src/peers.ts'
import { standingOf } from '../../src/ranges/config.ts'
import type { RangeConfig, RangeConfigs } from '../../src/ranges/contract.ts'
import { PeerRpc } from '../../src/rpc/rpc.ts'
import { GroupCommit } from '../../src/store/group-commit.ts'
import { drive } from './sim-drive.ts'

/** Configs that a test sets by hand; the fence is the real rule without the fetching of what is newer. */
export class HandConfigs implements RangeConfigs {
  readonly self: NodeId
  readonly #configs = new Map<RangeId, RangeConfig>()
  readonly unfilled = new Set<RangeId>()
  readonly #initial: readonly NodeId[]

  constructor(self: NodeId, initial: readonly NodeId[]) {
    this.self = self
    this.#initial = initial
  }

  all(): RangeConfig[] {
    return Array.from({ length: RANGE_COUNT }, (_, range) => this.get(range))
  }

  get(range: RangeId): RangeConfig {
    const old = this.#initial.map((nodeId) => ({ nodeId, since: 1 }))
    return this.#configs.get(range) ?? { range, epoch: 1, old }
  }

  async fence(range: RangeId, epoch: number) {
    const mine = this.get(range)
    return epoch < mine.epoch ? ({ ok: false, newer: mine } as const) : ({ ok: true } as const)
  }

  async adopt(config: RangeConfig): Promise<void> {
    if (config.epoch > this.get(config.range).epoch) this.#configs.set(config.range, config)
  }

  hasVoice(): boolean {
    return true
  }

  checkVoice(): void {}

  standing(range: RangeId): 'member' | 'warming' | 'outsider' {
    return standingOf(this.get(range), this.self, !this.unfilled.has(range))
  }
}

/** A view of members that a test sets by hand. */
export class HandMembers implements Members {
  readonly self: Member
  readonly #all: Map<NodeId, Member>
  readonly #listeners = new Set<(change: MemberChange) => void>()

  constructor(self: NodeId, names: readonly NodeId[]) {
    this.#all = new Map(names.map((name) => [name, member(name)]))
    this.self = this.#all.get(self) as Member
  }

  list(): readonly Member[] {
    return [...this.#all.values()]
  }

  get(nodeId: NodeId): Member | undefined {
    return this.#all.get(nodeId)
  }

  isLive(nodeId: NodeId): boolean {
    const state = this.#all.get(nodeId)?.state
    return state === 'alive' || state === 'suspect'
  }

  onChange(listener: (change: MemberChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  set(nodeId: NodeId, state: MemberState): void {
    const previous = this.#all.get(nodeId)
    const next = { ...(previous ?? member(nodeId)), state }
    this.#all.set(nodeId, next)
    for (const listener of [...this.#listeners]) listener({ member: next, previous })
  }
}

function member(nodeId: NodeId): Member {
  return {
    nodeId,
    name: nodeId,
    placementId: nodeId,
    zone: '',
    weight: 1,
    roles: [],
    version: '0',
    services: { host: '127.0.0.1', cluster: 1 },
    state: 'alive',
    incarnation: 1,
    serving: true,
    startedAt: 0,
  }
}

export interface RingNode {
  name: NodeId
  medium: SimDisk
  disk: GroupCommit
  rpc: PeerRpc
  configs: HandConfigs
  members: HandMembers
}

/** Nodes that hear each other, without anything that decides: stores are put on top by the tests. */
export class HandRing {
  readonly clock = new SimClock()
  readonly random: SimRandom
  readonly network: MemoryNetwork
  readonly nodes = new Map<NodeId, RingNode>()
  readonly names: readonly NodeId[]
  readonly #initial: readonly NodeId[]

  constructor(names: readonly NodeId[], init: { initial?: readonly NodeId[]; seed?: number } = {}) {
    this.names = names
    this.#initial = init.initial ?? names.slice(0, 3)
    this.random = new SimRandom(init.seed ?? 1)
    this.network = new MemoryNetwork({ clock: this.clock, random: this.random.fork() }, { delayMs: { min: 1, max: 3 } })
  }

  async start(): Promise<void> {
    for (const name of this.names) await this.boot(name)
    await this.connectAll()
  }

  async boot(name: NodeId): Promise<RingNode> {
    const peers = this.network.mint(name)
    const medium = this.nodes.get(name)?.medium ?? new SimDisk({ clock: this.clock, random: this.random.fork() })
    const onFatal = (error: unknown): never => {
      throw error
    }
    const disk = new GroupCommit({ disk: medium.mount() }, { onFatal })
    const rpc = new PeerRpc({ peers, clock: this.clock, log: silentLogger })
    const configs = new HandConfigs(name, this.#initial)
    const node = { name, medium, disk, rpc, configs, members: new HandMembers(name, this.names) }
    this.nodes.set(name, node)
    await peers.start()
    await this.run(disk.open())
    return node
  }

  async connectAll(): Promise<void> {
    for (const one of this.names)
      for (const other of this.names) {
        const dial = this.network.peer(one)?.connect(other, [])
        if (one < other && dial) await this.run(dial.catch(() => undefined))
      }
  }

  /** kill -9; what the others believe of it is up to the test. */
  crash(name: NodeId): void {
    this.network.crash(name)
    this.nodes.get(name)?.medium.crash()
  }

  /** What members believe of a node. */
  believe(name: NodeId, state: MemberState): void {
    for (const node of this.nodes.values()) if (node.name !== name) node.members.set(name, state)
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return drive(this.clock, promise)
  }

  node(name: NodeId): RingNode {
    const node = this.nodes.get(name)
    if (!node) throw new Error(`no node ${name}`)
    return node
  }
}
