/** A whole ring in one process: the real overlay on a simulated clock, network and disks, all from one seed. */
import { type RangeId, type RecordKey, rangeOf, silentLogger } from '@thor-node/core'
import { SimClock, SimDisk, SimRandom } from '@thor-node/core/testing'
import {
  type Certificate,
  type ChangeLimits,
  certificateLimits,
  createIssuer,
  createRoot,
  GroupCommit,
  generateNodeKey,
  type IssuerKey,
  type Member,
  MemoryNetwork,
  nodeIdOf,
  Overlay,
  type RangeConfig,
  Roster,
  type SavedRoster,
  type SetRecords,
  signCertificate,
  trustOf,
} from '@thor-node/overlay'
import { NodeClock } from './node-clock.ts'
import { Trace } from './trace.ts'

export interface ClusterInit {
  seed: number
  nodes: number
  changes?: Partial<ChangeLimits>
  lossRate?: number
  /** Largest error of a node's wall clock, either way. */
  skewMsMax?: number
  /** Planted: disks that do not sync. */
  ignoresSync?: boolean
  /** Nodes that are not there at first and may join. @default 0 */
  spares?: number
  /** Done to every node before it starts. */
  plant?: (overlay: Overlay) => void
}

export interface SimNode {
  readonly index: number
  readonly certificate: Certificate
  readonly disk: SimDisk
  readonly skewMs: number
  boots: number
  /** Certificates and revocations, as its disk has them. */
  saved: SavedRoster | undefined
  clock: NodeClock
  overlay: Overlay | undefined
  /** Started and not crashed. */
  up: boolean
  /** Its place in the ring. */
  state: 'spare' | 'member' | 'left'
  /** Digest of its copy of a range's records. */
  setDigest(range: RangeId): Promise<string>
}

/** Longest that there is: certificates are not renewed here unless a run takes weeks. */
const CERTIFICATE_MS = certificateLimits.lifetimeMs
const ISSUERS = 3
/** The rules are the same for each; real rings have 4096, which would cost time and find nothing more. */
const RANGES = 128

export const simKey = (name: string, placementKey = name): RecordKey => ({
  range: rangeOf(placementKey) % RANGES,
  name,
})

export class Cluster {
  readonly clock = new SimClock()
  readonly trace = new Trace(this.clock)
  readonly random: SimRandom
  readonly network: MemoryNetwork
  /** All that ever are. */
  readonly all: readonly SimNode[]
  /** Told of every config that any node adopts. */
  onConfig: (node: SimNode, config: RangeConfig) => void = () => undefined
  readonly #init: ClusterInit
  readonly #root = createRoot()
  /** Of the first three nodes: they sign certificates and revocations. */
  readonly #issuers = new Map<SimNode, IssuerKey>()

