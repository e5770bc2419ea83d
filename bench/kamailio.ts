/**
 * thor-node and Kamailio side by side, in turns: registrations and calls with digest, at a steady rate or as many as they can.
 * Servers on core 0, the generator (tools/bench/sip-load.c, built here with `cc`) on core 1.
 *
 *   node bench/kamailio.ts [--mode register,call] [--rate 0] [--count 20000] [--accounts 3000] [--window 64] [--rounds 3]
 *                          [--only thor-node,kamailio] [--profile DIRECTORY]
 *
 * `--rate`: registrations or calls begun per second, of which no more than `--window` are under way; 0 begins one when another has
 * ended. A registration is two REGISTERs. Kamailio is as tools/bench/kamailio.cfg has it: one worker, its tlsf allocator, accounts and
 * bindings in memory. Needs cc, and Kamailio unless `--only thor-node`. CPU is user and system time of all processes of a server;
 * delays are those of single requests. `--profile` starts thor-node with `--cpu-prof`.
 */
import { execFileSync, spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { eventually } from '@thor-node/core/testing'
import { cpuMicros, median, memory, pinned, provision, startNode } from './node-process.ts'

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: 'register' },
    rate: { type: 'string', default: '0' },
    count: { type: 'string', default: '20000' },
    accounts: { type: 'string', default: '3000' },
    window: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'thor-node,kamailio' },
    profile: { type: 'string' },
  },
})
const accounts = Number(values.accounts)
const rounds = Number(values.rounds)

const DOMAIN = 'example.test'
const THOR_HOST = '127.41.7.1'
const KAMAILIO_HOST = '127.41.7.2'
/** In /proc/net/udp. */
const KAMAILIO_SOCKET = '0207297F:13C4'
const LOAD_HOST = '127.41.7.3'
/** So many registrations, as fast as they go, register all accounts and have the code compiled. */
const WARM_UP = Math.max(accounts, 20_000)
const tools = resolve(import.meta.dirname, '../tools/bench')

type Mode = 'register' | 'call'
const modes = values.mode.split(',') as Mode[]

/** What sip-load prints; see there. */
interface LoadReport {
  done: number
  failed: number
  resent: number
  perSecond: number
  p50Us: number
  p99Us: number
  p999Us: number
  maxUs: number
  cpuShare: number
}

interface Server {
  name: string
  host: string
  pids(): number[]
  stop(): Promise<void>
}

const user = (n: number): string => `u${String(n).padStart(6, '0')}`

/** Returns the path of the program. */
function buildLoad(directory: string): string {
  const sources = readdirSync(tools).filter((name) => name.endsWith('.c'))
  const program = join(directory, 'sip-load')
  execFileSync('cc', ['-O2', '-o', program, ...sources.map((name) => join(tools, name)), '-lm'], { stdio: 'inherit' })
  return program
}

async function startThorNode(): Promise<Server> {
  const node = await startNode({
    runtime: values.profile ? ['--cpu-prof', '--cpu-prof-dir', values.profile] : [],
    options: ['--address', THOR_HOST, '--dns-port', '5353', '--domain', DOMAIN, '--log-level', 'error'],
  })
  await provision(node.operations, accounts, (n) => ({ aor: `${user(n)}@${DOMAIN}`, password: `pw${n}` }))
  return { name: 'thor-node', host: THOR_HOST, pids: () => [node.pid], stop: () => node.stop() }
}

/** The passwords as Kamailio's htable module reads them, hashed (RFC 7616 §3.4.2). */
function writePasswords(directory: string): void {
  const rows = Array.from({ length: accounts }, (_, n) => {
    return `${n + 1}:${user(n)}:0:0:${hash('md5', `${user(n)}:${DOMAIN}:pw${n}`)}:0`
  })
  const columns = 'id(int,auto) key_name(string) key_type(int) value_type(int) key_value(string) expires(int)'
  mkdirSync(directory)
  writeFileSync(join(directory, 'htable'), `${[columns, ...rows].join('\n')}\n`)
  writeFileSync(join(directory, 'version'), 'table_name(string) table_version(int)\nhtable:2\n')
}

