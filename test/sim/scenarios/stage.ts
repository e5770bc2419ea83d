import { type DiskOperation, type RecordKey, type RecordStore, sleep } from '@thor-node/core'
import type { RangeConfig } from '@thor-node/overlay'
import { Client, type Site } from '../clients/client.ts'
import { POT_COINS, type Pot, transferOf } from '../clients/mover.ts'
import type { SimNode } from '../sim-node.ts'
import type { Records } from '../workload.ts'

/** Bindings of a scenario outlive it. */
const BINDING_TTL_MS = 120_000
/** In a ring that is whole, an operation is repeated so often. */
const ATTEMPTS = 40

/** What a scenario does to the ring, and the one client that it is: the history of it is what the judges read. */
export class Stage extends Client implements Records {
  readonly lists: RecordKey[] = []
  readonly pots: RecordKey[] = []
  readonly balances: readonly RecordKey[] = []

  constructor(site: Site) {
    super(site, 'stage')
  }

  async run(): Promise<void> {}

  async settle(): Promise<void> {}

  list(name: string): RecordKey {
    const key = this.site.cluster.key(`list/${name}`)
    this.lists.push(key)
    return key
  }

  /** A pot with its first coins. */
  async pot(name: string): Promise<RecordKey> {
    const key = this.site.cluster.key(`pot/${name}`)
    this.pots.push(key)
    const opened = await this.insist((store) =>
      store.reg.change<Pot, null>(key, 'opening', () => ({ body: { coins: POT_COINS, opIds: [] }, result: null })),
    )
    if (!opened) throw new Error(`${key.name} could not be opened`)
    return key
  }

  nodeOf(nodeId: string): SimNode {
    return this.site.cluster.all.find(({ certificate }) => certificate.nodeId === nodeId) as SimNode
  }

  /** The config of the first range, as most nodes know it. */
  members(range = 0): SimNode[] {
    const config = this.site.cluster.nodes.find(({ up }) => up)?.overlay?.configs.get(range)
    return config?.old.map(({ nodeId }) => this.nodeOf(nodeId)) ?? []
  }

  sleep(ms: number): Promise<void> {
    return sleep(this.site.cluster.clock, ms)
  }

  /** The first of these configs to become durable anywhere from now on; the run goes on in the same moment. */
  config(wanted: (node: SimNode, config: RangeConfig) => boolean): Promise<RangeConfig> {
    return new Promise((resolve) => {
      this.site.cluster.watchers.push({
        config: (node, config) => {
          if (wanted(node, config)) resolve(config)
        },
      })
    })
  }

