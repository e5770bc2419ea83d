/**
 * Three nodes under sipp: registrations through all of them in turn, then calls between random edges, optionally with one node
 * killed (SIGKILL) halfway. Prints what failed, and compares the call records with the calls that sipp saw answered.
 *
 *   npx node bench/three-nodes.ts [--accounts 1000] [--calls 1000] [--rate 20] [--hold 10] [--kill]
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { eventually } from '@thor-node/core/testing'
import type { CallView } from '@thor-node/nodes'
import { type Cluster, type ClusterNode, ports, startCluster } from '../test/support/cluster.ts'

const { values } = parseArgs({
  options: {
    accounts: { type: 'string', default: '1000' },
    calls: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '20' },
    hold: { type: 'string', default: '10' },
    kill: { type: 'boolean', default: false },
  },
})
const accounts = Number(values.accounts)
const calls = Number(values.calls)
const rate = Number(values.rate)
const hold = Number(values.hold)

const NET = '127.31.1'
const UAS = { host: '127.31.2.1', port: 6000 }
const scenarios = resolve(import.meta.dirname, '../test/interop/sipp')
const work = mkdtempSync(join(tmpdir(), 'thor-bench-'))
const started = performance.now()
const say = (text: string): void =>
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`)

interface Sipp {
  process: ReturnType<typeof spawn>
  messages: string
  done: Promise<number | null>
}

function sipp(name: string, args: string[]): Sipp {
  const messages = join(work, `${name}.msg`)
  const common = [
    '-nostdin',
    '-trace_msg',
    '-message_file',
    messages,
    '-trace_err',
    '-error_file',
    join(work, `${name}.err`),
  ]
  const child = spawn('sipp', [...args, ...common], { stdio: 'ignore', cwd: work })
  return { process: child, messages, done: new Promise((done) => child.once('exit', done)) }
}

function csv(name: string, rows: string[]): string {
  const path = join(work, `${name}.csv`)
  writeFileSync(path, `SEQUENTIAL\n${rows.join('\n')}\n`)
  return path
}

const user = (n: number): string => `u${n};thor.local;[authentication username=u${n} password=p${n}]`

async function provision(cluster: Cluster): Promise<void> {
  const queue = Array.from({ length: accounts }, (_, n) => n)
  const worker = async (node: ClusterNode): Promise<void> => {
    for (let n = queue.pop(); n !== undefined; n = queue.pop()) {
      await node.operations.accountAdd({ aor: `u${n}@thor.local`, password: `p${n}` })
    }
  }
  await Promise.all(cluster.nodes.flatMap((node) => [worker(node), worker(node), worker(node)]))
}

async function register(cluster: Cluster): Promise<void> {
  const runs = cluster.nodes.map((node, index) => {
    const rows: string[] = []
    for (let n = index; n < accounts; n += cluster.nodes.length) rows.push(`${user(n)};${UAS.host}:${UAS.port}`)
    const local = ['-i', `127.31.3.${node.number}`, '-p', '6000']
    const target = `${node.address}:${ports.sip}`
    const load = ['-m', String(rows.length), '-r', '100', '-l', '200']
    return sipp(`register-${node.number}`, [
      target,
      '-sf',
      join(scenarios, 'register.xml'),
      '-inf',
      csv(`register-${node.number}`, rows),
      ...local,
      ...load,
    ])
  })
  const codes = await Promise.all(runs.map((run) => run.done))
  if (codes.some((code) => code !== 0)) throw new Error(`sipp could not register all: exit codes ${codes.join()}`)
}

function callers(node: ClusterNode, name: string, count: number, perSecond: number): Sipp {
  const rows = Array.from({ length: count }, () => {
    const caller = Math.floor(Math.random() * accounts)
    const callee = (caller + 1 + Math.floor(Math.random() * (accounts - 1))) % accounts
    return `${user(caller)};u${callee}`
  })
  const local = ['-i', `127.31.4.${node.number}`, '-p', String(name.endsWith('again') ? 7100 : 7000), '-mp', '20000']
  const load = [
    '-m',
    String(count),
    '-r',
    perSecond.toFixed(3),
    '-d',
    String(hold * 1000),
    '-l',
    '5000',
    '-recv_timeout',
    '40000',
  ]
  return sipp(name, [
    `${node.address}:${ports.sip}`,
    '-sf',
    join(scenarios, 'uac.xml'),
    '-inf',
    csv(name, rows),
    ...local,
    ...load,
  ])
}

interface Seen {
  callId: string
  /** Epoch ms of the final answer to the INVITE with credentials; undefined when none came. */
  answeredAt?: number
  status?: number
  startedAt: number
  byeAnswered: boolean
}

