/** Rings of members on a simulated clock and an in-memory network, for tests of membership. */
import { type Clock, silentLogger, type Timer } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import { type Certificate, signCertificate } from '../../src/admission/certificate.ts'
import { createIssuer, createRoot, trustOf } from '../../src/admission/issuer.ts'
import { MemoryNetwork, type MemoryNetworkInit, type MemoryPeerNet } from '../../src/kad/memory.ts'
import { generateNodeKey, nodeIdOf } from '../../src/kad/node-key.ts'
import type { MemberState } from '../../src/membership/contract.ts'
import { Membership } from '../../src/membership/members.ts'
import { Roster } from '../../src/membership/roster.ts'
import type { SavedRoster } from '../../src/membership/roster-keeper.ts'
import type { MembershipSettings } from '../../src/membership/settings.ts'
import { PeerRpc } from '../../src/rpc/rpc.ts'

/** A process that can stand still: its timers fire late, all at once, before it hears from the network again. */
export class StallingClock implements Clock {
  readonly #inner: Clock
  #late: (() => void)[] | undefined

  constructor(inner: Clock) {
    this.#inner = inner
  }

  now(): number {
    return this.#inner.now()
  }

  wall(): number {
    return this.#inner.wall()
  }

  after(afterMs: number, fn: () => void): Timer {
    let cancelled = false
    const run = (): void => {
      if (!cancelled) fn()
    }
    const timer = this.#inner.after(afterMs, () => (this.#late ? void this.#late.push(run) : run()))
    return {
      cancel() {
        cancelled = true
        timer.cancel()
      },
    }
  }

  stall(): void {
    this.#late ??= []
  }

  resume(): void {
    const late = this.#late ?? []
    this.#late = undefined
    for (const fn of late) fn()
  }
}

export interface RingNode {
  certificate: Certificate
  clock: StallingClock
  peers: MemoryPeerNet
  rpc: PeerRpc
  roster: Roster
  members: Membership
  saved: SavedRoster[]
}

/** One node changed its mind about another. */
export interface Verdict {
  at: number
  observer: string
  member: string
  state: MemberState
}

export interface TestRingInit {
  network?: MemoryNetworkInit
  settings?: Partial<MembershipSettings>
  /** What kad-dht would find. */
  findAddresses?(nodeId: string): string[]
}

export class TestRing {
  readonly clock = new SimClock()
  readonly random: SimRandom
  readonly network: MemoryNetwork
  readonly nodes: RingNode[] = []
  readonly root = createRoot()
  readonly issuer = createIssuer(this.root, nodeIdOf(generateNodeKey()), this.clock.wall())
  readonly changes: string[] = []
  readonly verdicts: Verdict[] = []
  readonly #init: TestRingInit
  #boots = 0
  #names = 0

  constructor(seed: number, init: TestRingInit = {}) {
    this.#init = init
    this.random = new SimRandom(seed)
    this.network = new MemoryNetwork({ clock: this.clock, random: this.random.fork() }, init.network)
  }

  certify(name: string): Certificate {
    return {
      ringId: this.root.ringId,
      nodeId: nodeIdOf(generateNodeKey(this.random)),
      placementId: Buffer.from(this.random.bytes(16)).toString('hex'),
      name,
      roles: ['sip_proxy'],
      zone: '',
      notBefore: this.clock.wall(),
      notAfter: this.clock.wall() + 1e9,
    }
  }

  sign(certificate: Certificate) {
    return signCertificate(this.issuer, certificate)
  }

  /** A node as it is right after admission: it has the roster and knows who the members are. */
  async boot(
    certificate: Certificate,
    known: SavedRoster,
    port = 5_000 + this.nodes.length,
    onBoot: (node: RingNode) => void = () => undefined,
  ): Promise<RingNode> {
    const clock = new StallingClock(this.clock)
    const roster = new Roster({ clock: this.clock }, { ring: trustOf(this.root) })
    roster.take(known)
    roster.add(this.sign(certificate))
    const peers = this.network.mint(certificate.nodeId, { isMember: (nodeId) => roster.has(nodeId) })
    await peers.start()
    const rpc = new PeerRpc({ peers, clock, log: silentLogger })
    const saved: SavedRoster[] = []
    const members = new Membership(
      {
        peers,
        rpc,
        roster,
        clock,
        random: this.random.fork(),
        log: silentLogger,
        saveRoster: (one) => void saved.push(one),
        findAddresses: async (nodeId) => this.#init.findAddresses?.(nodeId) ?? [],
      },
      {
        certificate,
        incarnation: ++this.#boots * 2 ** 20,
        version: '1.0.0',
        services: { host: '127.1.1.1', cluster: port },
        known: known.members,
        settings: this.#init.settings,
      },
    )
    const observer = certificate.name
    members.onChange(({ member, previous }) => {
      if (member.state === previous?.state) return
      this.changes.push(`${observer}: ${member.name} ${member.state}`)
      this.verdicts.push({ at: this.clock.now(), observer, member: member.name, state: member.state })
    })
    const node = { certificate, clock, peers, rpc, roster, members, saved }
    onBoot(node)
    await members.start()
    this.nodes.push(node)
    return node
  }

  /** Admits one more: its certificate is announced by the first node, then it starts. */
  async join(onBoot?: (node: RingNode) => void): Promise<RingNode> {
    const first = this.nodes[0]
    const certificate = this.certify(`n${++this.#names}`)
    const announced = first?.members.announce({ certificates: [this.sign(certificate)] })
    await this.clock.advance(100)
    await announced
    const known = first
      ? { ...first.roster.contents, members: first.members.list() }
      : { certificates: [], issuers: [], revocations: [], members: [] }
    return this.boot(certificate, known, undefined, onBoot)
  }

  async grow(size: number): Promise<void> {
    for (let i = 0; i < size; i++) await this.join()
    await this.clock.advance(3_000)
  }

  /** What each living node says of each member: `n1: n1 alive, n2 dead`. */
  views(nodes: readonly RingNode[] = this.nodes): string[] {
    return nodes.map(({ members }) =>
      members
        .list()
        .map((member) => `${member.name} ${member.state}`)
        .sort()
        .join(', '),
    )
  }

  /** The second half of the nodes is at another site. */
  apart(oneWayMs: number, nodes: readonly RingNode[] = this.nodes): void {
    const half = Math.ceil(nodes.length / 2)
    const delay = { min: oneWayMs, max: oneWayMs * 1.1 }
    for (const here of nodes.slice(0, half)) {
      for (const there of nodes.slice(half)) this.network.links.setDelay(here.peers.self, there.peers.self, delay)
    }
  }

  /** The machine of a running node gets another address. */
  async move({ peers, members }: RingNode, port: number, elsewhere?: 'refused' | 'silent'): Promise<void> {
    this.network.move(peers.self, `127.1.1.1:${port}`, elsewhere)
    await members.move({ host: '127.1.1.1', cluster: port })
  }

  /** The process stands still: neither its timers nor its network move. */
  stall({ clock, peers }: RingNode): void {
    clock.stall()
    this.network.pause(peers.self)
  }

  resume({ clock, peers }: RingNode): void {
    clock.resume()
    this.network.resume(peers.self)
  }

  /** The process ends without a word; with `power` its machine too. */
  async crash(node: RingNode, options: { power?: boolean } = {}): Promise<void> {
    this.network.crash(node.peers.self, options)
    await node.members.stop()
  }

  async stop(nodes: readonly RingNode[] = this.nodes): Promise<void> {
    for (const node of nodes) {
      await node.members.stop()
      await node.peers.stop()
    }
  }
}