  /** The first such write that a disk acknowledges from now on. */
  written(wanted: (node: SimNode, operation: DiskOperation) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.site.cluster.watchers.push({
        written: (node, operations) => {
          if (operations.some((one) => wanted(node, one))) resolve()
        },
      })
    })
  }

  /** Nothing passes between the two sides until the function that is returned is called. */
  apart(few: readonly SimNode[], many: readonly SimNode[]): () => void {
    const pairs = few.flatMap((one) => many.flatMap((other) => [[one, other] as const, [other, one] as const]))
    return this.site.cluster.wires.block(pairs)
  }

  /** What is sent between the two from now on takes exactly so long; without a time, as long as usual. */
  delay(one: SimNode, other: SimNode, ms?: number): void {
    const delayMs = ms === undefined ? undefined : { min: ms, max: ms }
    this.site.cluster.network.links.setDelay(one.certificate.nodeId, other.certificate.nodeId, delayMs)
  }

  /** Appends at one node, which may fail; `finish` then repeats it until it is done. */
  async append(key: RecordKey, opId: string, at: SimNode): Promise<{ finish(): Promise<void> }> {
    const append = { key: key.name, opId, invokedAt: this.now, endedAt: Number.POSITIVE_INFINITY }
    this.site.history.appends.push(append)
    const run = (store: RecordStore): Promise<number> =>
      store.reg.change<string[], number>(key, opId, (current) => {
        const list = current?.body ?? []
        return { body: [...list, opId], result: list.length }
      })
    const take = (answer: { value: number } | object | undefined): boolean => {
      const position = answer && 'value' in answer ? answer.value : undefined
      if (position !== undefined) Object.assign(append, { position, endedAt: this.now })
      this.tell(`${key.name} ${opId} ${position === undefined ? 'perhaps' : `at ${position}`}`)
      return position !== undefined
    }
    const isDone = take(await this.ask(run, at))
    return {
      finish: async () => {
        if (!isDone) take(await this.insist(run, ATTEMPTS))
      },
    }
  }

  /** Writes a record once, at one node. */
  async keep(name: string, at: SimNode): Promise<void> {
    const key = this.site.cluster.key(name)
    const write = { name, range: key.range, body: `${name} by signalling`, acknowledged: false }
    this.site.history.sets.push(write)
    const answer = await this.ask((store) => store.set.put(key, write.body), at)
    write.acknowledged = 'value' in answer
    this.tell(`${name} ${write.acknowledged ? 'kept' : 'not kept'}`)
  }

  /** Flips a bit in everything whose key begins so on the disk of a node. */
  damage(node: SimNode, letter: string): void {
    for (const [key] of node.disk.peek(letter)) this.site.cluster.damage(node, key)
    this.tell(`n${node.index} is damaged`)
  }

  /** Moves a coin, by way of one node. */
  async move(from: RecordKey, to: RecordKey, opId: string, at: SimNode): Promise<{ finish(): Promise<void> }> {
    const transfer = { opId, from: from.name, to: to.name, acknowledged: false }
    this.site.history.transfers.push(transfer)
    const issuedAt = this.site.cluster.clock.wall()
    const run = (store: RecordStore): Promise<number[]> =>
      store.reg.transact<number>(opId, transferOf(from, to, opId), { issuedAt })
    const take = (answer: object | undefined): void => {
      transfer.acknowledged = answer !== undefined && 'value' in answer
      this.tell(`${opId} from ${from.name} to ${to.name} ${transfer.acknowledged ? 'moved' : 'perhaps'}`)
    }
    take(await this.ask(run, at))
    return {
      finish: async () => {
        if (!transfer.acknowledged) take(await this.insist(run, ATTEMPTS))
      },
    }
  }

  /** Looks at two pots at one node, one after the other. */
  async look(first: RecordKey, second: RecordKey, at: SimNode): Promise<void> {
    const seen: (readonly string[])[] = []
    for (const key of [first, second]) {
      const answer = await this.ask((store) => store.reg.read<Pot>(key, 'strict'), at)
      if (!('value' in answer)) return
      seen.push(answer.value?.body.opIds ?? [])
    }
    const [firstIds, secondIds] = seen as [readonly string[], readonly string[]]
    this.site.history.looks.push({ first: first.name, second: second.name, firstIds, secondIds })
  }

  /** Binds a phone, or removes its binding, at a node that is to do it. */
  async bind(key: RecordKey, seq: number, at: SimNode, gone = false): Promise<void> {
    const bind = { name: key.name, seq, gone, invokedAt: this.now, expiresAt: this.now + BINDING_TTL_MS }
    const answer = await this.ask(
      (store) =>
        gone
          ? store.soft.remove(key, 'phone', seq)
          : store.soft.put(key, { sub: 'phone', body: seq, ttlMs: BINDING_TTL_MS, seq }),
      at,
    )
    this.site.history.binds.push('value' in answer ? { ...bind, acknowledgedAt: this.now } : bind)
    this.tell(`${key.name} ${seq} ${gone ? 'removed' : 'bound'} ${'value' in answer ? 'for sure' : 'perhaps'}`)
  }

  async lookUp(key: RecordKey, at: SimNode): Promise<void> {
    const invokedAt = this.now
    const answer = await this.ask((store) => store.soft.read<number>(key), at)
    if (!('value' in answer)) return
    const seqs = answer.value.map((entry) => entry.seq)
    this.site.history.lookups.push({ name: key.name, invokedAt, endedAt: this.now, seqs })
  }
}
