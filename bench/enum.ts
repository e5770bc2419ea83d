/**
 * ENUM queries beside other servers (DN-03): the same numbers, the same questions, the same generator (dnsperf), server on one core and
 * generator on the other, in turns. What is not installed is left out.
 *
 *   node bench/enum.ts [--count 3000000] [--rounds 5] [--seconds 4] [--rate 30000] [--updates 1000] [--only thor,nsd,knot,pdns,pdns-cold,pdns-sqlite] [--json]
 *
 * Nine of ten questions are for numbers that are there, at random. Shown are medians: queries per second with 512 questions under
 * way, then delays at half of these and at `--rate` questions per second, memory, and how long the server took until it answered.
 * `pdns` is PowerDNS as it comes, with the records in its memory, `pdns-cold` without its caches of packets, queries and zones,
 * `pdns-sqlite` the same with the records in a database.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { systemClock } from '@thor-node/core'
import { missing, nameOf, numberOf, TREE, uriOf } from './enum-numbers.ts'
import { SQLITE_SCHEMA, writeSqlite } from './enum-sqlite.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '3000000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    rate: { type: 'string', default: '30000' },
    updates: { type: 'string', default: '1000' },
    only: { type: 'string', default: 'thor,nsd,knot,pdns,pdns-cold,pdns-sqlite' },
    json: { type: 'boolean', default: false },
  },
})
const [count, rounds, seconds, rate, updates] = ['count', 'rounds', 'seconds', 'rate', 'updates'].map((name) =>
  Number(values[name as 'count']),
) as [number, number, number, number, number]
const folder = mkdtempSync(join(tmpdir(), 'thor-enum-'))
const HOST = '127.43.1.1'
const QUERIES = 1_000_000
const WARM_QUERIES = 20_000

interface Server {
  name: string
  port: number
  command: string[]
}

const servers: Server[] = [
  {
    name: 'thor',
    port: 5310,
    command: [
      process.execPath,
      '--expose-gc',
      join(import.meta.dirname, 'enum-server.ts'),
      '--host',
      HOST,
      '--port',
      '5310',
      '--count',
      String(count),
      '--updates',
      String(updates),
    ],
  },
  { name: 'nsd', port: 5301, command: ['nsd', '-d', '-c', join(folder, 'nsd.conf')] },
  { name: 'knot', port: 5302, command: ['knotd', '-c', join(folder, 'knot.conf')] },
  { name: 'pdns', port: 5305, command: ['pdns_server', `--config-dir=${join(folder, 'pdns')}`] },
  { name: 'pdns-cold', port: 5306, command: ['pdns_server', `--config-dir=${join(folder, 'pdns-cold')}`] },
  { name: 'pdns-sqlite', port: 5307, command: ['pdns_server', `--config-dir=${join(folder, 'pdns-sqlite')}`] },
]

const installed = ({ name, command }: Server): boolean => {
  if (name === 'thor') return true
  if (name === 'pdns-sqlite' && !existsSync(SQLITE_SCHEMA)) {
    console.error('the package pdns-backend-sqlite3 is not installed')
    return false
  }
  try {
    execFileSync('which', [command[0] as string], { stdio: 'ignore' })
    return true
  } catch {
    console.error(`${name} is not installed`)
    return false
  }
}

async function writeFiles(): Promise<void> {
  const zone = createWriteStream(join(folder, 'e164.zone'))
  zone.write(
    `$ORIGIN ${TREE}.\n$TTL 3600\n@ SOA ns1.${TREE}. hostmaster.${TREE}. 1 3600 600 86400 60\n@ NS ns1.${TREE}.\nns1 A 127.0.0.1\n`,
  )
  let waiting = ''
  for (let i = 0; i < count; i++) {
    waiting += `${nameOf(numberOf(i))}. NAPTR 100 10 "u" "E2U+sip" "!^.*$!${uriOf(i)}!" .\n`
    if (waiting.length < 1 << 20) continue
    if (!zone.write(waiting)) await new Promise((done) => zone.once('drain', () => done(undefined)))
    waiting = ''
  }
  await new Promise<void>((done) => zone.end(waiting, () => done()))
  let state = 12_345
  const random = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state / 2 ** 32
  }
  const queries = Array.from({ length: QUERIES }, () => {
    const digits = random() < 0.9 ? numberOf(Math.floor(random() * count)) : missing(Math.floor(random() * 1_000_000))
    return `${nameOf(digits)} NAPTR`
  })
  writeFileSync(join(folder, 'queries'), `${queries.join('\n')}\n`)
  writeFileSync(join(folder, 'warm'), `${queries.slice(0, WARM_QUERIES).join('\n')}\n`)
  for (const name of ['nsd', 'knot', 'pdns', 'pdns-cold', 'pdns-sqlite']) mkdirSync(join(folder, name))
  writeFileSync(
    join(folder, 'nsd.conf'),
    `server:\n  ip-address: ${HOST}@5301\n  server-count: 1\n  username: ""\n  chroot: ""\n  database: ""\n  zonesdir: "${folder}"\n  logfile: "${folder}/nsd/log"\n  pidfile: "${folder}/nsd/pid"\n  xfrdfile: "${folder}/nsd/xfrd"\n  zonelistfile: "${folder}/nsd/zones"\n  xfrdir: "${folder}/nsd"\n  rrl-ratelimit: 0\n  minimal-responses: yes\nremote-control:\n  control-enable: no\nzone:\n  name: "${TREE}"\n  zonefile: "e164.zone"\n`,
  )
  writeFileSync(
    join(folder, 'knot.conf'),
    `server:\n  listen: ${HOST}@5302\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n  rundir: ${folder}/knot\n  pidfile: knot.pid\ndatabase:\n  storage: ${folder}/knot\ncontrol:\n  listen: knot.sock\nlog:\n  - target: stderr\n    any: warning\ntemplate:\n  - id: default\n    storage: ${folder}\n    file: e164.zone\n    zonefile-load: whole\n    journal-content: none\n    zonefile-sync: -1\nzone:\n  - domain: ${TREE}\n`,
  )
  const sqlite = `launch=gsqlite3\ngsqlite3-database=${folder}/numbers.sqlite\n`
  for (const { name, port } of servers.filter((one) => one.name.startsWith('pdns'))) {
    writeFileSync(
      join(folder, name, 'pdns.conf'),
      `local-address=${HOST}\nlocal-port=${port}\nsocket-dir=${folder}/${name}\nreceiver-threads=1\ndistributor-threads=1\ndaemon=no\nguardian=no\nwebserver=no\napi=no\nloglevel=3\n${name === 'pdns' ? '' : PDNS_COLD}${name === 'pdns-sqlite' ? sqlite : `launch=bind\nbind-config=${folder}/pdns/named.conf\n`}`,
    )
  }
  writeFileSync(join(folder, 'pdns', 'named.conf'), `zone "${TREE}" { type master; file "${folder}/e164.zone"; };\n`)
}

interface Running {
  server: Server
  child: ChildProcess
  readyMs: number
}

/** Every answer is looked up: nothing of packets, records and zones is kept from question to question. */
const PDNS_COLD = 'cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\nzone-cache-refresh-interval=0\n'

