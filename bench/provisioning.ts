/**
 * Provisioning on three nodes: requests per second and latency of getAccount and addAccount over TLS with kept connections, and as
 * the PHP client of portals asks (HTTP/1.0, a connection each); subscribers while nodes are killed; an import, counted on all
 * nodes. The clients run on the same machine.
 *
 *   npx node bench/provisioning.ts [--seconds 10] [--clients 24] [--import 100000] [--kills 10] [--tries 100]
 *     [--only soap|import|kills]
 */

import { readFileSync } from 'node:fs'
import { request as requestPlain } from 'node:http'
import { Agent, type RequestOptions, request as requestTls } from 'node:https'
import { parseArgs } from 'node:util'
import { type Cluster, type ClusterNode, ports, startCluster } from '../test/support/cluster.ts'
import { addSubscriber, type Found, lookAtSubscribers, prepareSubscribers } from '../test/support/subscribers.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    clients: { type: 'string', default: '24' },
    import: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '10' },
    tries: { type: 'string', default: '100' },
    only: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const clients = Number(values.clients)
const started = performance.now()
const say = (text: string): void =>
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`)

let password = ''
const envelope = (body: string): string =>
  '<?xml version="1.0" encoding="UTF-8"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" ' +
  'xmlns:n="urn:AGProjects:NGNPro:Sip"><S:Header><auth><username>admin</username>' +
  `<password>${password}</password><admin>true</admin></auth></S:Header><S:Body>${body}</S:Body></S:Envelope>`
const id = (name: string, user: string): string =>
  `<${name}><username>${user}</username><domain>thor.local</domain></${name}>`

type Send = (node: ClusterNode, body: string) => Promise<string>

const agent = new Agent({ keepAlive: true, maxSockets: 64, rejectUnauthorized: false })

function post(options: RequestOptions, body: string, secure: boolean): Promise<string> {
  const headers = { 'Content-Type': 'text/xml', 'Content-Length': Buffer.byteLength(body), SOAPAction: '""' }
  return new Promise((done, fail) => {
    const make = secure ? requestTls : requestPlain
    const outgoing = make(
      { method: 'POST', path: '/', port: ports.soap, ...options, headers: { ...headers, ...options.headers } },
      (response) => {
        let text = ''
        response.on('data', (bytes) => {
          text += bytes
        })
        response.on('end', () => done(text))
      },
    )
    outgoing.on('error', fail)
    outgoing.end(body)
  })
}

const ways: [name: string, send: Send][] = [
  ['TLS, kept connections', (node, body) => post({ host: node.address, agent }, body, true)],
  [
    'HTTP, a connection each',
    (node, body) => post({ host: node.address, agent: false, headers: { Connection: 'close' } }, body, false),
  ],
  [
    'TLS, a connection each',
    (node, body) =>
      post(
        { host: node.address, agent: false, rejectUnauthorized: false, headers: { Connection: 'close' } },
        body,
        true,
      ),
  ],
]

const TICK_MS = 10

/** Processor time so far, of all nodes and of this process. */
function spentMs(cluster: Cluster): { nodes: number; clients: number } {
  const { user, system } = process.cpuUsage()
  let ticks = 0
  for (const { process: child } of cluster.nodes) {
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return { nodes: ticks * TICK_MS, clients: (user + system) / 1_000 }
}

/** Before it is measured: nodes that have just started run code that is not compiled yet. */
const WARM_SECONDS = 3

async function measure(
  cluster: Cluster,
  send: Send,
  body: (n: number) => string,
  forSeconds = seconds,
): Promise<string> {
  const times: number[] = []
  let failed = 0
  let n = 0
  const before = spentMs(cluster)
  const until = performance.now() + forSeconds * 1_000
  const client = async (index: number): Promise<void> => {
    while (performance.now() < until) {
      const node = cluster.nodes[(n + index) % cluster.nodes.length] as ClusterNode
      const begun = performance.now()
      const answer = await send(node, envelope(body(n++))).catch((error) => String(error))
      if (answer.includes('Fault>') || !answer.includes('Envelope')) failed += 1
      else times.push(performance.now() - begun)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)))
  const after = spentMs(cluster)
  const each = (from: number, to: number): string => ((to - from) / Math.max(1, times.length)).toFixed(2)
  times.sort((a, b) => a - b)
  const at = (part: number): string => (times[Math.floor(times.length * part)] ?? 0).toFixed(1)
  return (
    `${Math.round(times.length / forSeconds)} requests/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${failed} failed; ` +
    `a request takes ${each(before.nodes, after.nodes)} ms of the nodes' processor time, ${each(before.clients, after.clients)} ms of the clients'`
  )
}

async function soap(cluster: Cluster): Promise<void> {
  const [first] = cluster.nodes as [ClusterNode]
  const accounts = 1_000
  const rows = Array.from({ length: accounts }, (_, index) => ({
    username: `u${index}`,
    domain: 'thor.local',
    password: 'pw',
  }))
  for (let at = 0; at < accounts; at += 200) await first.operations.accountsImport({ rows: rows.slice(at, at + 200) })
  let added = 0
  const bodies: [operation: string, body: (n: number) => string][] = [
    ['getAccount', (n) => `<n:getAccount>${id('sipId', `u${n % accounts}`)}</n:getAccount>`],
    [
      'addAccount',
      () => `<n:addAccount><account>${id('id', `new${added++}`)}<password>pw</password></account></n:addAccount>`,
    ],
  ]
  const [[, kept]] = ways as [[string, Send]]
  for (const [, body] of bodies) await measure(cluster, kept, body, WARM_SECONDS)
  for (const [way, send] of ways) {
    for (const [operation, body] of bodies) say(`${operation}, ${way}: ${await measure(cluster, send, body)}`)
  }
}

async function importMany(cluster: Cluster): Promise<void> {
  const count = Number(values.import)
  const [first] = cluster.nodes as [ClusterNode]
  const before = (await first.operations.accountList({ limit: 1 })).total
  const begun = performance.now()
  for (let at = 0; at < count; at += 200) {
    const rows = Array.from({ length: Math.min(200, count - at) }, (_, index) => ({
      username: `i${at + index}`,
      domain: 'thor.local',
      password: 'pw',
      groups: ['free-pstn'],
    }))
    const { failures } = await first.operations.accountsImport({ rows })
    if (failures.length > 0) say(`refused: ${JSON.stringify(failures[0])}`)
  }
  const took = (performance.now() - begun) / 1_000
  say(`${count} accounts imported through one node in ${took.toFixed(1)} s: ${Math.round(count / took)}/s`)
  for (const node of cluster.nodes) {
    const { total } = await node.operations.accountList({ limit: 1 })
    say(`node ${node.number} counts ${total - before} of them; ${memoryOf(node)} MB`)
  }
}

function memoryOf({ process: child }: ClusterNode): string {
  const text = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return (Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024).toFixed(0)
}

async function kills(cluster: Cluster): Promise<void> {
  const [first] = cluster.nodes as [ClusterNode]
  await prepareSubscribers(first.operations)
  const perRound = Number(values.tries)
  const sum: Found = { whole: 0, absent: 0, half: [] }
  /** Those that the node was making when it was killed. */
  const amid = { whole: 0, absent: 0 }
  let lost = 0
  for (let round = 0; round < Number(values.kills); round++) {
    const victim = cluster.nodes[1 + (round % 2)] as ClusterNode
    const indices = Array.from({ length: perRound }, (_, index) => round * perRound + index)
    const told: number[] = []
    const work = indices.values()
    const underWay = new Set<number>()
    let met: number[] = []
    let begun = 0
    let killed: Promise<void> | undefined
    const killAt = Math.min(perRound - 4, 26) + ((round * 17) % Math.max(1, perRound - 30))
    const add = async (): Promise<void> => {
      for (const index of work) {
        if (++begun >= killAt && !killed) {
          met = [...underWay]
          killed = cluster.kill(victim)
        }
        // What is left when it is killed is asked of another node.
        underWay.add(index)
        if (await addSubscriber((killed ? first : victim).operations, index)) told.push(index)
        underWay.delete(index)
      }
    }
    await Promise.all(Array.from({ length: 16 }, add))
    await killed
    await cluster.restart(victim)
    await cluster.settled()
    const found = await lookAtSubscribers(first.operations, indices)
    sum.whole += found.whole
    sum.absent += found.absent
    sum.half.push(...found.half)
    const amidst = await lookAtSubscribers(first.operations, met)
    amid.whole += amidst.whole
    amid.absent += amidst.absent
    lost += told.length - (await lookAtSubscribers(first.operations, told)).whole
    report(round + 1)
  }
  for (const half of sum.half) say(half)

  function report(kills: number): void {
    say(
      `${kills} kills: ${sum.whole} whole, ${sum.absent} not there, ${sum.half.length} half, ${lost} told and lost; ` +
        `of those under way at the node that was killed ${amid.whole} whole, ${amid.absent} not there`,
    )
  }
}

const parts: Record<string, (cluster: Cluster) => Promise<void>> = { soap, import: importMany, kills }
const cluster = await startCluster({ net: '127.48.1', nodes: 3 })
try {
  await cluster.settled()
  password = (await cluster.nodes[0]?.operations.adminPassword({}))?.password ?? ''
  for (const [name, part] of Object.entries(parts)) if (!values.only || values.only === name) await part(cluster)
} finally {
  agent.destroy()
  await cluster.stop()
}
