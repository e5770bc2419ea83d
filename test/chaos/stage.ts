/** A ring under load, and what scenarios do to it: everything is noted in the history. */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, SimRandom } from '@thor-node/core/testing'
import type { NodeOperations, StatusResult } from '@thor-node/nodes'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import type { Entry, Fault, Operation } from './history.ts'
import type { LoadInit } from './load-messages.ts'
import { LoadProcess } from './load-process.ts'
import { isolatedNetwork, loopbackNetwork, type Network } from './network.ts'
import { DOMAIN, dataOf, mountSmallDisk, prepare, provision } from './ring.ts'

export interface StageInit {
  nodes: number
  /** Namespaces for nodes that join later. */
  spare?: number
  seed: number
  isolated: boolean
  say(text: string): void
  load?: Partial<Pick<LoadInit, 'accounts' | 'phones' | 'everyMs'>>
  /** More options for every node. */
  options?: string[]
  /** The data directory of this node is a file system of its own, of so many MB. */
  smallDisk?: { number: number; sizeMb: number }
  /** Where rings that are ready to be used are kept, by size: making one of five takes half a minute. */
  templates?: string
}

const defaultLoad = {
  accounts: 24,
  phones: 6,
  everyMs: { write: 60, lookup: 100, register: 1_200, call: 1_500, claim: 2_000 },
}
const POLL_MS = 60
const PRESSURE_POLL_MS = 100
const PATIENCE_MS = 60_000
const VERIFY_PART = 256
/** Copies must be equal a minute after the last fault. */
const EQUAL_MS = 60_000

type RingVerifyResult = Awaited<ReturnType<NodeOperations['ringVerify']>>

export const now = (): number => performance.timeOrigin + performance.now()
export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** For how long, since the machine's start, some task was ready and had no CPU (Linux PSI); 0 where the kernel does not say. */
function waitedMs(): number {
  try {
    return Number(/^some .*total=(\d+)/.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1] ?? 0) / 1_000
  } catch {
    return 0
  }
}

const running = ({ process: { exitCode, signalCode } }: ClusterNode): boolean =>
  exitCode === null && signalCode === null

export class Stage {
  readonly network: Network
  readonly cluster: Cluster
  readonly random: SimRandom
  readonly say: (text: string) => void
  readonly base: string
  readonly #load: LoadProcess
  readonly #loadInit: LoadInit
  readonly #smallDisk: number | undefined
  /** CPU pressure so far, every 100 ms: the machine's own noise, in which all figures stand. */
  readonly #pressure: { at: number; waitedMs: number }[] = []
  readonly #watch: NodeJS.Timeout

  private constructor(
    parts: { network: Network; cluster: Cluster; load: LoadProcess; loadInit: LoadInit; base: string },
    init: StageInit,
  ) {
    this.network = parts.network
    this.cluster = parts.cluster
    this.#load = parts.load
    this.#loadInit = parts.loadInit
    this.base = parts.base
    this.random = new SimRandom(init.seed)
    this.say = init.say
    this.#smallDisk = init.smallDisk?.number
    this.#watch = setInterval(() => this.#pressure.push({ at: now(), waitedMs: waitedMs() }), PRESSURE_POLL_MS)
  }

