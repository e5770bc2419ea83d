/** Where the demo plays: node processes on loopback addresses, each with its own data directory, started as an operator would. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Address, type Clock, errorCode, type Net, type Random, sleep, ThorError } from '@thor-node/core'
import type { Console } from '../cli/console.ts'
import type { ControlClient } from '../control/client.ts'
import type { StatusResult } from '../control/contract.ts'
import { LOG_TAIL_LINES, NODE_READY_LIMIT_MS, POLL_MS, SETTLED_LIMIT_MS, STOP_LIMIT_MS } from './limits.ts'

const ports = { sip: 5060, dns: 5353, soap: 9200, cluster: 7400, admission: 7401 }
/** Third byte of the addresses: the first choice, and from which others are tried when something listens there. */
const BLOCK_FIRST = 0
const BLOCKS_FROM = 100
const BLOCKS_MAX = 20

export interface StageNode {
  /** 1, 2, 3 */
  readonly number: number
  readonly host: string
  readonly data: string
  readonly log: string
  readonly control: ControlClient
  /** As the ring calls it; known once it is ready. */
  name: string
  process: ChildProcess
}

export const sipOf = ({ host }: StageNode): Address => ({ host, port: ports.sip })
export const dnsOf = ({ host }: StageNode): Address => ({ host, port: ports.dns })
export const isRunning = ({ process: { exitCode, signalCode } }: StageNode): boolean =>
  exitCode === null && signalCode === null

/** The command itself: of this checkout or package, else whatever was run. */
function commandPath(): string {
  const own = resolve(import.meta.dirname, '../../../../bin/thor-node.js')
  return existsSync(own) ? own : (process.argv[1] as string)
}

/** Settings of the person who runs the demo must not reach its nodes. */
function cleanEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('THOR_')))
}

/** True when nothing listens on the ports of a node at this address. */
async function isFree(net: Net, host: string): Promise<boolean> {
  const { sip, dns, soap, cluster, admission } = ports
  try {
    for (const port of [sip, dns]) await (await net.udp({ host, port }, () => undefined)).close()
    for (const port of [sip, dns, soap, cluster, admission]) {
      await (await net.listen({ host, port }, (connection) => connection.destroy())).close()
    }
    return true
  } catch (error) {
    if (errorCode(error) === 'NET_ADDRESS_IN_USE') return false
    throw error
  }
}

export class Stage {
  readonly nodes: StageNode[] = []
  /** Under which everything is kept. */
  readonly base: string
  readonly #console: Console
  readonly #clock: Clock
  readonly #net: Net
  readonly #signal: AbortSignal
  #block = BLOCK_FIRST

  constructor(components: { console: Console; net: Net }, init: { signal: AbortSignal }) {
    this.#console = components.console
    this.#clock = components.console.clock
    this.#net = components.net
    this.#signal = init.signal
    this.base = mkdtempSync(join(tmpdir(), 'thor-demo-'))
  }

  host(last: number): string {
    return `127.77.${this.#block}.${last}`
  }

