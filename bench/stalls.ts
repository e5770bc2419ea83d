/**
 * Does anything hold up SIP? OPTIONS to a node every few milliseconds, and how long each takes, while nothing else is asked of it,
 * and under SOAP, DNS and registrations: one event loop has to serve them all.
 *
 *   node bench/stalls.ts [--seconds 8] [--accounts 2000] [--queries 5000] [--only idle,registrations,update,add,lists,dns,flood,both]
 *
 * The node is pinned to core 0, this process to core 1. `--queries`: DNS queries per second. `flood`: as many as dnsperf can, numbers
 * and names of live nodes, 512 under way; `both`: that, and registrations.
 */
import { execFile, spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { connectControl, type NodeOperations } from '@thor-node/nodes'
import { SoapClient } from '../test/chaos/soap.ts'
import { nameOf, TREE } from './enum-numbers.ts'
import { Generator } from './generator.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    accounts: { type: 'string', default: '2000' },
    queries: { type: 'string', default: '5000' },
    only: { type: 'string', default: 'idle,registrations,update,add,lists,dns,flood,both' },
  },
})
const seconds = Number(values.seconds)
const accounts = Number(values.accounts)
const NODE = '127.41.6.1'
const OWN = '127.41.6.2'
const PROBE_MS = 4
const root = resolve(import.meta.dirname, '..')

async function socketAt(port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  socket.bind(port, OWN)
  await once(socket, 'listening')
  return socket
}

const quantile = (sorted: readonly number[], share: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)

/** Round trips of OPTIONS until `over`; those without an answer count as long as they have waited. */
async function probe(socket: Socket, over: () => boolean): Promise<string> {
  const sent = new Map<string, number>()
  const took: number[] = []
  const onMessage = (bytes: Buffer): void => {
    const id = /Call-ID: (\S+)/.exec(bytes.toString('latin1'))?.[1] ?? ''
    const at = sent.get(id)
    sent.delete(id)
    if (at !== undefined) took.push(performance.now() - at)
  }
  socket.on('message', onMessage)
  for (let n = 0; !over(); n++) {
    const id = `p${n}-${performance.now()}`
    sent.set(id, performance.now())
    socket.send(
      `OPTIONS sip:${NODE} SIP/2.0\r\nVia: SIP/2.0/UDP ${OWN};rport;branch=z9hG4bK${id}\r\nMax-Forwards: 70\r\nFrom: <sip:p@${OWN}>;tag=${n}\r\n` +
        `To: <sip:${NODE}>\r\nCall-ID: ${id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`,
      5060,
      NODE,
    )
    await new Promise((later) => setTimeout(later, PROBE_MS))
  }
  await new Promise((later) => setTimeout(later, 300))
  socket.off('message', onMessage)
  const lost = sent.size
  took.sort((a, b) => a - b)
  const quantiles = [0.5, 0.99, 0.999, 1].map((share) => quantile(took, share)).join(' / ')
  return `${took.length} OPTIONS, ms: p50 / p99 / p99.9 / max ${quantiles}${lost > 0 ? `, ${lost} without an answer` : ''}`
}

/** Each load works until `over`, and says what it did. */
type LoadOf = (over: () => boolean) => Promise<string>

const soap =
  (client: SoapClient, name: 'addAccount' | 'updateAccount', parallel: number): LoadOf =>
  async (over) => {
    let done = 0
    const began = performance.now()
    const worker = async (index: number): Promise<void> => {
      for (let n = 0; !over(); n++) {
        const user = name === 'addAccount' ? `s${index}-${n}-${Math.round(began)}` : `u${(index * 997 + n) % accounts}`
        const answer = await client[name]({ user, domain: 'thor.local', firstName: 'A', password: 'secret' }, 10_000)
        if (answer.outcome === 'ok') done++
      }
    }
    await Promise.all(Array.from({ length: parallel }, (_, index) => worker(index)))
    return `${Math.round(done / ((performance.now() - began) / 1_000))} × ${name} per second`
  }

/** The whole list of accounts, again and again: the largest answer that a portal asks for. */
const lists =
  (password: string): LoadOf =>
  async (over) => {
    let [done, bytes] = [0, 0]
    const began = performance.now()
    const body =
      '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Header><auth xmlns=""><username>admin</username>' +
      `<password>${password}</password><admin>true</admin></auth></Header><Body><op:getAccounts xmlns:op="urn:AGProjects:NGNPro:Sip">` +
      '<query xmlns=""><filter><domain>thor.local</domain></filter></query></op:getAccounts></Body></Envelope>'
    const headers = { 'Content-Type': 'text/xml', SOAPAction: '""' }
    while (!over()) {
      const response = await fetch(`http://${NODE}:9200/`, { method: 'POST', body, headers })
      bytes = (await response.text()).length
      if (response.status === 200) done++
    }
    return `${(done / ((performance.now() - began) / 1_000)).toFixed(1)} × getAccounts of ${bytes} bytes per second`
  }

/** `_sip._udp SRV` of the domain. */
function question(id: number): Buffer {
  const labels = ['_sip', '_udp', 'thor', 'local'].map((label) => Buffer.from([label.length, ...Buffer.from(label)]))
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, 33, 0, 1])])
}