  constructor(init: ClusterInit) {
    this.#init = init
    this.random = new SimRandom(init.seed)
    this.network = new MemoryNetwork(
      { clock: this.clock, random: this.random.fork() },
      { delayMs: { min: 0.2, max: 3 }, lossRate: init.lossRate ?? 0 },
    )
    const count = init.nodes + (init.spares ?? 0)
    this.all = Array.from({ length: count }, (_, index) => this.#makeNode(index))
    for (const node of this.all.slice(0, ISSUERS)) {
      this.#issuers.set(node, createIssuer(this.#root, node.certificate.nodeId, this.clock.wall()))
    }
  }

  /** Members of the ring, up or not. */
  get nodes(): readonly SimNode[] {
    return this.all.filter((node) => node.state === 'member')
  }

  get spare(): SimNode | undefined {
    return this.all.find((node) => node.state === 'spare')
  }

  /** Boots node after node and waits until every range has its copies. */
  async form(): Promise<void> {
    for (const node of this.nodes) await this.run(this.boot(node))
    const copies = Math.min(3, this.nodes.length)
    await this.until(() => this.isStable(copies), 120_000, `every range has ${copies} copies`)
    this.trace.add('formed')
  }

  /** Starts the process of a node on the disk that it has. */
  async boot(node: SimNode): Promise<void> {
    node.boots++
    node.clock = new NodeClock(this.clock, node.skewMs)
    const { clock } = node
    const random = this.random.fork()
    const roster = new Roster({ clock: this.clock }, { ring: trustOf(this.#root) })
    const signer = this.#issuers.get(this.all[0] as SimNode) as IssuerKey
    for (const { certificate } of this.all) roster.add(signCertificate(signer, certificate))
    for (const { signed } of this.#issuers.values()) roster.addIssuer(signed)
    roster.take(node.saved)
    const peers = this.network.mint(node.certificate.nodeId, { isMember: (nodeId) => roster.has(nodeId) })
    const disk = new GroupCommit({ disk: node.disk.mount(clock) }, { onFatal: () => this.crash(node) })
    node.state = 'member'
    const known = this.nodes.filter((other) => other !== node && other.boots > 0).map((other) => memberOf(other))
    await disk.open()
    const overlay = new Overlay(
      {
        clock,
        random,
        logger: silentLogger,
        disk,
        peers,
        roster,
        saveRoster: (saved) => {
          node.saved = saved
        },
      },
      {
        genesis: node.index === 0 && node.boots === 1,
        bootCounter: node.boots,
        version: '0',
        services: memberOf(node).services,
        known,
        issuer: { issuer: this.#issuers.get(node) },
        changes: this.#init.changes,
        rangeCount: RANGES,
      },
    )
    node.overlay = overlay
    this.#init.plant?.(overlay)
    overlay.configs.onChange((config) => this.onConfig(node, config))
    await overlay.start()
    overlay.setServing(true)
    node.up = true
    this.trace.add(`n${node.index} is up, boot ${node.boots}`)
  }

  crash(node: SimNode, options: { power?: boolean } = {}): void {
    this.trace.add(`n${node.index} crashes${options.power ? ' with its machine' : ''}`)
    node.up = false
    node.overlay = undefined
    node.clock.die()
    this.network.crash(node.certificate.nodeId, options)
    node.disk.crash()
  }

  /** Takes its ranges elsewhere and goes for good. */
  async leave(node: SimNode): Promise<void> {
    this.trace.add(`n${node.index} leaves`)
    await node.overlay?.handOver()
    await node.overlay?.sayLeft()
    node.state = 'left'
    node.up = false
    const { overlay } = node
    node.overlay = undefined
    await overlay?.stop()
    this.trace.add(`n${node.index} has left`)
  }

  pause(node: SimNode): void {
    this.trace.add(`n${node.index} stands still`)
    node.clock.pause()
    this.network.pause(node.certificate.nodeId)
  }

  resume(node: SimNode): void {
    this.trace.add(`n${node.index} goes on`)
    node.clock.resume()
    this.network.resume(node.certificate.nodeId)
  }

  partition(sets: readonly (readonly SimNode[])[]): void {
    this.trace.add(`partition ${sets.map((set) => set.map((node) => `n${node.index}`).join(' ')).join(' | ')}`)
    this.network.partition(sets.map((set) => set.map((node) => node.certificate.nodeId)))
  }

  cut(from: SimNode, to: SimNode): void {
    this.trace.add(`nothing passes from n${from.index} to n${to.index}`)
    this.network.cut(from.certificate.nodeId, to.certificate.nodeId)
  }

  lose(share: number): void {
    this.trace.add(`${(share * 100).toFixed(0)} of 100 messages are lost`)
    this.network.links.lossRate = share
  }

  heal(): void {
    this.trace.add('the network is whole')
    this.network.links.lossRate = this.#init.lossRate ?? 0
    this.network.heal()
  }

  isStable(copies: number): boolean {
    return this.nodes.every((node) => {
      if (!node.overlay || !node.up) return false
      if (node.overlay.configs.all().some(({ old, next }) => next || old.length !== copies)) return false
      return node.overlay.caughtUp
    })
  }

  /** Moves time until the promise is settled. */
  async run<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let done = false
    const mark = (): void => {
      done = true
    }
    promise.then(mark, mark)
    const until = this.clock.now() + limitMs
    while (!done && this.clock.now() < until) if (!(await this.clock.step())) await this.clock.advance(1)
    if (!done) throw new Error(`nothing after ${limitMs} ms`)
    return promise
  }

  async until(condition: () => boolean, limitMs: number, what: string): Promise<void> {
    const until = this.clock.now() + limitMs
    while (!condition()) {
      if (this.clock.now() > until) throw new Error(`${what}: not within ${limitMs} ms`)
      await this.clock.advance(100)
    }
  }

  #makeNode(index: number): SimNode {
    const random = this.random.fork()
    const skew = this.#init.skewMsMax ?? 0
    const certificate: Certificate = {
      ringId: this.#root.ringId,
      nodeId: nodeIdOf(generateNodeKey(random)),
      placementId: Buffer.from(random.bytes(16)).toString('hex'),
      name: `n${index}`,
      roles: [],
      zone: '',
      notBefore: this.clock.wall(),
      notAfter: this.clock.wall() + CERTIFICATE_MS,
    }
    const disk = new SimDisk({ clock: this.clock, random: random.fork() }, { ignoresSync: this.#init.ignoresSync })
    const skewMs = Math.round((random.float() * 2 - 1) * skew)
    const node: SimNode = {
      index,
      certificate,
      disk,
      skewMs,
      boots: 0,
      saved: undefined,
      clock: new NodeClock(this.clock),
      overlay: undefined,
      up: false,
      state: index < this.#init.nodes ? 'member' : 'spare',
      setDigest: async (range) => (node.overlay?.store.set as SetRecords | undefined)?.digest(range) ?? '',
    }
    return node
  }
}

function memberOf({ index, certificate }: SimNode): Member {
  const { nodeId, name, placementId, zone, roles } = certificate
  return {
    nodeId,
    name,
    placementId,
    zone,
    roles,
    weight: 1,
    version: '0',
    services: { host: `127.9.0.${index + 1}`, cluster: 4000 },
    state: 'alive',
    incarnation: 0,
    serving: false,
    startedAt: 0,
  }
}
