/** Whole nodes with certificates that matter: issuers, renewal, revocation; on a simulated clock, network and disks. */
import { errorCode, silentLogger, type ThorError } from '@thor-node/core'
import { SimClock, SimDisk, SimRandom } from '@thor-node/core/testing'
import type { IssuerState } from '../../src/admission/authority.ts'
import {
  type Certificate,
  newPlacementId,
  type SignedCertificate,
  signCertificate,
} from '../../src/admission/certificate.ts'
import { createIssuer, createRoot, type IssuerKey, type RootKey, trustOf } from '../../src/admission/issuer.ts'
import { MemoryNetwork, type MemoryPeerNet } from '../../src/kad/memory.ts'
import { generateNodeKey, nodeIdOf } from '../../src/kad/node-key.ts'
import type { PutOut } from '../../src/membership/gatekeeper.ts'
import { Roster } from '../../src/membership/roster.ts'
import type { SavedRoster } from '../../src/membership/roster-keeper.ts'
import { Overlay } from '../../src/overlay.ts'
import { PeerRpc } from '../../src/rpc/rpc.ts'
import { GroupCommit } from '../../src/store/group-commit.ts'

const RANGES = 16

export interface AdmissionNode {
  name: string
  id: string
  host: string
  certificate: SignedCertificate
  /** What its disk holds. */
  saved: SavedRoster | undefined
  issuer: IssuerState
  medium: SimDisk
  boots: number
  overlay: Overlay
  /** Why it had to stop. */
  out: PutOut | undefined
}

export class AdmissionRing {
  readonly clock = new SimClock()
  readonly random: SimRandom
  readonly network: MemoryNetwork
  readonly nodes: AdmissionNode[] = []
  readonly root = createRoot()
  /** Bytes that reached or left a node, by `from>to`. */
  readonly delivered = new Map<string, number>()
  /** Who has the root key at hand. */
  rootAt: AdmissionNode | undefined
  readonly #lifetimeMs: number

  constructor(seed: number, lifetimeMs = 86_400_000) {
    this.random = new SimRandom(seed)
    this.#lifetimeMs = lifetimeMs
    this.network = new MemoryNetwork({ clock: this.clock, random: this.random.fork() })
    this.network.onDelivered = (from, to, bytes) => {
      const pair = `${from}>${to}`
      this.delivered.set(pair, (this.delivered.get(pair) ?? 0) + bytes)
    }
  }

  /** The first `issuers` of them can issue; all are certified by the first. */
  async form(count: number, issuers: number): Promise<AdmissionNode[]> {
    for (let i = 0; i < count; i++) await this.add(i < issuers)
    await this.until(() => this.isStable(Math.min(3, count)), 'the ring to settle')
    return this.nodes
  }

  async add(isIssuer: boolean, roles: readonly string[] = []): Promise<AdmissionNode> {
    const id = nodeIdOf(generateNodeKey(this.random))
    const name = `n${this.nodes.length + 1}`
    const issuer: IssuerState = isIssuer ? { issuer: createIssuer(this.root, id, this.clock.wall()) } : {}
    const first = this.nodes[0]
    const grant = { name, placementId: newPlacementId(this.random), roles, zone: '' }
    const certificate = first
      ? await this.run(first.overlay.authority.issue(id, grant))
      : this.certify(issuer.issuer as IssuerKey, id, grant)
    const medium = new SimDisk({ clock: this.clock, random: this.random.fork() })
    const host = `127.9.1.${this.nodes.length + 1}`
    const saved = first && { ...first.overlay.roster.contents, members: first.overlay.members.list() }
    const node = { name, id, host, certificate, saved, issuer, medium, boots: 0 } as unknown as AdmissionNode
    this.nodes.push(node)
    await this.boot(node)
    return node
  }

