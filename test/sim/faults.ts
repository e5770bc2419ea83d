/** What goes wrong: one thing at a time, with time to recover in between; in the end, everything loses power. */
import { type Random, sleep } from '@thor-node/core'
import type { Cluster, SimNode } from './cluster.ts'
import type { Workload } from './workload.ts'

export interface FaultInit {
  /** Longest stretch between two faults. */
  quietMsMax: number
}

export class Faults {
  readonly #cluster: Cluster
  readonly #workload: Workload
  readonly #random: Random
  readonly #init: FaultInit

  constructor(cluster: Cluster, workload: Workload, init: FaultInit) {
    this.#cluster = cluster
    this.#workload = workload
    this.#random = cluster.random.fork()
    this.#init = init
  }

  /** Makes trouble until `untilMs`; everything is whole again when it resolves. */
  async run(untilMs: number): Promise<void> {
    const { clock } = this.#cluster
    while (clock.now() < untilMs) {
      await this.#wait(this.#init.quietMsMax / 2, this.#init.quietMsMax)
      const { nodes } = this.#cluster
      const victim = nodes[this.#random.int(nodes.length)] as SimNode
      const kinds = [
        this.#crash,
        this.#powerOff,
        this.#isolate,
        this.#freeze,
        this.#stall,
        this.#cutOneWay,
        this.#loseMessages,
        this.#reshape,
      ]
      await kinds[this.#random.int(kinds.length)]?.call(this, victim)
    }
  }

  /** Ends all processes at once and starts them again. Bindings are in memory, so this is no test of them. */
  async powerCut(): Promise<void> {
    this.#cluster.trace.add('power cut')
    for (const node of this.#cluster.nodes) this.#cluster.crash(node, { power: true })
    await this.#wait(1_000, 5_000)
    await Promise.all(this.#cluster.nodes.map((node) => this.#cluster.boot(node)))
  }

  async #crash(victim: SimNode): Promise<void> {
    this.#cluster.crash(victim)
    await this.#wait(200, 15_000)
    await this.#cluster.boot(victim)
  }

  async #powerOff(victim: SimNode): Promise<void> {
    this.#cluster.crash(victim, { power: true })
    await this.#wait(2_000, 15_000)
    await this.#cluster.boot(victim)
  }

  async #isolate(victim: SimNode): Promise<void> {
    this.#workload.isolated.add(victim)
    this.#cluster.partition([[victim], this.#cluster.nodes.filter((node) => node !== victim)])
    await this.#wait(500, 20_000)
    this.#cluster.heal()
    // Back in sight, and told what it missed.
    await this.#wait(12_000, 13_000)
    this.#workload.isolated.delete(victim)
  }

  async #freeze(victim: SimNode): Promise<void> {
    this.#workload.isolated.add(victim)
    this.#cluster.pause(victim)
    await this.#wait(200, 8_000)
    this.#cluster.resume(victim)
    await this.#wait(12_000, 13_000)
    this.#workload.isolated.delete(victim)
  }

  async #stall(victim: SimNode): Promise<void> {
    const ms = 100 + this.#random.float() * 3_000
    this.#cluster.trace.add(`the disk of n${victim.index} stalls for ${ms.toFixed(0)} ms`)
    victim.disk.stall(ms)
    await sleep(this.#cluster.clock, ms)
  }

  /** The victim is not heard by one other node, and hears everybody. */
  async #cutOneWay(victim: SimNode): Promise<void> {
    const others = this.#cluster.nodes.filter((node) => node !== victim)
    const other = others[this.#random.int(others.length)] as SimNode
    this.#workload.isolated.add(victim)
    this.#cluster.cut(victim, other)
    await this.#wait(500, 15_000)
    this.#cluster.heal()
    await this.#wait(12_000, 13_000)
    this.#workload.isolated.delete(victim)
  }

  async #loseMessages(): Promise<void> {
    for (const node of this.#cluster.nodes) this.#workload.isolated.add(node)
    this.#cluster.lose(0.02 + this.#random.float() * 0.1)
    await this.#wait(1_000, 8_000)
    this.#cluster.heal()
    await this.#wait(12_000, 13_000)
    this.#workload.isolated.clear()
  }

  /** A node joins while there is one; later, one leaves. */
  async #reshape(victim: SimNode): Promise<void> {
    const { spare, nodes } = this.#cluster
    if (spare) await this.#cluster.boot(spare)
    else if (nodes.length > 3) await this.#cluster.leave(victim)
    else await this.#crash(victim)
  }

  #wait(minMs: number, maxMs: number): Promise<void> {
    return sleep(this.#cluster.clock, minMs + this.#random.float() * (maxMs - minMs))
  }
}