  /** Finds addresses that nothing else uses. @throws ThorError `NET_ADDRESS_IN_USE` */
  async choose(nodeCount: number, random: Random): Promise<void> {
    const start = random.int(BLOCKS_MAX)
    for (let i = 0; i < BLOCKS_MAX; i++) {
      this.#block = i === 0 ? BLOCK_FIRST : BLOCKS_FROM + ((start + i) % BLOCKS_MAX)
      const numbers = Array.from({ length: nodeCount }, (_, index) => index + 1)
      const free = await Promise.all(numbers.map((number) => isFree(this.#net, this.host(number))))
      if (free.every(Boolean)) return
    }
    throw new ThorError(
      'NET_ADDRESS_IN_USE',
      `${BLOCKS_MAX} blocks of loopback addresses are all in use; what uses them?`,
    )
  }

  /** Starts the next node, with an invite of the first one when there is one, and waits until it serves. */
  async add(): Promise<StageNode> {
    const number = this.nodes.length + 1
    const invite = this.nodes[0] && (await this.nodes[0].control.invite({})).invite
    const data = join(this.base, `n${number}`)
    const place = { number, host: this.host(number), data, log: join(this.base, `n${number}.log`) }
    const node: StageNode = {
      ...place,
      name: `n${number}`,
      control: this.#console.connect(data),
      process: this.#launch(place, invite),
    }
    this.nodes.push(node)
    await this.#ready(node)
    return node
  }

  /** kill -9; resolves when the process is gone. */
  async kill(node: StageNode): Promise<void> {
    const gone = this.#gone(node)
    node.process.kill('SIGKILL')
    await gone
  }

  /** The same command on the same data, without invite. */
  async restart(node: StageNode): Promise<void> {
    node.process = this.#launch(node)
    await this.#ready(node)
  }

  /** Waits until the nodes that run all see each other, and every range has its copies. */
  settled(): Promise<StatusResult> {
    const look = async (): Promise<StatusResult | undefined> => {
      const running = this.nodes.filter(isRunning)
      const reports = await Promise.all(running.map((node) => node.control.status()))
      const calm = reports.every(
        ({ nodes, ring }) =>
          nodes.filter(({ state, serving }) => state === 'alive' && serving).length === running.length &&
          ring.changing === 0 &&
          ring.underReplicated === 0,
      )
      return calm ? reports[0] : undefined
    }
    return this.#until(look, SETTLED_LIMIT_MS, 'the ring did not settle')
  }

  /** Ends all nodes. True when each that still ran ended by itself, with exit code 0. */
  async stop(): Promise<boolean> {
    const running = this.nodes.filter(isRunning)
    const ends = running.map((node) => {
      const gone = this.#gone(node)
      node.process.kill('SIGTERM')
      const hard = this.#clock.after(STOP_LIMIT_MS, () => node.process.kill('SIGKILL'))
      return gone.then(() => hard.cancel())
    })
    await Promise.all(ends)
    return running.every((node) => node.process.exitCode === 0)
  }

  /** At once and without waiting: for the end of this process. */
  killAll(): void {
    for (const node of this.nodes) if (isRunning(node)) node.process.kill('SIGKILL')
  }

  remove(): void {
    rmSync(this.base, { recursive: true, force: true })
  }

  /** The last lines that a node logged. */
  logTail(node: StageNode): string[] {
    if (!existsSync(node.log)) return []
    return readFileSync(node.log, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES)
  }

  #launch({ host, data, log }: Pick<StageNode, 'host' | 'data' | 'log'>, invite?: string): ChildProcess {
    const settings = [
      ['--data', data],
      ['--address', host],
      ['--sip-udp', ports.sip],
      ['--sip-tcp', ports.sip],
      ['--dns-port', ports.dns],
      ['--soap-port', ports.soap],
      ['--cluster-port', ports.cluster],
      ['--admission-port', ports.admission],
    ].flatMap(([option, value]) => [String(option), String(value)])
    this.#signal.throwIfAborted()
    const args = [commandPath(), 'join', ...(invite === undefined ? [] : [invite]), ...settings]
    const output = openSync(log, 'a')
    try {
      return spawn(process.execPath, args, {
        stdio: ['ignore', output, output],
        env: cleanEnvironment(this.#console.around.env),
      })
    } finally {
      closeSync(output)
    }
  }

  #gone({ process: child }: StageNode): Promise<unknown> {
    return new Promise((done) => {
      if (child.exitCode !== null || child.signalCode !== null) done(undefined)
      else child.once('exit', done)
    })
  }

  async #ready(node: StageNode): Promise<void> {
    const look = async (): Promise<string | undefined> => {
      if (!isRunning(node)) {
        throw new ThorError('DEMO_NODE_ENDED', `node ${node.number} ended by itself:\n${this.logTail(node).join('\n')}`)
      }
      const status = await node.control.status().catch(() => undefined)
      const self = status?.nodes.find((member) => member.self)
      return self?.serving ? self.name : undefined
    }
    node.name = await this.#until(look, NODE_READY_LIMIT_MS, `node ${node.number} did not get ready`)
  }

  async #until<T>(look: () => Promise<T | undefined>, limitMs: number, otherwise: string): Promise<T> {
    const until = this.#clock.now() + limitMs
    for (;;) {
      const found = await look()
      if (found !== undefined) return found
      if (this.#clock.now() >= until) throw new ThorError('DEMO_NOT_READY', `${otherwise} in ${limitMs / 1000} s`)
      await sleep(this.#clock, POLL_MS, this.#signal)
    }
  }
}
