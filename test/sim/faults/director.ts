/** Carries a plan out: begins each fault at its time and ends it, several at once when the plan says so. */
import { sleep } from '@thor-node/core'
import type { Cluster } from '../cluster.ts'
import type { Sight } from '../sight.ts'
import type { SimNode } from '../sim-node.ts'
import { type Fault, type FaultKind, faultText, RECOVERY_MS } from './plan.ts'

/** After damage to stored data, so long nothing else is damaged: two copies of three lost are lost. */
const MENDED_AFTER_MS = 45_000
/** Owners that missed a binding together have been told of it so long after they are back. */
const TOLD_AFTER_MS = 1_000

type Undo = () => void | Promise<void>

export class Director {
  readonly #cluster: Cluster
  readonly #sight: Sight
  /** Tells that everything in memory is gone. */
  readonly #forget: () => void
  readonly #running = new Set<Promise<void>>()
  #damagedUntil = 0

  constructor(cluster: Cluster, sight: Sight, forget: () => void) {
    this.#cluster = cluster
    this.#sight = sight
    this.#forget = forget
  }

  /** Resolves when all faults have ended and every member runs again. */
  async run(plan: readonly Fault[], untilMs: number): Promise<void> {
    const { clock } = this.#cluster
    const startedAt = clock.now()
    for (const fault of plan) {
      await sleep(clock, Math.max(0, startedAt + fault.at - clock.now()))
      const running = this.#one(fault).finally(() => this.#running.delete(running))
      this.#running.add(running)
    }
    await sleep(clock, Math.max(0, startedAt + untilMs - clock.now()))
    await Promise.all(this.#running)
    this.#cluster.heal()
    await this.#cluster.everybodyUp()
  }

  async #one(fault: Fault): Promise<void> {
    const { clock, trace } = this.#cluster
    const undo = this.#kinds[fault.kind](fault)
    if (!undo) return trace.add(`fault ${faultText(fault)}: not now`)
    await sleep(clock, fault.forMs)
    await undo()
  }

