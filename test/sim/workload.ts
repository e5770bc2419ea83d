import { type Balance, topup, type Voucher } from '@thor-node/accounting'
import type { RecordKey } from '@thor-node/core'
import { Appender } from './clients/appender.ts'
import { Binder } from './clients/binder.ts'
import { Caller } from './clients/caller.ts'
import type { Client, Site } from './clients/client.ts'
import { Mover, POT_COINS, type Pot } from './clients/mover.ts'
import { Recorder } from './clients/recorder.ts'
import { creditVoucher, Topper } from './clients/topper.ts'
import type { Cluster } from './cluster.ts'
import type { History } from './history.ts'
import type { Sight } from './sight.ts'

export const LISTS = 6
export const ACCOUNTS = 3
export const OPENING = 1_500
const POTS = 4
const CLIENTS = 3

/** What the judges read in the end. */
export interface Records {
  lists: readonly RecordKey[]
  balances: readonly RecordKey[]
  pots: readonly RecordKey[]
  /** Ends what clients may have left half done. */
  settle(): Promise<void>
}

/** All clients of a run, and the keys that they share. */
export class Workload implements Records {
  readonly lists: readonly RecordKey[]
  readonly balances: readonly RecordKey[]
  readonly pots: readonly RecordKey[]
  readonly site: Site
  #running = true
  #clients: Promise<void>[] = []

  constructor(cluster: Cluster, history: History, sight: Sight, paceMs: number) {
    this.site = { cluster, history, sight, paceMs, running: () => this.#running }
    this.lists = Array.from({ length: LISTS }, (_, i) => cluster.key(`list/${i}`))
    this.pots = Array.from({ length: POTS }, (_, i) => cluster.key(`pot/${i}`))
    this.balances = Array.from({ length: ACCOUNTS }, (_, i) => cluster.key(`bal/${i}`))
  }

  /** Resolves when the accounts have their first money and all clients work. */
  async start(): Promise<void> {
    const clients: Client[] = []
    for (let i = 0; i < CLIENTS; i++) {
      clients.push(new Appender(this.site, `a${i}`, this.lists))
      clients.push(new Recorder(this.site, `r${i}`))
      clients.push(new Binder(this.site, `b${i}`))
    }
    clients.push(new Caller(this.site, 'c0', this.balances), new Caller(this.site, 'c1', this.balances))
    clients.push(new Topper(this.site, 'v0', this.balances))
    for (let i = 0; i < 2; i++) clients.push(new Mover(this.site, `m${i}`, this.pots))
    const first = clients[0] as Client
    for (const key of this.pots) {
      await first.insist((store) =>
        store.reg.change<Pot, null>(key, 'opening', (current) =>
          current ? { keep: true, result: null } : { body: { coins: POT_COINS, opIds: [] }, result: null },
        ),
      )
    }
    for (const key of this.balances) {
      await first.insist((store) =>
        store.reg.change<Balance, unknown>(key, 'opening', (current) =>
          topup(current?.body, { opId: 'opening', amount: OPENING }, 0),
        ),
      )
    }
    this.#clients = clients.map((client) => client.run())
  }

  /** What sweeps do in the end: the second half of vouchers whose user vanished after the first. */
  async settle(): Promise<void> {
    const { cluster, history } = this.site
    const sweeper = new Appender(this.site, 'sweep', this.lists)
    for (const { key: name, range, amount } of history.vouchers) {
      const key = { name, range }
      const read = await sweeper.insist((store) => store.reg.read<Voucher>(key, 'strict'))
      const by = read?.value?.body.by
      const account = this.balances.find((one) => one.name === by?.account)
      if (read?.value?.body.state === 'used' && by && account)
        await creditVoucher(sweeper, key, account, by.opId, amount)
    }
    cluster.trace.add('vouchers are swept')
  }

  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#clients)
  }
}
