import type { KeyChange, RecordKey } from '@thor-node/core'
import type { Transfer } from '../history.ts'
import { Client, type Site } from './client.ts'

/** What lies in a pot: coins, and the operations that moved some in or out. */
export interface Pot {
  coins: number
  opIds: readonly string[]
}

export const POT_COINS = 50

/** One coin out of the first and into the second. */
export function transferOf(from: RecordKey, to: RecordKey, opId: string): KeyChange<number>[] {
  const change = (key: RecordKey, by: number): KeyChange<number> => ({
    key,
    fn: (current) => {
      const pot = (current?.body as Pot | undefined) ?? { coins: POT_COINS, opIds: [] }
      return { body: { coins: pot.coins + by, opIds: [...pot.opIds, opId] }, result: pot.coins + by }
    },
  })
  return [change(from, -1), change(to, 1)]
}

/** Moves coins between pots, both registers in one transaction; and looks at two pots, one after the other. */
export class Mover extends Client {
  readonly #pots: readonly RecordKey[]

  constructor(site: Site, name: string, pots: readonly RecordKey[]) {
    super(site, name)
    this.#pots = pots
  }

  async run(): Promise<void> {
    for (let count = 0; this.site.running(); count++) {
      const at = this.random.int(this.#pots.length)
      const step = 1 + this.random.int(this.#pots.length - 1)
      const [from, to] = [this.#pots[at], this.#pots[(at + step) % this.#pots.length]] as [RecordKey, RecordKey]
      if (this.random.int(4) === 0) await this.#look(from, to)
      else await this.#move(from, to, `${this.name}.${count}`)
      await this.pause(1.5 * this.site.paceMs)
    }
  }

  async #move(from: RecordKey, to: RecordKey, opId: string): Promise<void> {
    const transfer: Transfer = { opId, from: from.name, to: to.name, acknowledged: false }
    this.site.history.transfers.push(transfer)
    const issuedAt = this.site.cluster.clock.wall()
    const done = await this.insist((store) =>
      store.reg.transact<number>(opId, transferOf(from, to, opId), { issuedAt }),
    )
    if (done) transfer.acknowledged = true
    this.tell(`${opId} from ${from.name} to ${to.name} ${done ? 'moved' : 'perhaps'}`)
  }

  /** Who sees one side of a transfer sees the other one, if it looks later. */
  async #look(first: RecordKey, second: RecordKey): Promise<void> {
    const one = await this.ask((store) => store.reg.read<Pot>(first, 'strict'))
    if (!('value' in one)) return
    const other = await this.ask((store) => store.reg.read<Pot>(second, 'strict'))
    if (!('value' in other)) return
    this.site.history.looks.push({
      first: first.name,
      second: second.name,
      firstIds: one.value?.body.opIds ?? [],
      secondIds: other.value?.body.opIds ?? [],
    })
  }
}