  /** Each begins its fault and returns what ends it, or nothing when it does not fit now. */
  readonly #kinds: Readonly<Record<FaultKind, (fault: Fault) => Undo | undefined>> = {
    crash: (fault) => this.#down(this.#victim(fault), fault, {}),
    'power-off': (fault) => this.#down(this.#victim(fault), fault, { power: true }),
    'power-cut': (fault) => {
      const cluster = this.#cluster
      const victims = cluster.nodes.filter((node) => node.up)
      this.#tell(fault, victims)
      // Bindings are in memory: what the last seconds brought is gone, as promised to nobody.
      this.#sight.lose(victims, fault.forMs + RECOVERY_MS)
      this.#forget()
      for (const node of victims) cluster.crash(node, { power: true })
      return async () => void (await Promise.all(victims.map((node) => cluster.reboot(node))))
    },
    isolate: (fault) => {
      const victim = this.#victim(fault)
      return victim && this.#apart(fault, [victim])
    },
    split: (fault) => {
      const nodes = this.#shuffledUp(fault)
      const size = Math.floor(nodes.length / 2)
      return size > 0 ? this.#apart(fault, nodes.slice(0, size)) : undefined
    },
    'one-way': (fault) => {
      const [from, to] = this.#shuffledUp(fault)
      if (!from || !to) return undefined
      this.#tell(fault, [from, to])
      this.#sight.lose([from, to], fault.forMs + RECOVERY_MS)
      return this.#cluster.wires.block([[from, to]])
    },
    flap: (fault) => this.#flap(fault),
    freeze: (fault) => {
      const victim = this.#victim(fault)
      if (!victim) return undefined
      this.#tell(fault, [victim])
      this.#sight.lose([victim], fault.forMs + RECOVERY_MS)
      return this.#cluster.pause(victim)
    },
    stutter: (fault) => this.#stutter(fault),
    lose: (fault) => {
      const cluster = this.#cluster
      const share = 0.02 + fault.amount * 0.28
      this.#tell(fault, cluster.nodes, `${(share * 100).toFixed(0)} %`)
      this.#sight.lose(cluster.nodes, fault.forMs + RECOVERY_MS)
      return cluster.wires.lose(share)
    },
    'slow-link': (fault) => {
      const delayMs = 20 + fault.amount * 280
      this.#tell(fault, [], `${delayMs.toFixed(0)} ms`)
      this.#sight.lose(this.#cluster.nodes, fault.forMs + RECOVERY_MS)
      return this.#cluster.wires.delay(delayMs)
    },
    'disk-stall': (fault) => {
      const victim = this.#victim(fault)
      if (!victim) return undefined
      this.#tell(fault, [victim])
      victim.disk.stall(fault.forMs)
      return () => undefined
    },
    'disk-slow': (fault) => {
      const victim = this.#victim(fault)
      if (!victim) return undefined
      this.#tell(fault, [victim])
      victim.disk.slow(20, 20 + fault.amount * 800)
      return () => victim.disk.slow(0)
    },
    'bit-rot': (fault) => {
      const victim = this.#victim(fault)
      if (!victim || !this.#mayDamage()) return undefined
      const flipped = this.#rot(victim, 1 + Math.floor(fault.amount * 8))
      if (flipped === 0) return undefined
      this.#tell(fault, [victim], `${flipped} values`)
      return () => undefined
    },
    'clock-jump': (fault) => {
      const victim = this.#victim(fault)
      if (!victim) return undefined
      const ms = Math.round((fault.amount * 2 - 1) * (fault.other < 0.5 ? 5_000 : 3_600_000))
      this.#tell(fault, [victim], `${ms} ms`)
      victim.clock.jump(ms)
      return () => victim.clock.jump(-ms)
    },
    join: (fault) => {
      const spare = this.#cluster.spare
      if (!spare) return undefined
      this.#tell(fault, [spare])
      this.#follow(this.#cluster.reboot(spare))
      return () => undefined
    },
    leave: (fault) => {
      const victim = this.#victim(fault)
      const staying = this.#cluster.nodes.filter((node) => node.up && !node.leaving)
      if (!victim || victim.leaving || staying.length <= 3) return undefined
      this.#tell(fault, [victim])
      this.#follow(this.#cluster.leave(victim))
      return () => undefined
    },
    'disk-loss': (fault) => {
      const victim = this.#victim(fault)
      const { spare } = this.#cluster
      if (!victim || !spare || victim.leaving || !this.#mayDamage()) return undefined
      this.#tell(fault, [victim])
      this.#sight.lose([victim], fault.forMs + RECOVERY_MS)
      this.#cluster.loseDisk(victim)
      return () => this.#cluster.reboot(spare)
    },
    'disk-full': (fault) => {
      const victim = this.#victim(fault)
      if (!victim) return undefined
      this.#tell(fault, [victim])
      victim.disk.full(true)
      return () => victim.disk.full(false)
    },
    'old-image': (fault) => {
      const victim = this.#victim(fault)
      if (!victim) return undefined
      this.#tell(fault, [victim], 'image taken')
      const image = victim.disk.image()
      return async () => {
        const { spare, wires } = this.#cluster
        // Whoever knows better may be cut off for longer than anybody waits: that cannot be told from an honest restart.
        if (!victim.up || !spare || victim.leaving || !wires.areWhole || !this.#mayDamage()) return
        this.#tell(fault, [victim], 'image put back')
        this.#sight.lose([victim], RECOVERY_MS)
        this.#cluster.restore(victim, image)
        await this.#cluster.reboot(victim)
        await this.#cluster.reboot(spare)
      }
    },
    revoke: (fault) => {
      const victim = this.#victim(fault)
      const staying = this.#cluster.nodes.filter((node) => node.up && !node.leaving)
      if (!victim || victim.leaving || staying.length <= 3 || !this.#mayDamage()) return undefined
      this.#tell(fault, [victim])
      this.#sight.lose([victim], fault.forMs + RECOVERY_MS)
      this.#follow(this.#cluster.revoke(victim))
      return () => undefined
    },
  }

  #tell(fault: Fault, nodes: readonly SimNode[], more = ''): void {
    const names = nodes.map((node) => `n${node.index}`).join(' ')
    this.#cluster.trace.add(`fault ${faultText(fault)} ${names} ${more}`.trimEnd())
  }

  /** Goes on beside the faults; the run waits for it in the end. */
  #follow(work: Promise<void>): void {
    const running = work.finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  #victim({ victim }: Fault): SimNode | undefined {
    const up = this.#cluster.nodes.filter((node) => node.up)
    return up[Math.floor(victim * up.length)]
  }

  #shuffledUp({ victim, other }: Fault): SimNode[] {
    const up = this.#cluster.nodes.filter((node) => node.up)
    const first = up.splice(Math.floor(victim * up.length), 1)
    const second = up.splice(Math.floor(other * up.length), 1)
    return [...first, ...second, ...up]
  }