  static async open(init: StageInit): Promise<Stage> {
    const spare = init.spare ?? 0
    const network = init.isolated ? await isolatedNetwork(init.nodes + spare) : loopbackNetwork()
    const base = mkdtempSync(join(tmpdir(), 'thor-chaos-'))
    const load = { ...defaultLoad, ...init.load }
    let cluster: Cluster | undefined
    try {
      const prefix = (number: number): string[] => network.prefix(number)
      const make = (where: string, existing: boolean): Promise<Cluster> =>
        startCluster({ net: network.net, nodes: init.nodes, prefix, base: where, existing, options: init.options })
      if (init.templates) {
        const template = join(init.templates, `${init.nodes}-${network.net}-${load.accounts}-${load.phones}`)
        if (!existsSync(template)) {
          const making = `${template}-new`
          await prepare(await make(making, false), load)
          cpSync(making, template, { recursive: true, filter: (path) => !path.endsWith('.sock') })
          rmSync(making, { recursive: true, force: true })
        }
        cpSync(template, base, { recursive: true })
      }
      if (init.smallDisk) mountSmallDisk(base, init.smallDisk)
      cluster = await make(base, init.templates !== undefined)
      if (init.templates) await cluster.settled()
      else await provision(cluster, load)
      init.say(`${init.nodes} nodes up`)
      const { password } = await (cluster.nodes[0] as ClusterNode).operations.adminPassword({})
      const loadInit: LoadInit = {
        ...load,
        nodes: cluster.nodes.map(({ number, address, data }) => ({ number, address, data })),
        domain: DOMAIN,
        adminPassword: password,
        clientAddress: network.clientAddress,
      }
      const process = new LoadProcess(network.clientPrefix, loadInit)
      await process.ready()
      return new Stage({ network, cluster, load: process, loadInit, base }, init)
    } catch (error) {
      await cluster?.stop()
      await network.stop()
      rmSync(base, { recursive: true, force: true })
      throw error
    }
  }

  get history(): Entry[] {
    return this.#load.history
  }

  get nodes(): ClusterNode[] {
    return this.cluster.nodes
  }

  get live(): ClusterNode[] {
    return this.nodes.filter(running)
  }

  node(number: number): ClusterNode {
    return this.nodes[number - 1] as ClusterNode
  }

  /** How many ranges are being moved now. */
  async changing(): Promise<number> {
    const ask = async (): Promise<StatusResult> => this.pick(this.live).operations.status()
    return (await eventually(ask, PATIENCE_MS, 'a status')).ring.changing
  }

  pick<T>(items: readonly T[]): T {
    return items[this.random.int(items.length)] as T
  }

  /** Clients know these nodes, as DNS would name them. */
  offer(numbers: readonly number[]): void {
    this.#load.tell({ type: 'targets', live: [...numbers] })
  }

  offerLive(): void {
    this.offer(this.live.map(({ number }) => number))
  }

  tell(message: Parameters<LoadProcess['tell']>[0]): void {
    this.#load.tell(message)
  }

  /** Home and replicas of every account of the load, as one node sees them. */
  places(): Promise<NonNullable<Fault['places']>> {
    return eventually(() => this.#places(), PATIENCE_MS, 'the places of all accounts')
  }

  async #places(): Promise<NonNullable<Fault['places']>> {
    const { operations } = this.pick(this.live)
    const status = await operations.status()
    const numberOf = new Map(status.nodes.map(({ name, address }) => [name, Number(address.split('.').at(-1)) % 100]))
    const { accounts, phones } = this.#loadInit
    const users = [
      ...Array.from({ length: accounts }, (_, index) => `u${index}`),
      ...Array.from({ length: phones }, (_, index) => `p${index}`),
    ]
    const places = users.map(async (user) => {
      const { aor, home, replicas } = await operations.where({ aor: `${user}@${DOMAIN}` })
      const numbers = replicas.map(({ name }) => numberOf.get(name) ?? 0)
      return [aor, { home: numberOf.get(home ?? '') ?? 0, replicas: numbers }] as const
    })
    return Object.fromEntries(await Promise.all(places))
  }

