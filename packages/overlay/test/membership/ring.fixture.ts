/** Rings of members on a simulated clock and an in-memory network, for tests of membership. */
import { type Clock, silentLogger, type Timer } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import {
  type Certificate,
  generateRingKeys,
  signCertificate,
  verifyCertificate,
} from '../../src/admission/certificate.ts'
import { MemoryNetwork, type MemoryPeerNet } from '../../src/kad/memory.ts'
import { generateNodeKey, nodeIdOf } from '../../src/kad/node-key.ts'
import { Membership } from '../../src/membership/members.ts'
import { Roster } from '../../src/membership/roster.ts'
import type { SavedRoster } from '../../src/membership/roster-keeper.ts'
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

export class TestRing {
  readonly clock = new SimClock()
  readonly random: SimRandom
  readonly network: MemoryNetwork
  readonly nodes: RingNode[] = []
  readonly keys = generateRingKeys()
  readonly changes: string[] = []
  #boots = 0

  constructor(seed: number) {
    this.random = new SimRandom(seed)
    this.network = new MemoryNetwork({ clock: this.clock, random: this.random.fork() })
  }

  certify(name: string): Certificate {
    return {
      ringId: 'ring',
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
    return signCertificate(this.keys.privateKey, certificate)
  }

  /** A node as it is right after admission: it has the roster and knows who the members are. */
  async boot(certificate: Certificate, known: SavedRoster): Promise<RingNode> {
    const clock = new StallingClock(this.clock)
    const peers = this.network.mint(certificate.nodeId)
    await peers.start()
    const rpc = new PeerRpc({ peers, clock, log: silentLogger })
    const ring = { ringId: 'ring', publicKey: this.keys.publicKey }
    const roster = new Roster((signed) => verifyCertificate(ring, signed, this.clock.wall()))
    for (const signed of known.certificates) roster.add(signed)
    roster.add(this.sign(certificate))
    const saved: SavedRoster[] = []
    const port = 5000 + this.nodes.length
    const members = new Membership(
      {
        peers,
        rpc,
        roster,
        clock,
        random: this.random.fork(),
        log: silentLogger,
        saveRoster: (one) => void saved.push(one),
      },
      {
        certificate,
        incarnation: ++this.#boots * 2 ** 20,
        version: '1.0.0',
        services: { host: '127.1.1.1', cluster: port },
        known: known.members,
      },
    )
    members.onChange(({ member, previous }) => {
      if (member.state !== previous?.state) this.changes.push(`${certificate.name}: ${member.name} ${member.state}`)
    })
    await members.start()
    const node = { certificate, clock, peers, rpc, roster, members, saved }
    this.nodes.push(node)
    return node
  }

  /** Admits one more: its certificate is announced by the first node, then it starts. */
  async join(): Promise<RingNode> {
    const first = this.nodes[0]
    const certificate = this.certify(`n${this.nodes.length + 1}`)
    const announced = first?.members.announce(this.sign(certificate))
    await this.clock.advance(100)
    await announced
    const known = first
      ? { certificates: first.roster.certificates, members: first.members.list() }
      : { certificates: [], members: [] }
    return this.boot(certificate, known)
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

  async stop(nodes: readonly RingNode[] = this.nodes): Promise<void> {
    for (const node of nodes) {
      await node.members.stop()
      await node.peers.stop()
    }
  }
}
