/**
 * Registers on three nodes of one process, wired in memory: what a change, a read and a transaction cost, and how many requests
 * between nodes they take; the processor's time is that of all three nodes. With `--disk level` each node has a real LevelDB with fsync (the three share the machine's disk).
 *
 *   node bench/registers.ts [--disk memory|level] [--count 2000] [--rounds 3] [--body 400] [--only TEXT] [--json]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Disk, type RecordKey, recordKey, silentLogger, systemClock, systemRandom } from '@thor-node/core'
import { ConfigTable } from '../packages/overlay/src/ranges/config-table.ts'
import { PeerRpc } from '../packages/overlay/src/rpc/rpc.ts'
import { AcceptorStore } from '../packages/overlay/src/store/acceptor-store.ts'
import { GroupCommit } from '../packages/overlay/src/store/group-commit.ts'
import { LevelDisk } from '../packages/overlay/src/store/level-disk.ts'
import { MemoryDisk } from '../packages/overlay/src/store/memory-disk.ts'
import { Registers } from '../packages/overlay/src/store/reg.ts'
import { memberOf, SetMembers } from '../packages/overlay/test/ranges/ring.fixture.ts'

const { values } = parseArgs({
  options: {
    disk: { type: 'string', default: 'memory' },
    count: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
    body: { type: 'string', default: '400' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
})
const count = Number(values.count)
const RANGES = 64
const IDS = ['a', 'b', 'c']
const directory = mkdtempSync(join(tmpdir(), 'registers-'))

/** Frames are handed over at the end of the turn. */
class DirectNet {
  static readonly all = new Map<string, DirectNet>()
  readonly self: string
  listener: { onFrame(from: string, frame: Uint8Array): void; onConnected(peer: string): void } | undefined
  constructor(self: string) {
    this.self = self
    DirectNet.all.set(self, this)
  }
  async start(): Promise<void> {
    for (const other of IDS) if (other !== this.self) this.listener?.onConnected(other)
  }
  async stop(): Promise<void> {}
  async connect(): Promise<void> {}
  async disconnect(): Promise<void> {}
  isConnected(): boolean {
    return true
  }
  send(to: string, frame: Uint8Array): boolean {
    setImmediate(() => DirectNet.all.get(to)?.listener?.onFrame(this.self, frame))
    return true
  }
}

let requests = 0
const all = new Map(IDS.map((id) => [id, memberOf(id)]))
const disks: Disk[] = []
const nodes: Registers[] = []
for (const id of IDS) {
  const net = new DirectNet(id)
  const rpc = new PeerRpc({ peers: net as never, clock: systemClock, log: silentLogger })
  const call = rpc.call.bind(rpc)
  rpc.call = (to, method, body, options) => {
    requests++
    return call(to, method, body, options)
  }
  const onFatal = (error: unknown): never => {
    throw error
  }
  const real = values.disk === 'level' ? new LevelDisk({ directory: join(directory, id) } as never) : new MemoryDisk()
  const disk: Disk = values.disk === 'level' ? new GroupCommit({ disk: real }, { onFatal }) : real
  await disk.open()
  disks.push(disk)
  const members = new SetMembers(id, all)
  const configs = new ConfigTable({ disk, rpc }, { self: id, rangeCount: RANGES })
  await configs.load()
  const acceptors = new AcceptorStore({ clock: systemClock, disk, rpc, configs })
  configs.attach(acceptors)
  const parts = { clock: systemClock, random: systemRandom, rpc, configs, members, acceptors }
  nodes.push(new Registers(parts, { self: id, deadlineMs: 30_000 }))
  await net.start()
  const old = IDS.map((nodeId) => ({ nodeId, since: 1 }))
  const whole = Array.from({ length: RANGES }, (_, range) => ({ range, epoch: 2, old }))
  await configs.adoptAll(whole)
  await configs.markFilled(whole)
}
const [a] = nodes as [Registers, Registers, Registers]

const keyOf = (name: string): RecordKey => {
  const key = recordKey('acct', name)
  return { ...key, range: key.range % RANGES }
}
const body = { kind: 'account', text: 'x'.repeat(Number(values.body)), count: 0 }
const change = (current: { body: unknown } | undefined) => {
  const before = (current?.body ?? body) as typeof body
  return { body: { ...before, count: before.count + 1 }, result: before.count }
}
let operations = 0
const run = (key: RecordKey): Promise<unknown> => a.change(key, `op${operations++}`, change)

/** `width` at a time. */
async function each(times: number, width: number, task: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < times) await task(next++)
  }
  await Promise.all(Array.from({ length: width }, worker))
}

const median = (numbers: readonly number[]): number => {
  const sorted = numbers.toSorted((x, y) => x - y)
  return ((sorted[(sorted.length - 1) >> 1] as number) + (sorted[sorted.length >> 1] as number)) / 2
}

async function measure(what: string, task: (round: number) => Promise<void>, times = count): Promise<void> {
  if (!what.includes(values.only)) return
  const elapsed: number[] = []
  const busy: number[] = []
  const asked = requests
  for (let round = 0; round < Number(values.rounds); round++) {
    const from = performance.now()
    const cpu = process.cpuUsage()
    await task(round)
    const { user, system } = process.cpuUsage(cpu)
    elapsed.push(((performance.now() - from) * 1000) / times)
    busy.push((user + system) / times)
  }
  const perOperation = (requests - asked) / times / Number(values.rounds)
  const [micros, cpuMicros] = [Math.round(median(elapsed)), Math.round(median(busy))]
  const row = { what, disk: values.disk, micros, cpuMicros, requests: Number(perOperation.toFixed(2)) }
  if (values.json) return console.log(JSON.stringify(row))
  const figures = [
    String(cpuMicros).padStart(7),
    'µs of processor',
    String(micros).padStart(7),
    'µs in all',
    row.requests,
  ]
  console.log(`${what.padEnd(52)} ${figures.join(' ')} requests`)
}

await each(200, 20, (i) => run(keyOf(`warm${i}`)))
await measure('first change of a register, 64 at a time', (round) =>
  each(count, 64, (i) => run(keyOf(`${round}/${i}`))),
)
await measure('later change of the same registers, 64 at a time', () => each(count, 64, (i) => run(keyOf(`0/${i}`))))
// Below the changes that a register takes in 15 s.
const some = Math.min(count, 300)
await measure('changes of one register, one after the other', () => each(some, 1, () => run(keyOf('0/1'))), some)
await measure('strict reads, 64 at a time', () => each(count, 64, (i) => a.read(keyOf(`0/${i}`), 'strict')))
await measure('near reads, 64 at a time', () => each(count, 64, (i) => a.read(keyOf(`0/${i}`), 'near')))
if ('transact' in a) {
  const three = (i: number) => ['x', 'y', 'z'].map((name) => ({ key: keyOf(`${name}${i}`), fn: change }))
  const few = Math.ceil(count / 10)
  const transact = (i: number): Promise<unknown> => a.transact(`tx${operations++}`, three(i) as never)
  await measure('transactions of three registers, 16 at a time', () => each(few, 16, transact), few)
}

for (const disk of disks) await disk.close()
rmSync(directory, { recursive: true })