  /** Writes and look-ups in every position to these victims, all at once, so that some are under way when they fall. */
  burst(victims: readonly number[], places: NonNullable<Fault['places']>): void {
    const others = this.live.map(({ number }) => number).filter((number) => !victims.includes(number))
    const all = Object.entries(places).filter(([aor]) => aor.startsWith('u'))
    const account = ([aor]: [string, unknown]): number => Number(/^u(\d+)@/.exec(aor)?.[1])
    const isVictim = (number: number): boolean => victims.includes(number)
    const homes = all.filter(([, { home }]) => isVictim(home))
    const replicas = all.filter(([, { home, replicas: list }]) => !isVictim(home) && list.some(isVictim))
    const rest = all.filter((one) => !homes.includes(one) && !replicas.includes(one))
    const take = (list: typeof all, count: number): typeof all =>
      list
        .map((one) => ({ one, order: this.random.float() }))
        .sort((a, b) => a.order - b.order)
        .slice(0, count)
        .map(({ one }) => one)
    const aimed = [...take(homes, 3), ...take(replicas, 3)]
    const writes = aimed.map((one) => ({ account: account(one), node: this.pick(others) }))
    const through = take(
      [...homes, ...replicas, ...rest].filter((one) => !aimed.includes(one)),
      3,
    )
    writes.push(...through.map((one) => ({ account: account(one), node: this.pick(victims) })))
    this.tell({ type: 'burst', writes, lookups: [...victims, ...victims, ...others] })
  }

  /** Notes a fault that began at `at` and is over now; figures may be added to what it returns. */
  fault(fault: Omit<Fault, 'type' | 'until' | 'figures'>): NonNullable<Fault['figures']> {
    const until = now()
    const before = this.#pressure.findLast(({ at }) => at <= fault.at)
    const waited = before ? waitedMs() - before.waitedMs : 0
    const figures: NonNullable<Fault['figures']> = { 'CPU wanted %': (100 * waited) / (until - (before?.at ?? 0)) }
    this.history.push({ type: 'fault', until, ...fault, figures })
    return figures
  }

  /** Reads of bindings until `forMs` from now may show what was before. */
  pardonReads(from: number, forMs: number, forgetMs: number): void {
    this.history.push({ type: 'lenient', of: 'reads', from, to: now() + forMs, forgetMs })
  }

  /** REGISTERs acknowledged in this time may be forgotten. */
  pardonRegisters(from: number, to: number): void {
    this.history.push({ type: 'lenient', of: 'registers', from, to, forgetMs: 0 })
  }

  /** kill -9 without anything else. */
  async kill(...victims: ClusterNode[]): Promise<number> {
    const at = now()
    await Promise.all(victims.map((victim) => this.cluster.kill(victim)))
    return at
  }

  /** Starts a node on its data again and waits until it serves and everything has its copies; clients come back to it. */
  async restart(...nodes: ClusterNode[]): Promise<{ servingMs: number; copiesMs: number }> {
    const launched = now()
    for (const node of nodes) this.cluster.launch(node)
    return this.started(nodes, launched)
  }

  async started(nodes: readonly ClusterNode[], launched: number): Promise<{ servingMs: number; copiesMs: number }> {
    await Promise.all(nodes.map((node) => this.cluster.ready(node)))
    const servingMs = now() - launched
    this.offerLive()
    return { servingMs, copiesMs: await this.settled(launched) }
  }

  /** Waits until clients of the other nodes have not failed for `calmMs`; returns when that began to be true, ms after `since`. */
  async calm(victims: readonly number[], since: number, calmMs = 1_000, limitMs = 60_000): Promise<number> {
    let last = since
    let seen = this.history.length
    for (;;) {
      await pause(POLL_MS)
      for (; seen < this.history.length; seen++) {
        const entry = this.history[seen] as Operation
        const failed = 'outcome' in entry && entry.outcome !== 'ok' && entry.type !== 'call' && entry.type !== 'claim'
        if (failed && !victims.includes(entry.node) && entry.to > last) last = entry.to
      }
      if (now() - last > calmMs) return last - since
      if (now() - since > limitMs) return now() - since
    }
  }

