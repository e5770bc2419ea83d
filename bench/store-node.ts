/**
 * One node of `store.ts`, a process of its own: the real Overlay over libp2p and LevelDB. Told over IPC what to do, with its own
 * store, as the rest of a real node would.
 */
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type RecordKey, rangeOf, silentLogger, systemClock, systemRandom } from '@thor-node/core'
import {
  type Certificate,
  createIssuer,
  decodeRootKey,
  GroupCommit,
  LevelDisk,
  Libp2pPeerNet,
  type Member,
  nodeIdOf,
  Overlay,
  Roster,
  signCertificate,
  trustOf,
} from '@thor-node/overlay'

export interface StoreNodeInit {
  /** The file of the ring's root key. */
  root: string
  /** Of all nodes, hex. */
  keys: string[]
  index: number
  /** Starts of this node, this one included. @default 1 */
  boot?: number
  host: string
  data: string
  known: Member[]
}

export type Work =
  /** Changes of registers `from … from + keys`, each in turn; `keys` 1 is one hot register. */
  'reg' | 'read-strict' | 'read-near' | 'soft' | 'set' | 'rpc'

export interface WorkOrder {
  work: Work
  count: number
  /** At once. */
  width: number
  keys: number
  from: number
  /** Of a value or record. */
  bytes: number
  /** All keys lie in this range. @default each where its name belongs */
  range?: number
}

export interface WorkResult {
  perSecond: number
  p50Ms: number
  p99Ms: number
  failed: number
}

/** What a light load felt; times in milliseconds. */
export interface ProbeResult {
  kinds: Record<string, { count: number; p50: number; p99: number; max: number; failed: number }>
  /** How late the event loop was. */
  loopP99: number
  loopMax: number
  /** The most of the time. */
  rssMb: number
  heapMb: number
  cpuPercent: number
  transfer: unknown
}

export type Order =
  | { type: 'work'; order: WorkOrder }
  | { type: 'probe'; forMs: number }
  | { type: 'digests'; range: number }
  | { type: 'look' }
  | { type: 'stop' }
export type ToNode = { id: number } & Order

export interface NodeLook {
  self: Member
  live: number
  /** Every range has three members and none is being moved. */
  whole: boolean
  heldRanges: number
  rssMb: number
  heapMb: number
}

const LIFE_MS = 3_600_000

async function boot(init: StoreNodeInit): Promise<{ overlay: Overlay; disk: GroupCommit }> {
  const root = decodeRootKey(init.root)
  const now = systemClock.wall()
  const keys = init.keys.map((hex) => Buffer.from(hex, 'hex'))
  const roster = new Roster({ clock: systemClock }, { ring: trustOf(root) })
  const issuer = createIssuer(root, nodeIdOf(keys[0] as Uint8Array), now)
  for (const [index, key] of keys.entries()) {
    const certificate: Certificate = {
      ringId: root.ringId,
      nodeId: nodeIdOf(key),
      placementId: index.toString(16).padStart(32, '0'),
      name: `n${index + 1}`,
      roles: [],
      zone: '',
      notBefore: now,
      notAfter: now + 86_400_000,
    }
    roster.add(signCertificate(issuer, certificate))
  }
  const onFatal = (error: unknown): never => {
    throw error
  }
  const disk = new GroupCommit({ disk: new LevelDisk({ directory: join(init.data, 'records') }) }, { onFatal })
  await disk.open()
  const peers = new Libp2pPeerNet(
    { clock: systemClock, random: systemRandom, log: silentLogger },
    {
      key: keys[init.index] as Uint8Array,
      listen: { host: init.host, port: 7400 },
      isMember: (nodeId) => roster.has(nodeId),
    },
  )
  const overlay = new Overlay(
    { clock: systemClock, random: systemRandom, logger: silentLogger, disk, peers, roster },
    {
      genesis: init.index === 0 && (init.boot ?? 1) === 1,
      bootCounter: init.boot ?? 1,
      version: '0',
      services: { host: init.host, cluster: 7400 },
      known: init.known,
    },
  )
  await overlay.start()
  overlay.setServing(true)
  overlay.rpc.serve('bench.echo', (body) => body)
  return { overlay, disk }
}

function look(overlay: Overlay): NodeLook {
  const { rss, heapUsed } = process.memoryUsage()
  const configs = overlay.configs.all()
  return {
    self: overlay.members.self,
    live: overlay.members.list().filter(({ nodeId }) => overlay.members.isLive(nodeId)).length,
    whole: configs.every(({ old, next }) => old.length >= 3 && !next),
    heldRanges: overlay.ranges.counts().held,
    rssMb: rss / 2 ** 20,
    heapMb: heapUsed / 2 ** 20,
  }
}

