/** A ring of three overlays, each a process of its own, told over IPC what to do. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { eventually } from '@thor-node/core/testing'
import { createRoot, encodeRootKey, generateNodeKey, type Member } from '@thor-node/overlay'
import type { NodeLook, Order, ProbeResult, StoreNodeInit, WorkOrder, WorkResult } from './store-node.ts'

export class StoreNode {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (result: unknown) => void>()
  #id = 1
  #killed = false

  /** `prefix`: what stands before the command line, as of a network namespace. */
  constructor(prefix: readonly string[], init: StoreNodeInit) {
    const program = [...prefix, process.execPath, join(import.meta.dirname, 'store-node.ts'), JSON.stringify(init)]
    this.#child = spawn(program[0] as string, program.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.on('message', ({ id, result }: { id: number; result: unknown }) => this.#waiting.get(id)?.(result))
    this.#child.once('exit', (code) => {
      if (code && !this.#killed) throw new Error(`a node ended with ${code}`)
    })
  }

  booted(): Promise<NodeLook> {
    return new Promise((done) => this.#waiting.set(0, (result) => done(result as NodeLook)))
  }

  work = (order: WorkOrder): Promise<WorkResult> => this.#ask({ type: 'work', order })
  probe = (forMs: number): Promise<ProbeResult> => this.#ask({ type: 'probe', forMs })
  /** Digests of this node's copies of a range: REG, SET, SOFT. */
  digests = (range: number): Promise<string[]> => this.#ask({ type: 'digests', range })
  look = (): Promise<NodeLook> => this.#ask({ type: 'look' })
  stop = (): Promise<void> => this.#ask({ type: 'stop' })

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async kill(): Promise<void> {
    this.#killed = true
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  #ask<A>(order: Order): Promise<A> {
    const id = this.#id++
    this.#child.send({ id, ...order })
    return new Promise((done) => this.#waiting.set(id, (result) => done(result as A)))
  }
}

export interface StoreRingInit {
  base: string
  hosts: readonly string[]
  prefix?: (index: number) => string[]
}

export class StoreRing {
  readonly nodes: StoreNode[] = []
  readonly #init: StoreRingInit
  readonly #keys: string[]
  readonly #root = encodeRootKey(createRoot())
  readonly #known: Member[] = []
  readonly #boots = new Map<number, number>()

  constructor(init: StoreRingInit) {
    this.#init = init
    this.#keys = init.hosts.map(() => Buffer.from(generateNodeKey()).toString('hex'))
  }

  /** Resolves when every range has three copies. */
  async start(): Promise<readonly StoreNode[]> {
    for (let index = 0; index < this.#init.hosts.length; index++) await this.launch(index)
    await this.whole()
    return this.nodes
  }

  /** Starts a node, or starts it again on its data. */
  async launch(index: number): Promise<StoreNode> {
    const { base, hosts, prefix = () => [] } = this.#init
    const boot = (this.#boots.get(index) ?? 0) + 1
    this.#boots.set(index, boot)
    const data = join(base, `n${index}`)
    const host = hosts[index] as string
    const init = { root: this.#root, keys: this.#keys, index, boot, host, data, known: this.#known }
    const node = new StoreNode(prefix(index), init)
    this.nodes[index] = node
    const { self } = await node.booted()
    if (boot === 1) this.#known.push(self)
    return node
  }

  async whole(): Promise<void> {
    const whole = async (): Promise<boolean> =>
      (await Promise.all(this.nodes.map((node) => node.look()))).every((one) => one.whole && one.live === 3)
    await eventually(whole, 120_000, 'three copies of every range')
  }
}
