/** A whole ring in one process: the real overlay on a simulated clock, network and disks, all from one seed. */
import { type DiskOperation, errorMessage, type RecordKey, rangeOf, silentLogger, sleep } from '@thor-node/core'
import { type DiskImage, SimClock, SimDisk, SimRandom } from '@thor-node/core/testing'
import {
  type Certificate,
  type ChangeLimits,
  certificateLimits,
  createIssuer,
  createRoot,
  GroupCommit,
  generateNodeKey,
  type IssuerKey,
  MemoryNetwork,
  nodeIdOf,
  Overlay,
  type OverlayInit,
  type RangeConfig,
  Roster,
  type SignedCertificate,
  signCertificate,
  trustOf,
} from '@thor-node/overlay'
import { NodeClock } from './node-clock.ts'
import type { Profile } from './profile.ts'
import { memberOf, type SimNode, watched } from './sim-node.ts'
import { Trace } from './trace.ts'
import { LINK_DELAY_MS, Wires } from './wires.ts'

export interface ClusterInit {
  seed: number
  profile: Pick<Profile, 'nodes' | 'spares' | 'ranges' | 'skewMsMax'>
  changes?: Partial<ChangeLimits>
  /** Planted: disks that do not sync. */
  ignoresSync?: boolean
  scrub?: OverlayInit['scrub']
}

/** Told of what nodes do, in the order in which it happens. */
export interface Watcher {
  /** A config became durable at a node. */
  config?(node: SimNode, config: RangeConfig): void
  /** A write begins: it may be on the disk from here on, or never. */
  writing?(node: SimNode, operations: readonly DiskOperation[]): void
  /** A write was acknowledged to the process: from here on the node may speak of it. */
  written?(node: SimNode, operations: readonly DiskOperation[]): void
  /** A process begins on the disk that the node has. */
  booted?(node: SimNode): void
  /** Its overlay is made, and not started. */
  made?(node: SimNode): void
  crashed?(node: SimNode): void
  /** A stored value was changed behind the node's back. */
  damaged?(node: SimNode, key: string): void
  /** The disk is gone, or another one. */
  swapped?(node: SimNode): void
}

/** Longest that there is: certificates are not renewed here unless a run takes weeks. */
const CERTIFICATE_MS = certificateLimits.lifetimeMs
/** So many nodes, the first ones, sign certificates and revocations. */
const ISSUERS = 3
const LEAVE_PATIENCE_MS = 60_000
const UP_PATIENCE_MS = 60_000

export class Cluster {
  readonly clock = new SimClock()
  readonly trace = new Trace(this.clock)
  readonly random: SimRandom
  readonly network: MemoryNetwork
  readonly wires: Wires
  /** All that ever are. */
  readonly all: readonly SimNode[]
  readonly watchers: Watcher[] = []
  /** What a watcher threw: the run is worth nothing then. */
  broken: unknown
  readonly ranges: number
  readonly #init: ClusterInit
  readonly #root = createRoot()
  readonly #issuers = new Map<SimNode, IssuerKey>()
  readonly #signed: readonly SignedCertificate[]

