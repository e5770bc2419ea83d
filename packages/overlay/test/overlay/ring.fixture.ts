/** Whole overlays, membership and all, on a simulated clock, network and disks. */
import {
  type Clock,
  errorCode,
  type RangeId,
  type RecordKey,
  recordKey,
  silentLogger,
  type Timer,
} from '@thor-node/core'
import { SimClock, SimDisk, SimRandom, settle } from '@thor-node/core/testing'
import { type Certificate, signCertificate } from '../../src/admission/certificate.ts'
import { createIssuer, createRoot, trustOf } from '../../src/admission/issuer.ts'
import { MemoryNetwork } from '../../src/kad/memory.ts'
import { generateNodeKey, nodeIdOf } from '../../src/kad/node-key.ts'
import type { Member } from '../../src/membership/contract.ts'
import { Roster } from '../../src/membership/roster.ts'
import { Overlay, type OverlayInit } from '../../src/overlay.ts'
import { GroupCommit } from '../../src/store/group-commit.ts'

/** Enough for several batches of one place; real rings have 4096, which would only take longer. */
export const RANGES = 48

export const ringKey = (kind: string, place: string): RecordKey => {
  const key = recordKey(kind, place)
  return { ...key, range: key.range % RANGES }
}

/** A name whose records lie in this range. */
export function placeIn(range: RangeId, from = 0): string {
  for (let i = from; ; i++) if (ringKey('acct', `u${i}@x`).range === range) return `u${i}@x`
}

export interface RingNode {
  name: string
  id: string
  certificate: Certificate
  medium: SimDisk
  boots: number
  clock: ProcessClock
  /** Error of its wall clock; may change while it runs. */
  skewMs: number
  disk: GroupCommit
  overlay: Overlay
  up: boolean
  /** Who told it that its disk is an old copy. */
  staleBy: string[]
  /** Why its process ended by itself. */
  failures: unknown[]
}

const root = createRoot()

/** The clock of one process: nothing fires after its end. */
class ProcessClock implements Clock {
  readonly #clock: Clock
  readonly #skewMs: () => number
  ended = false

  constructor(clock: Clock, skewMs: () => number) {
    this.#clock = clock
    this.#skewMs = skewMs
  }

  now = (): number => this.#clock.now()
  wall = (): number => this.#clock.wall() + this.#skewMs()
  after(ms: number, fn: () => void): Timer {
    return this.#clock.after(ms, () => {
      if (!this.ended) fn()
    })
  }
}

export class OverlayRing {
  readonly clock = new SimClock()
  readonly random: SimRandom
  readonly network: MemoryNetwork
  readonly nodes: RingNode[] = []
  readonly #init: Partial<OverlayInit>
  readonly #issuer = createIssuer(root, nodeIdOf(generateNodeKey()), this.clock.wall())

  constructor(seed: number, init: Partial<OverlayInit> = {}) {
    this.random = new SimRandom(seed)
    this.#init = init
    this.network = new MemoryNetwork(
      { clock: this.clock, random: this.random.fork() },
      { delayMs: { min: 0.2, max: 2 } },
    )
  }

  /** So many nodes that have settled. */
  async form(count: number): Promise<RingNode[]> {
    for (let i = 0; i < count; i++) await this.add()
    // New nodes get ranges when they have lived for a while.
    if (count > 3) await this.clock.advance(30_000)
    await this.until(() => this.isStable(Math.min(3, count)), 300_000, 'the ring to settle')
    return this.nodes
  }

  async add(zone = 'z'): Promise<RingNode> {
    const name = `n${this.nodes.length + 1}`
    const id = nodeIdOf(generateNodeKey(this.random))
    const certificate: Certificate = {
      ringId: root.ringId,
      nodeId: id,
      placementId: Buffer.from(this.random.bytes(16)).toString('hex'),
      name,
      roles: [],
      zone,
      notBefore: this.clock.wall() - 1_000,
      notAfter: this.clock.wall() + 29 * 86_400_000,
    }
    const medium = new SimDisk({ clock: this.clock, random: this.random.fork() })
    const state = { boots: 0, skewMs: 0, up: false, staleBy: [], failures: [] }
    const node = { name, id, certificate, medium, ...state } as unknown as RingNode
    this.nodes.push(node)
    await this.run(this.boot(node))
    return node
  }

  async boot(node: RingNode, init: Partial<OverlayInit> = {}): Promise<void> {
    node.boots++
    const clock = new ProcessClock(this.clock, () => node.skewMs)
    node.clock = clock
    const onFatal = (error: unknown): void => {
      node.failures.push(error)
      this.kill(node)
    }
    const disk = new GroupCommit({ disk: node.medium.mount(clock) }, { onFatal })
    node.disk = disk
    const onStale = (by: string): void => void node.staleBy.push(by)
    const roster = new Roster({ clock }, { ring: trustOf(root) })
    const peers = this.network.mint(node.id, { isMember: (nodeId) => roster.has(nodeId) })
    for (const { certificate } of this.nodes) {
      const signed = signCertificate(this.#issuer, certificate)
      roster.add(signed)
      for (const other of this.nodes) if (other.up) other.overlay.roster.add(signed)
    }
    const known = this.nodes.filter((other) => other !== node && other.boots > 0).map((other) => memberOf(other))
    await disk.open()
    const overlay = new Overlay(
      {
        clock,
        random: this.random.fork(),
        logger: silentLogger,
        disk,
        peers,
        roster,
        onStale,
        space: () => node.medium.space(),
      },
      {
        genesis: node === this.nodes[0] && node.boots === 1,
        bootCounter: node.boots,
        version: '0',
        services: memberOf(node).services,
        known,
        rangeCount: RANGES,
        ...this.#init,
        ...init,
      },
    )
    await overlay.start()
    overlay.setServing(true)
    node.overlay = overlay
    node.up = true
  }

  /** kill -9; with `power` the machine is gone too. */
  kill(node: RingNode, options: { power?: boolean } = {}): void {
    node.up = false
    node.clock.ended = true
    this.network.crash(node.id, options)
    node.medium.crash()
  }

  /** A register is counted up; returns the new value, or the code of the error. */
  count({ overlay }: RingNode, place: string): Promise<unknown> {
    const operation = `${this.random.int(1e9)}`
    const counted = overlay.store.reg.change<number, number>(ringKey('count', place), operation, (now) => {
      const body = (now?.body ?? 0) + 1
      return { body, result: body }
    })
    return this.run(counted.catch((error) => errorCode(error)))
  }

  /** What it is counted to, or the code of the error. */
  counted({ overlay }: RingNode, place: string): Promise<unknown> {
    const read = overlay.store.reg.read<number>(ringKey('count', place), 'strict')
    return this.run(
      read.then(
        (found) => found?.body,
        (error) => errorCode(error),
      ),
    )
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) if (node.up) await this.run(node.overlay.stop())
  }

  isStable(copies: number): boolean {
    return this.nodes.every(
      ({ up, overlay }) =>
        !up || (overlay.caughtUp && overlay.configs.all().every(({ old, next }) => !next && old.length === copies)),
    )
  }

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
}

const memberOf = ({ certificate }: RingNode): Member => ({
  ...certificate,
  weight: 1,
  version: '0',
  services: { host: '10.0.0.1', cluster: Number(certificate.name.slice(1)) },
  state: 'alive',
  incarnation: 0,
  serving: true,
  startedAt: 0,
})