/** Ends when `count` are done, with `width` under way at any time. */
async function work(overlay: Overlay, order: WorkOrder): Promise<WorkResult> {
  const { work: what, count, width, keys, from, bytes, range } = order
  const { reg, set, soft } = overlay.store
  const body = Buffer.alloc(bytes, 7)
  const run = `${process.pid}.${performance.now()}`
  const key = (kind: string, index: number): RecordKey => {
    const name = `${from + (index % keys)}`
    return { range: range ?? rangeOf(name), name: `${kind}/${name}` }
  }
  const others = overlay.members.list().filter(({ nodeId }) => nodeId !== overlay.self)
  const doOne: Record<Work, (index: number) => Promise<unknown>> = {
    reg: (index) => reg.change(key('reg', index), `${run}.${index}`, () => ({ body, result: null })),
    'read-strict': (index) => reg.read(key('reg', index), 'strict'),
    'read-near': (index) => reg.read(key('reg', index), 'near'),
    soft: (index) => soft.put(key('soft', index), { sub: 'phone', body, ttlMs: LIFE_MS }),
    set: (index) => set.put(key('set', index), body),
    rpc: (index) => overlay.rpc.call(others[index % others.length]?.nodeId ?? '', 'bench.echo', body),
  }
  const one = doOne[what]
  const latencies = new Float64Array(count)
  let [next, failed] = [0, 0]
  const started = performance.now()
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      const began = performance.now()
      try {
        await one(index)
      } catch {
        failed++
      }
      latencies[index] = performance.now() - began
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  const seconds = (performance.now() - started) / 1000
  latencies.sort()
  const at = (share: number): number => latencies[Math.min(count - 1, Math.floor(count * share))] ?? 0
  return { perSecond: (count - failed) / seconds, p50Ms: at(0.5), p99Ms: at(0.99), failed }
}

const PROBE_MS = 20

/** Four kinds of operations by turns, one every 20 ms, whether the last has ended or not. */
async function probe(overlay: Overlay, forMs: number): Promise<ProbeResult> {
  const { reg, soft } = overlay.store
  const body = Buffer.alloc(200, 5)
  const run = `${process.pid}.${performance.now()}`
  const key = (kind: string, index: number): RecordKey => {
    const name = `probe${index % 500}.${process.pid}`
    return { range: rangeOf(name), name: `${kind}/${name}` }
  }
  const kinds: Record<string, (index: number) => Promise<unknown>> = {
    'REG change': (index) => reg.change(key('reg', index), `${run}.${index}`, () => ({ body, result: null })),
    'strict read': (index) => reg.read(key('reg', index), 'strict'),
    'SOFT write': (index) => soft.put(key('soft', index), { sub: 'phone', body, ttlMs: LIFE_MS }),
    'SOFT read': (index) => soft.read(key('soft', index)),
  }
  const names = Object.keys(kinds)
  const took = new Map(names.map((name) => [name, { list: [] as number[], failed: 0 }]))
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const cpu = process.cpuUsage()
  const until = performance.now() + forMs
  const pending = new Set<Promise<void>>()
  let [rssMb, heapMb] = [0, 0]
  for (let index = 0; performance.now() < until; index++) {
    const name = names[index % names.length] as string
    const own = took.get(name) as { list: number[]; failed: number }
    const began = performance.now()
    const one = (kinds[name] as (index: number) => Promise<unknown>)(Math.floor(index / names.length))
      .then(
        () => void own.list.push(performance.now() - began),
        () => void own.failed++,
      )
      .finally(() => pending.delete(one))
    pending.add(one)
    const { rss, heapUsed } = process.memoryUsage()
    rssMb = Math.max(rssMb, rss / 2 ** 20)
    heapMb = Math.max(heapMb, heapUsed / 2 ** 20)
    await new Promise((done) => setTimeout(done, PROBE_MS))
  }
  await Promise.all(pending)
  delay.disable()
  const { user, system } = process.cpuUsage(cpu)
  const spread = ({ list, failed }: { list: number[]; failed: number }) => {
    const all = list.toSorted((a, b) => a - b)
    const at = (share: number): number => all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? 0
    return { count: all.length, p50: at(0.5), p99: at(0.99), max: at(1), failed }
  }
  return {
    kinds: Object.fromEntries([...took].map(([name, one]) => [name, spread(one)])),
    loopP99: delay.percentile(99) / 1e6,
    loopMax: delay.max / 1e6,
    rssMb,
    heapMb,
    cpuPercent: (user + system) / forMs / 10,
    transfer: overlay.snapshot().transfer,
  }
}

function digests(overlay: Overlay, range: number): Promise<string[]> {
  return Promise.all((['reg', 'set', 'soft'] as const).map((primitive) => overlay.digest(primitive, range)))
}

const { overlay, disk } = await boot(JSON.parse(process.argv[2] ?? '{}') as StoreNodeInit)
process.on('message', async (message: ToNode) => {
  const reply = (result: unknown): void => void process.send?.({ id: message.id, result })
  if (message.type === 'look') reply(look(overlay))
  else if (message.type === 'work') reply(await work(overlay, message.order))
  else if (message.type === 'probe') reply(await probe(overlay, message.forMs))
  else if (message.type === 'digests') reply(await digests(overlay, message.range))
  else {
    await overlay.stop()
    await disk.close()
    reply(null)
    process.disconnect()
  }
})
process.on('disconnect', () => process.exit(0))
process.send?.({ id: 0, result: look(overlay) })