const dns =
  (socket: Socket, perSecond: number): LoadOf =>
  async (over) => {
    let [asked, answered] = [0, 0]
    socket.on('message', () => void answered++)
    const began = performance.now()
    while (!over()) {
      const due = ((performance.now() - began) / 1_000) * perSecond
      for (; asked < due; asked++) socket.send(question(asked & 0xffff), 5353, NODE)
      await new Promise((later) => setTimeout(later, 2))
    }
    socket.removeAllListeners('message')
    return `${Math.round(answered / ((performance.now() - began) / 1_000))} DNS answers per second of ${perSecond}`
  }

/** Numbers, half of them there, and names of the nodes. */
const flood =
  (file: string): LoadOf =>
  async () => {
    const args = ['-s', NODE, '-p', '5353', '-d', file, '-c', '4', '-T', '1', '-q', '512', '-l', String(seconds)]
    const { stdout } = await promisify(execFile)('dnsperf', args)
    const asked = /Queries per second:\s+(\d+)/.exec(stdout)?.[1]
    const lost = /Queries lost:\s+\d+ \(([\d.]+)%\)/.exec(stdout)?.[1]
    return `${asked} DNS answers per second to dnsperf, ${lost} % lost`
  }

const NUMBERS = 10_000
async function numbers(operations: NodeOperations, folder: string): Promise<string> {
  const digits = (n: number): string => `3120${8_000_000 + n}`
  await operations.enumRangeAdd({ tree: TREE, prefix: '+3120', minDigits: 11, maxDigits: 11 })
  const rows = Array.from({ length: NUMBERS }, (_, n): [string, string, string] => [
    digits(n),
    'sip',
    `sip:u${n}@thor.local`,
  ])
  await operations.enumLoad({ tree: TREE, rows })
  const named = Array.from({ length: 2 * NUMBERS }, (_, n) => `${nameOf(digits((n * 7_919) % (2 * NUMBERS)))} NAPTR`)
  const file = join(folder, 'questions')
  writeFileSync(
    file,
    named.flatMap((line, n) => (n % 10 === 0 ? [line, '_sip._udp.thor.local SRV'] : [line])).join('\n'),
  )
  return file
}

const together =
  (...loads: readonly LoadOf[]): LoadOf =>
  async (over) =>
    (await Promise.all(loads.map((load) => load(over)))).join(', ')

const registrations: LoadOf = async (over) => {
  const generator = new Generator({
    ...{ mode: 'register', node: { host: NODE, port: 5060 }, local: { host: OWN, port: 5080 }, domain: 'thor.local' },
    ...{ accounts, count: 1_000 * seconds, window: 16 },
  })
  const { perSecond } = await generator.run()
  while (!over()) await new Promise((later) => setTimeout(later, 50))
  return `${perSecond.toFixed(0)} registrations per second`
}

const idle: LoadOf = async () => 'nothing else'

async function main(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'thor-bench-'))
  const words = [
    'join',
    '--data',
    data,
    '--address',
    NODE,
    '--dns-port',
    '5353',
    '--dns-rate',
    '0',
    '--log-level',
    'error',
  ]
  const args = [process.execPath, join(root, 'bin/thor-node.js'), ...words]
  const child = spawn('taskset', ['-c', '0', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await new Promise<void>((ready) => child.stdout.on('data', (text: Buffer) => text.includes('thor1-') && ready()))
    const operations = connectControl(data)
    const { password } = await operations.adminPassword({})
    let next = 0
    const add = async (): Promise<void> => {
      for (let n = next++; n < accounts; n = next++) {
        await operations.accountAdd({ aor: `u${n}@thor.local`, password: `p${n}` })
      }
    }
    await Promise.all(Array.from({ length: 16 }, add))
    console.log(`node ${process.version}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(2)}`)
    const client = new SoapClient(NODE, password)
    const [probing, asking] = [await socketAt(5070), await socketAt(5071)]
    const only = new Set(values.only.split(','))
    const file = only.has('flood') || only.has('both') ? await numbers(operations, data) : ''
    const loads: [name: string, load: LoadOf][] = [
      ['idle', idle],
      ['registrations', registrations],
      ['update', soap(client, 'updateAccount', 4)],
      ['add', soap(client, 'addAccount', 16)],
      ['lists', lists(password)],
      ['dns', dns(asking, Number(values.queries))],
      ['flood', flood(file)],
      ['both', together(flood(file), registrations)],
      ['idle', idle],
    ]
    for (const [, load] of loads.filter(([name]) => only.has(name))) {
      const until = performance.now() + seconds * 1_000
      const over = (): boolean => performance.now() > until
      const [report, what] = await Promise.all([probe(probing, over), load(over)])
      console.log(`${what}: ${report}`)
    }
    client.stop()
    probing.close()
    asking.close()
  } finally {
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
    rmSync(data, { recursive: true, force: true })
  }
}

if (availableParallelism() > 1 && process.env.STALLS_PINNED === undefined) {
  const env = { ...process.env, STALLS_PINNED: 'yes' }
  spawn('taskset', ['-c', '1', process.execPath, ...process.argv.slice(1)], { stdio: 'inherit', env }).once(
    'exit',
    (code) => {
      process.exitCode = code ?? 1
    },
  )
} else await main()