  certify(
    issuer: IssuerKey,
    nodeId: string,
    grant: Pick<Certificate, 'name' | 'placementId' | 'roles' | 'zone'>,
  ): SignedCertificate {
    const now = this.clock.wall()
    const times = { notBefore: now, notAfter: now + this.#lifetimeMs }
    return signCertificate(issuer, { ringId: this.root.ringId, nodeId, ...grant, ...times })
  }

  async boot(node: AdmissionNode, options: { wake?: boolean } = {}): Promise<void> {
    const { clock } = this
    const roster = new Roster(
      { clock },
      { ring: trustOf(this.root), lenientUntil: options.wake ? clock.wall() + 3_600_000 : 0 },
    )
    roster.add(node.certificate)
    roster.take(node.saved)
    node.boots++
    node.out = undefined
    const peers = this.network.mint(node.id, { isMember: (nodeId) => roster.has(nodeId) })
    const disk = new GroupCommit({ disk: node.medium.mount() }, { onFatal: () => undefined })
    await this.run(disk.open())
    node.overlay = new Overlay(
      {
        clock,
        random: this.random.fork(),
        logger: silentLogger,
        disk,
        peers,
        roster,
        saveRoster: (saved) => {
          node.saved = saved
        },
        saveIssuer: async (state) => {
          node.issuer = state
        },
        root: async (): Promise<RootKey | undefined> => (this.rootAt === node ? this.root : undefined),
        onPutOut: (out) => {
          node.out ??= out
        },
      },
      {
        genesis: node === this.nodes[0] && node.boots === 1,
        bootCounter: node.boots,
        version: '0',
        services: { host: node.host, cluster: 4_000 },
        known: node.saved?.members,
        issuer: node.issuer,
        certificateMs: this.#lifetimeMs,
        rangeCount: RANGES,
        changes: { newNodeAfterMs: 1_000, deadNodeAfterMs: 60_000, tickMs: 1_000 },
      },
    )
    await this.run(node.overlay.start())
    node.overlay.setServing(true)
  }

  async stop(node: AdmissionNode): Promise<void> {
    await this.run(node.overlay.stop())
  }

  /** A node that the ring has never certified, and that lets everybody in. */
  async stranger(id = nodeIdOf(generateNodeKey(this.random))): Promise<{ peers: MemoryPeerNet; rpc: PeerRpc }> {
    const peers = this.network.mint(id)
    await peers.start()
    return { peers, rpc: new PeerRpc({ peers, clock: this.clock, log: silentLogger }) }
  }

  /** Bytes that passed between the node and anybody. */
  servedTo(id: string): number {
    let sum = 0
    for (const [pair, bytes] of this.delivered) if (pair.split('>').includes(id)) sum += bytes
    return sum
  }

  connected(from: AdmissionNode, to: AdmissionNode): boolean {
    return this.network.peer(from.id)?.isConnected(to.id) ?? false
  }

  isStable(copies: number, nodes: readonly AdmissionNode[] = this.nodes): boolean {
    return nodes.every(({ overlay }) => {
      return overlay.caughtUp && overlay.configs.all().every(({ old, next }) => !next && old.length === copies)
    })
  }

  /** Whether this node votes anywhere, as the others see it. */
  votes(id: string, seenBy: readonly AdmissionNode[]): boolean {
    const holds = ({ nodeId }: { nodeId: string }): boolean => nodeId === id
    return seenBy.some(({ overlay }) =>
      overlay.configs.all().some(({ old, next }) => [...old, ...(next ?? [])].some(holds)),
    )
  }

  async run<T>(promise: Promise<T>): Promise<T> {
    let done = false
    const mark = (): void => {
      done = true
    }
    promise.then(mark, mark)
    const limit = this.clock.now() + 600_000
    while (!done && this.clock.now() < limit) if (!(await this.clock.step())) await this.clock.advance(1)
    if (!done) throw new Error('nothing after 600 s')
    return promise
  }

  /** The code with which it fails. */
  async codeOf(promise: Promise<unknown>): Promise<string | undefined> {
    return this.run(
      promise.then(
        () => undefined,
        (error: ThorError) => errorCode(error) ?? 'no code',
      ),
    )
  }

  async until(condition: () => boolean, what: string, limitMs = 300_000): Promise<number> {
    const from = this.clock.now()
    while (!condition()) {
      if (this.clock.now() > from + limitMs) throw new Error(`${what}: not within ${limitMs} ms`)
      await this.clock.advance(100)
    }
    return this.clock.now() - from
  }
}