  /** Waits until every running node says that all are there and every range has its copies; ms since `since`. */
  async settled(since: number, limitMs = 90_000): Promise<number> {
    for (;;) {
      const asked = now()
      const reports = await Promise.all(this.live.map(({ operations }) => operations.status().catch(() => undefined)))
      if (reports.every((report) => report && this.#whole(report))) return now() - since
      if (now() - since > limitMs) {
        const seen = reports.map(
          (report) => report && { ...report.ring, nodes: report.nodes.map((n) => `${n.name} ${n.state}`) },
        )
        throw new Error(`the ring did not settle in ${limitMs} ms: ${JSON.stringify(seen)}`)
      }
      // A status costs a list of all accounts.
      await pause(Math.max(POLL_MS, 2 * (now() - asked)))
    }
  }

  #whole({ nodes, ring }: StatusResult): boolean {
    const addresses = new Set(this.live.map(({ address }) => address))
    const present = nodes.filter(
      ({ address, state, serving }) => addresses.has(address) && state === 'alive' && serving,
    )
    return present.length === addresses.size && ring.changing === 0 && ring.underReplicated === 0
  }

  /** Ends the load; what was under way is in the history then. */
  quiet(): Promise<void> {
    return this.#load.quiet()
  }

  /** Ends the load, reads everything at every node, and adds that to the history. */
  async finish(): Promise<void> {
    this.offerLive()
    await this.quiet()
    await this.settled(now())
    for (const { number, operations } of this.live) {
      const list = (): ReturnType<NodeOperations['accountList']> => operations.accountList({ limit: 100_000 })
      const { accounts } = await eventually(list, PATIENCE_MS, `the accounts at node ${number}`)
      const strict = accounts.filter(({ aor }) => /^[uk]\d+@/.test(aor))
      const read: { aor: string; displayName: string }[] = []
      for (const { aor } of strict) read.push(await operations.accountShow({ aor }))
      const calls = await this.#closedCalls(number)
      const shown = read.map(({ aor, displayName }) => ({ aor, displayName }))
      this.history.push({ type: 'final', node: number, accounts: shown, calls })
    }
    const last = this.history.findLast((entry) => entry.type === 'final')
    if (last) last.differing = await this.differing(EQUAL_MS)
  }

  /** Ranges whose copies differ after so long, told as texts; copies are compared by the ring itself every 30 s. */
  async differing(limitMs: number): Promise<string[]> {
    const until = now() + limitMs
    const { operations } = this.live[0] as ClusterNode
    for (;;) {
      const found: string[] = []
      for (let from: number | null = 0; from !== null; ) {
        const part: RingVerifyResult = await operations.ringVerify({ from, count: VERIFY_PART })
        for (const { range, kinds, members } of part.differing) {
          found.push(`range ${range}: ${kinds.join(', ')} at ${members.map(({ name }) => name).join(', ')}`)
        }
        for (const { range, members } of part.unreachable)
          found.push(`range ${range}: no answer of ${members.join(', ')}`)
        for (const range of part.busy) found.push(`range ${range}: busy`)
        from = part.next
      }
      if (found.length === 0 || now() > until) return found
      await pause(1_000)
    }
  }

  /** Adds accounts of 128 KB each through all nodes. */
  async fill(accounts: number): Promise<void> {
    await this.#load.fill(accounts)
  }

  /** Adds one node to the ring, while the load goes on. */
  async join(): Promise<ClusterNode> {
    const node = await this.cluster.add()
    this.tell({ type: 'node', node: { number: node.number, address: node.address, data: node.data } })
    this.offerLive()
    return node
  }

  /** All records; those without an end are waited for, as the ring's sweep closes them. */
  async #closedCalls(number: number, limitMs = 100_000): Promise<{ callId: string; closed: boolean }[]> {
    const until = now() + limitMs
    for (;;) {
      const { calls } = await this.node(number).operations.calls({ limit: 10_000 })
      const mine = calls.map(({ callId, endedAt }) => ({ callId, closed: endedAt !== null }))
      if (mine.every(({ closed }) => closed) || now() > until) return mine
      await pause(500)
    }
  }

  async close(keep = false): Promise<void> {
    clearInterval(this.#watch)
    await this.#load.stop()
    for (const { process } of this.live) process.kill('SIGCONT')
    await this.cluster.stop()
    await this.network.stop()
    if (this.#smallDisk !== undefined) execFileSync('umount', [dataOf(this.base, this.#smallDisk)])
    if (keep) this.say(`kept ${this.base}`)
    else rmSync(this.base, { recursive: true, force: true })
  }
}
