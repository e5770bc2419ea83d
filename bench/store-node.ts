/**
 * One node of `store.ts`, a process of its own: the real Overlay over libp2p and LevelDB. Told over IPC what to do, with its own
 * store, as the rest of a real node would.
 */
import { join } from 'node:path'
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
}

export interface WorkResult {
  perSecond: number
  p50Ms: number
  p99Ms: number
  failed: number
}

export type ToNode = { id: number } & ({ type: 'work'; order: WorkOrder } | { type: 'look' } | { type: 'stop' })

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
      genesis: init.index === 0,
      bootCounter: 1,
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
async function work(overlay: Overlay, { work: what, count, width, keys, from, bytes }: WorkOrder): Promise<WorkResult> {
  const { reg, set, soft } = overlay.store
  const body = Buffer.alloc(bytes, 7)
  const run = `${process.pid}.${performance.now()}`
  const key = (kind: string, index: number): RecordKey => {
    const name = `${from + (index % keys)}`
    return { range: rangeOf(name), name: `${kind}/${name}` }
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

const { overlay, disk } = await boot(JSON.parse(process.argv[2] ?? '{}') as StoreNodeInit)
process.on('message', async (message: ToNode) => {
  const reply = (result: unknown): void => void process.send?.({ id: message.id, result })
  if (message.type === 'look') reply(look(overlay))
  else if (message.type === 'work') reply(await work(overlay, message.order))
  else {
    await overlay.stop()
    await disk.close()
    reply(null)
    process.disconnect()
  }
})
process.on('disconnect', () => process.exit(0))
process.send?.({ id: 0, result: look(overlay) })