const ANSWER_LIMIT_MS = 600_000

async function start(server: Server): Promise<Running> {
  const begun = systemClock.now()
  const child = spawn('taskset', ['-c', '0', ...server.command], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout?.on('data', (text) => console.error(`  ${server.name}: ${String(text).trim()}`))
  child.stderr?.on('data', () => undefined)
  for (;;) {
    const answered = await promisify(execFile)('dig', [
      `@${HOST}`,
      '-p',
      String(server.port),
      '+time=1',
      '+tries=1',
      '+short',
      nameOf(numberOf(0)),
      'NAPTR',
    ])
      .then(({ stdout }) => stdout.includes('E2U+sip'))
      .catch(() => false)
    if (answered) break
    if (systemClock.now() - begun > ANSWER_LIMIT_MS || child.exitCode !== null)
      throw new Error(`${server.name} does not answer`)
    await new Promise((done) => setTimeout(done, 100))
  }
  return { server, child, readyMs: Math.round(systemClock.now() - begun) }
}

/** Of the process and what it started, MB. */
function memoryMb(pid: number): number {
  const own = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  return Math.round(Number(own) / 1_024) + children.reduce((sum, child) => sum + memoryMb(Number(child)), 0)
}

interface Load {
  queriesPerSecond: number
  lostPercent: number
  p50Us: number
  p99Us: number
}

async function load(server: Server, more: string[], file = 'queries'): Promise<Load> {
  const args = [
    '-c',
    '1',
    'dnsperf',
    '-s',
    HOST,
    '-p',
    String(server.port),
    '-d',
    join(folder, file),
    '-c',
    '4',
    '-T',
    '1',
    '-q',
    '512',
    ...more,
  ]
  const { stdout } = await promisify(execFile)('taskset', args, { maxBuffer: 1 << 30 })
  const figure = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? Number.NaN)
  const delays = [...stdout.matchAll(/^> \S+ \S+ \S+ ([\d.]+)$/gm)]
    .map((match) => Number(match[1]) * 1e6)
    .sort((a, b) => a - b)
  const at = (share: number): number => Math.round(delays[Math.floor(delays.length * share)] ?? Number.NaN)
  return {
    queriesPerSecond: Math.round(figure(/Queries per second:\s+([\d.]+)/)),
    lostPercent: figure(/Queries lost:\s+\d+ \(([\d.]+)%\)/),
    p50Us: at(0.5),
    p99Us: at(0.99),
  }
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN

const full = new Map<string, Load[]>()
const half = new Map<string, Load[]>()
const paced = new Map<string, Load[]>()
const changing = new Map<string, Load[]>()

async function measure(running: readonly Running[]): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const { server, child } of running) {
      await load(server, [], 'warm')
      const add = (to: Map<string, Load[]>, one: Load): void =>
        void to.set(server.name, [...(to.get(server.name) ?? []), one])
      add(full, await load(server, ['-l', String(seconds)]))
      const last = full.get(server.name)?.at(-1)?.queriesPerSecond ?? 0
      add(half, await load(server, ['-l', '2', '-Q', String(Math.round(last / 2)), '-v']))
      add(paced, await load(server, ['-l', '2', '-Q', String(rate), '-v']))
      if (server.name !== 'thor' || updates === 0) continue
      child.kill('SIGUSR2')
      add(changing, await load(server, ['-l', String(seconds)]))
      child.kill('SIGUSR2')
    }
  }
}