async function startKamailio(directory: string): Promise<Server> {
  const passwords = join(directory, 'passwords')
  writePasswords(passwords)
  const config = ['-f', join(tools, 'kamailio.cfg'), '-A', `PASSWORDS="text://${passwords}"`]
  const where = ['-l', `udp:${KAMAILIO_HOST}:5060`, '-P', join(directory, 'pid'), '-Y', directory]
  const allocator = ['-m', '1024', '-M', '32', '-x', 'tlsf', '-X', 'tlsf']
  const [command, args] = pinned(0, 'kamailio', ['-DD', '-E', ...allocator, ...config, ...where])
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr.on('data', (chunk) => {
    output = (output + chunk).slice(-2_000)
  })
  const pid = child.pid as number
  const children = (): number[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
  }
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(output)
      // Main process, worker, timers: all are there once it listens.
      return children().length >= 3 && readFileSync('/proc/net/udp', 'utf8').includes(KAMAILIO_SOCKET)
    },
    10_000,
    'Kamailio',
  )
  return { name: 'kamailio', host: KAMAILIO_HOST, pids: () => [pid, ...children()], stop }
}

/** Waits, for the process that is asked: nothing here has anything to do meanwhile. */
function load(program: string, { host }: Server, mode: Mode, options: string[]): LoadReport {
  const where = ['-s', host, '-a', LOAD_HOST, '-d', DOMAIN, '-u', `${accounts}`, '-w', values.window]
  const [command, args] = pinned(1, program, [mode, ...where, ...options])
  try {
    return JSON.parse(execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }))
  } catch (error) {
    // It says so with its exit status when some failed.
    const { stdout } = error as { stdout?: string }
    if (!stdout) throw error
    return JSON.parse(stdout)
  }
}

const ms = (us: number): string => (us / 1_000).toFixed(us < 10_000 ? 2 : 0)

interface Round extends LoadReport {
  costUs: number
}

function measure(program: string, server: Server, mode: Mode, round: number): Round {
  const before = server.pids().map(cpuMicros)
  const report = load(program, server, mode, ['-n', values.count, '-r', values.rate])
  const after = server.pids().map(cpuMicros)
  const used = after.reduce((sum, cpu, n) => sum + cpu - (before[n] ?? 0), 0)
  const costUs = used / Math.max(1, report.done)
  const size = server.pids().reduce((sum, pid) => sum + memory(pid), 0)
  console.log(
    `  ${server.name.padEnd(9)} ${mode} ${round}: ${report.perSecond}/s, ${costUs.toFixed(1)} µs CPU each, ` +
      `p50 ${ms(report.p50Us)} p99 ${ms(report.p99Us)} p99.9 ${ms(report.p999Us)} most ${ms(report.maxUs)} ms, ` +
      `failed ${report.failed}, resent ${report.resent}, ${size.toFixed(0)} MB, generator ${Math.round(report.cpuShare * 100)} %`,
  )
  return { ...report, costUs }
}

function summarize(name: string, mode: Mode, all: readonly Round[]): void {
  const of = (pick: (round: Round) => number): number => median(all.map(pick))
  const unit = mode === 'register' ? `registration, ${(of((r) => r.costUs) / 2).toFixed(1)} per REGISTER` : 'call'
  console.log(
    `${name}: ${mode} median ${of((r) => r.perSecond).toFixed(0)}/s, ${of((r) => r.costUs).toFixed(1)} µs CPU per ${unit}, ` +
      `p50 ${ms(of((r) => r.p50Us))} p99 ${ms(of((r) => r.p99Us))} p99.9 ${ms(of((r) => r.p999Us))} ms`,
  )
}

async function main(): Promise<void> {
  console.log(`node ${process.version}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(2)}`)
  const directory = mkdtempSync(join(tmpdir(), 'thor-load-'))
  const servers: Server[] = []
  try {
    const program = buildLoad(directory)
    const only = values.only.split(',')
    if (only.includes('thor-node')) servers.push(await startThorNode())
    if (only.includes('kamailio')) servers.push(await startKamailio(directory))
    for (const server of servers) load(program, server, 'register', ['-n', `${WARM_UP}`])
    for (const mode of modes) {
      const results = servers.map((): Round[] => [])
      for (let round = 1; round <= rounds; round++)
        for (const [n, server] of servers.entries()) results[n]?.push(measure(program, server, mode, round))
      for (const [n, { name }] of servers.entries()) summarize(name, mode, results[n] ?? [])
    }
    console.log(`load at the end ${loadavg()[0]?.toFixed(2)}`)
  } finally {
    for (const server of servers) await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

await main()