/** What sipp sent and received, from its own log. */
function seen(messages: string): Seen[] {
  const found = new Map<string, Seen>()
  const blocks = readFileSync(messages, 'latin1').split(/^-{20,} (?=\d{4}-)/m)
  for (const block of blocks) {
    const callId = /^Call-ID: (\S+)/m.exec(block)?.[1]
    const at = Date.parse(`${block.slice(0, 10)}T${block.slice(11, 23)}Z`)
    if (!callId) continue
    const call = found.get(callId) ?? { callId, startedAt: at, byeAnswered: false }
    found.set(callId, call)
    const status = Number(/^SIP\/2\.0 (\d{3})/m.exec(block)?.[1])
    const method = /^CSeq: (\d+) (\w+)/m.exec(block)
    if (!status || !/message received/.test(block)) continue
    if (method?.[2] === 'INVITE' && method[1] === '2' && status >= 200) {
      call.status ??= status
      if (status < 300) call.answeredAt ??= at
    }
    if (method?.[2] === 'BYE' && status < 300) call.byeAnswered = true
  }
  return [...found.values()]
}

async function main(): Promise<number> {
  const cluster = await startCluster({ net: NET, nodes: 3, options: ['--log-level', 'warn'] })
  try {
    await cluster.settled()
    say('three nodes up, all ranges have three copies')
    await provision(cluster)
    say(`${accounts} accounts added through all nodes`)
    await register(cluster)
    const { totals } = await cluster.nodes[0]!.operations.status()
    say(`${totals.registrations} registrations held`)
    const uas = sipp('uas', ['-sf', join(scenarios, 'uas.xml'), '-i', UAS.host, '-p', String(UAS.port), '-mp', '30000'])
    uas.done.then(() => undefined)

    const share = Math.ceil(calls / 3)
    const runs = cluster.nodes.map((node) => callers(node, `calls-${node.number}`, share, rate / 3))
    let killedAt = 0
    if (values.kill) {
      await new Promise((done) => setTimeout(done, (calls / rate / 2) * 1000))
      const victim = cluster.nodes[2]!
      killedAt = Date.now()
      await cluster.kill(victim)
      say('node 3 killed')
      // Its callers turn to another node, as phones do that ask DNS.
      const left = share - Math.floor((share * calls) / rate / 2 / (calls / rate))
      runs[2]!.process.kill('SIGKILL')
      runs.push(callers(cluster.nodes[0]!, 'calls-again', left, rate / 3))
    }
    await Promise.all(runs.map((run) => run.done))
    say('all callers done')
    const all = runs.flatMap((run) => seen(run.messages))
    const answered = all.filter((call) => call.answeredAt !== undefined)
    const failed = all.filter(
      (call) =>
        (call.status ?? 0) >= 300 || (call.status === undefined && !(values.kill && call.startedAt > killedAt - 5_000)),
    )
    const survivors = cluster.nodes.filter((node) => node.process.signalCode === null)
    const records = await eventually(
      async () => {
        const list = (await survivors[0]!.operations.calls({ limit: 10_000 })).calls
        if (list.some((record) => record.endedAt === null))
          throw new Error(`${list.filter((r) => r.endedAt === null).length} calls not closed yet`)
        return list
      },
      180_000,
      'all records closed',
    )
    report(all, answered, failed, records, killedAt)
    uas.process.kill('SIGKILL')
    const recorded = new Set(records.map((record) => record.callId))
    const lost = answered.filter((call) => !recorded.has(call.callId)).length
    const doubled = records.length - recorded.size
    return lost + doubled + (killedAt === 0 ? failed.length : 0) === 0 ? 0 : 1
  } finally {
    await cluster.stop()
    if (process.env.KEEP === undefined) rmSync(work, { recursive: true, force: true })
    else say(`kept ${work}`)
  }
}

function report(all: Seen[], answered: Seen[], failed: Seen[], records: CallView[], killedAt: number): void {
  say(`calls tried ${all.length}, answered ${answered.length}, refused or without answer ${failed.length}`)
  if (killedAt > 0) {
    const late = failed.map((call) => (call.startedAt - killedAt) / 1000)
    say(`failures began, in seconds after the kill: ${late.length ? late.map((s) => s.toFixed(1)).join(' ') : 'none'}`)
    say(`statuses of failures: ${[...new Set(failed.map((call) => call.status ?? 'none'))].join(' ')}`)
  }
  const recorded = new Map<string, number>()
  for (const { callId } of records) recorded.set(callId, (recorded.get(callId) ?? 0) + 1)
  const lost = answered.filter((call) => !recorded.has(call.callId)).length
  const doubled = [...recorded.values()].filter((count) => count > 1).length
  say(`records ${records.length}, lost ${lost}, doubled ${doubled}`)
  const causes = Map.groupBy(records, (record) => record.endCause ?? 'open')
  for (const [cause, list] of causes) {
    const durations = list.map((record) => record.durationSeconds).sort((a, b) => a - b)
    say(
      `  ${cause}: ${list.length}, duration ${durations[0]} … ${durations.at(-1)} s, median ${durations[durations.length >> 1]} s`,
    )
  }
}

process.exitCode = await main()