  /** Flips a bit in up to `count` of the node's registers, records and range configs; returns in how many. */
  #rot(node: SimNode, count: number): number {
    const { random } = this.#cluster
    const keys = ['R', 'S', 'C', 'T'].flatMap((letter) => node.disk.peek(letter).map(([key]) => key))
    let flipped = 0
    for (let i = 0; i < count && keys.length > 0; i++) {
      const key = keys.splice(random.int(keys.length), 1)[0] as string
      if (this.#cluster.damage(node, key)) flipped++
    }
    return flipped
  }

  #mayDamage(): boolean {
    const { clock, nodes } = this.#cluster
    if (clock.now() < this.#damagedUntil || !this.#cluster.isStable(Math.min(3, nodes.length))) return false
    if (this.#misses()) return false
    this.#damagedUntil = clock.now() + MENDED_AFTER_MS
    return true
  }

  /** Some range counts on a node that is gone for good, and has not been replaced in it yet. */
  #misses(): boolean {
    const { nodes } = this.#cluster
    const here = new Set(nodes.map((node) => node.certificate.nodeId))
    const configs = nodes.flatMap((node) => node.overlay?.configs.all() ?? [])
    return configs.some(({ old }) => old.some(({ nodeId }) => !here.has(nodeId)))
  }

  #down(victim: SimNode | undefined, fault: Fault, options: { power?: boolean }): Undo | undefined {
    if (!victim) return undefined
    this.#tell(fault, [victim])
    this.#cluster.crash(victim, options)
    return () => this.#cluster.reboot(victim)
  }

  #apart(fault: Fault, few: readonly SimNode[]): Undo {
    const many = this.#cluster.all.filter((node) => !few.includes(node))
    this.#tell(fault, few, 'apart')
    const upMany = many.filter((node) => node.up).length
    this.#sight.lose(few.length < upMany ? few : this.#cluster.nodes, fault.forMs + RECOVERY_MS)
    // Two of three owners out of reach are more than bindings promise to survive.
    if (few.length > 1) this.#sight.lose(this.#cluster.nodes, fault.forMs + TOLD_AFTER_MS)
    const pairs = few.flatMap((one) => many.flatMap((other) => [[one, other] as const, [other, one] as const]))
    return this.#cluster.wires.block(pairs)
  }

  #flap(fault: Fault): Undo | undefined {
    const [one, other] = this.#shuffledUp(fault)
    if (!one || !other) return undefined
    this.#tell(fault, [one, other])
    this.#sight.lose([one, other], fault.forMs + RECOVERY_MS)
    const { clock } = this.#cluster
    const periodMs = 100 + fault.amount * 1_400
    let end: Undo | undefined
    let over = false
    const turn = (): void => {
      if (over) return
      if (end) void end()
      end = end
        ? undefined
        : this.#cluster.wires.block([
            [one, other],
            [other, one],
          ])
      clock.after(periodMs, turn)
    }
    turn()
    return () => {
      over = true
      return end?.()
    }
  }

  #stutter(fault: Fault): Undo | undefined {
    const victim = this.#victim(fault)
    if (!victim) return undefined
    this.#tell(fault, [victim])
    this.#sight.lose([victim], fault.forMs + RECOVERY_MS)
    const { clock } = this.#cluster
    let end: Undo | undefined
    let over = false
    const turn = (): void => {
      if (over || !victim.up) return
      if (end) void end()
      end = end ? undefined : this.#cluster.pause(victim)
      clock.after(end ? 100 + fault.amount * 500 : 300, turn)
    }
    turn()
    return () => {
      over = true
      return end?.()
    }
  }
}