  constructor(init: ClusterInit) {
    this.#init = init
    this.ranges = init.profile.ranges
    this.random = new SimRandom(init.seed)
    this.network = new MemoryNetwork({ clock: this.clock, random: this.random.fork() }, { delayMs: LINK_DELAY_MS })
    this.wires = new Wires(this.network)
    const count = init.profile.nodes + init.profile.spares
    this.all = Array.from({ length: count }, (_, index) => this.#makeNode(index))
    for (const node of this.all.slice(0, ISSUERS)) {
      this.#issuers.set(node, createIssuer(this.#root, node.certificate.nodeId, this.clock.wall()))
    }
    const [signer] = [...this.#issuers.values()] as [IssuerKey]
    this.#signed = this.all.map(({ certificate }) => signCertificate(signer, certificate))
  }

  /** Records of one placement key share a range. Rings in simulations have few, which costs less and finds as much. */
  key(name: string, placementKey = name): RecordKey {
    return { range: rangeOf(placementKey) % this.ranges, name }
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
    node.pauses = 0
    node.leaving = false
    const skewMs = node.clock.skewMs
    node.clock = new NodeClock(this.clock, skewMs)
    const { clock } = node
    const random = this.random.fork()
    const roster = new Roster({ clock: this.clock }, { ring: trustOf(this.#root) })
    for (const signed of this.#signed) roster.add(signed)
    for (const { signed } of this.#issuers.values()) roster.addIssuer(signed)
    roster.take(node.saved)
    const peers = this.network.mint(node.certificate.nodeId, { isMember: (nodeId) => roster.has(nodeId) })
    const mount = watched(
      node.disk.mount(clock),
      (operations) => this.#tell('writing', node, operations),
      (operations) => this.#tell('written', node, operations),
    )
    const disk = new GroupCommit({ disk: mount }, { onFatal: () => this.crash(node) })
    node.state = 'member'
    const known = this.nodes.filter((other) => other !== node && other.boots > 0).map((other) => memberOf(other))
    this.#tell('booted', node)
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
        space: () => node.disk.space(),
        onStale: () => this.#onStale(node),
      },
      {
        genesis: node.index === 0 && node.boots === 1,
        bootCounter: node.boots,
        version: '0',
        services: memberOf(node).services,
        known,
        issuer: { issuer: this.#issuers.get(node) },
        changes: this.#init.changes,
        rangeCount: this.ranges,
        scrub: this.#init.scrub,
      },
    )
    node.overlay = overlay
    node.commit = disk
    overlay.configs.onChange((config) => this.#tell('config', node, config))
    this.#tell('made', node)
    await overlay.start()
    overlay.setServing(true)
    node.up = true
    this.trace.add(`n${node.index} is up, boot ${node.boots}`)
  }

  /** Boots until it is up: a start may fail while the others cannot be seen, or be ended by the next crash. */
  async reboot(node: SimNode): Promise<void> {
    if (node.up || !['member', 'spare'].includes(node.state)) return
    const boots = node.boots + 1
    await Promise.race([
      this.boot(node).catch((error: unknown) => {
        this.trace.add(`n${node.index} did not start: ${errorMessage(error)}`)
        if (node.boots === boots && !node.up) this.crash(node)
      }),
      sleep(this.clock, UP_PATIENCE_MS),
    ])
  }

  crash(node: SimNode, options: { power?: boolean } = {}): void {
    this.trace.add(`n${node.index} crashes${options.power ? ' with its machine' : ''}`)
    this.#tell('crashed', node)
    node.up = false
    node.overlay = undefined
    node.leaving = false
    node.clock.die()
    this.network.resume(node.certificate.nodeId)
    this.network.crash(node.certificate.nodeId, options)
    node.disk.crash()
  }

  /** The process ends and its disk is gone for good; the node never returns. */
  loseDisk(node: SimNode): void {
    this.crash(node, { power: true })
    this.trace.add(`n${node.index} has lost its disk`)
    node.disk.lose()
    node.state = 'lost'
    this.#tell('swapped', node)
  }

  /** Takes its ranges elsewhere and goes for good, unless it crashes before. */
  async leave(node: SimNode): Promise<void> {
    const { overlay, boots } = node
    if (!overlay) return
    this.trace.add(`n${node.index} leaves`)
    node.leaving = true
    const patience = new AbortController()
    const over = sleep(this.clock, LEAVE_PATIENCE_MS).then(() => patience.abort(PATIENCE_OVER))
    await Promise.race([overlay.handOver(patience.signal).catch(() => undefined), over])
    const isHere = node.overlay === overlay && node.boots === boots
    if (isHere) node.leaving = false
    if (!isHere || overlay.configs.all().some(({ range }) => overlay.configs.standing(range) !== 'outsider')) return
    await Promise.race([overlay.sayLeft(), sleep(this.clock, 2_000)])
    if (node.overlay !== overlay) return
    node.state = 'left'
    node.up = false
    node.overlay = undefined
    await overlay.stop()
    this.trace.add(`n${node.index} has left`)
  }

  /** The process stands still until the function that is returned is called. */
  pause(node: SimNode): () => void {
    const { boots } = node
    if (node.pauses++ === 0) {
      node.clock.pause()
      this.network.pause(node.certificate.nodeId)
    }
    return () => {
      if (node.boots !== boots || --node.pauses > 0) return
      node.clock.resume()
      this.network.resume(node.certificate.nodeId)
    }
  }

  /** The process ends, and its disk is as it was when the image was taken. */
  restore(node: SimNode, image: DiskImage): void {
    this.crash(node)
    this.trace.add(`n${node.index} gets an old image of its disk`)
    node.disk.restore(image)
    this.#tell('swapped', node)
  }

  /** A node that found out that its disk is an old one ends, and its identity with it. */
  #onStale(node: SimNode): void {
    this.trace.add(`n${node.index} finds that its disk is an old copy`)
    this.crash(node)
    node.disk.lose()
    node.state = 'lost'
  }

  /** Puts a node out of the ring, by issuers that are up, until one has done it; it goes on as a stranger who will not hear of it. */
  async revoke(node: SimNode): Promise<void> {
    if (this.#issuers.has(node) || !this.#issuerBesides(node)) return
    node.state = 'revoked'
    this.trace.add(`n${node.index} is revoked`)
    for (;;) {
      const by = this.#issuerBesides(node)
      const boots = by?.boots
      const revoking = by?.overlay?.authority.revoke(node.certificate.nodeId)
      let end: 'done' | 'failed' | undefined
      revoking?.then(
        () => {
          end = 'done'
        },
        () => {
          end = 'failed'
        },
      )
      // Who crashes meanwhile never ends, well or badly.
      do await sleep(this.clock, 500)
      while (end === undefined && by?.up && by.boots === boots)
      if (end === 'done') return
    }
  }

  #issuerBesides(node: SimNode): SimNode | undefined {
    return [...this.#issuers.keys()].find((issuer) => issuer !== node && issuer.up)
  }

  /** Flips a bit in what lies under this key; false when nothing does. */
  damage(node: SimNode, key: string): boolean {
    if (!node.disk.corrupt(key)) return false
    this.#tell('damaged', node, key)
    return true
  }

  heal(): void {
    this.trace.add('the network is whole')
    this.wires.heal()
  }

  /** Starts what is down until every member runs. */
  async everybodyUp(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) {
      for (const node of this.nodes) if (!node.up) await this.reboot(node)
      if (this.nodes.every((node) => node.up)) return
    }
    throw new Error(`n${this.nodes.find((node) => !node.up)?.index} does not start any more`)
  }

  async powerCut(offMs: number): Promise<void> {
    this.trace.add('power cut')
    for (const node of this.nodes) this.crash(node, { power: true })
    await sleep(this.clock, offMs)
    await Promise.all(this.nodes.map((node) => this.reboot(node)))
    await this.everybodyUp()
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

  #tell<K extends keyof Watcher>(what: K, ...told: Parameters<NonNullable<Watcher[K]>>): void {
    for (const watcher of this.watchers) {
      const method = watcher[what] as ((...args: Parameters<NonNullable<Watcher[K]>>) => void) | undefined
      try {
        method?.apply(watcher, told)
      } catch (error) {
        // A judge that fails must not look like a disk that does.
        this.broken ??= error
      }
    }
  }

  #makeNode(index: number): SimNode {
    const random = this.random.fork()
    const { nodes, skewMsMax } = this.#init.profile
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
    const skewMs = Math.round((random.float() * 2 - 1) * skewMsMax)
    return {
      index,
      certificate,
      disk,
      boots: 0,
      saved: undefined,
      clock: new NodeClock(this.clock, skewMs),
      overlay: undefined,
      up: false,
      state: index < nodes ? 'member' : 'spare',
      leaving: false,
      pauses: 0,
    }
  }
}

const PATIENCE_OVER = new Error('it takes too long')