function report(running: readonly Running[]): void {
  for (const { server, child, readyMs } of running) {
    const rates = (full.get(server.name) ?? []).map(({ queriesPerSecond }) => queriesPerSecond)
    const delays = paced.get(server.name) ?? []
    const halves = half.get(server.name) ?? []
    const row = {
      server: server.name,
      queriesPerSecond: median(rates),
      of: rates.join(' '),
      'p50Us at half of that': median(halves.map(({ p50Us }) => p50Us)),
      'p99Us at half of that': median(halves.map(({ p99Us }) => p99Us)),
      [`p50Us at ${rate}/s`]: median(delays.map(({ p50Us }) => p50Us)),
      [`p99Us at ${rate}/s`]: median(delays.map(({ p99Us }) => p99Us)),
      ...(changing.has(server.name) && {
        [`queriesPerSecond with ${updates} changes/s`]: median(
          (changing.get(server.name) ?? []).map(({ queriesPerSecond }) => queriesPerSecond),
        ),
      }),
      lostPercent: Math.max(...[...(full.get(server.name) ?? []), ...delays].map(({ lostPercent }) => lostPercent)),
      memoryMb: memoryMb(child.pid as number),
      readyMs,
    }
    console.log(
      values.json
        ? JSON.stringify(row)
        : Object.entries(row)
            .map(([name, value]) => `${name} ${value}`)
            .join('   '),
    )
  }
}

const running: Running[] = []
try {
  await writeFiles()
  if (values.only.includes('pdns-sqlite') && existsSync(SQLITE_SCHEMA))
    writeSqlite(join(folder, 'numbers.sqlite'), count)
  for (const server of servers.filter(({ name }) => values.only.split(',').includes(name)).filter(installed)) {
    running.push(await start(server))
  }
  process.once('SIGTERM', () => {
    report(running)
    for (const { child } of running) child.kill()
    rmSync(folder, { recursive: true, force: true })
    process.exit(1)
  })
  await measure(running)
  report(running)
} finally {
  for (const { child } of running) child.kill()
  rmSync(folder, { recursive: true, force: true })
}
