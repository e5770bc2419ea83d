import { type Balance, creditedVoucher, issueVoucher, topup, useVoucher, type Voucher } from '@thor-node/accounting'
import type { RecordKey } from '@thor-node/core'
import { Client, type Site } from './client.ts'

const AMOUNT = 700

/** Issues vouchers and has two accounts try to use each; whoever wins is credited. */
export class Topper extends Client {
  readonly #keys: readonly RecordKey[]

  constructor(site: Site, name: string, keys: readonly RecordKey[]) {
    super(site, name)
    this.#keys = keys
  }

  async run(): Promise<void> {
    for (let count = 0; this.site.running(); count++) {
      const key = this.site.cluster.key(`voucher/${this.name}.${count}`)
      const issued = await this.insist((store) =>
        store.reg.change<Voucher, boolean>(key, 'issue', (current) => issueVoucher(current?.body, { amount: AMOUNT })),
      )
      if (issued) {
        this.site.history.vouchers.push({ key: key.name, range: key.range, amount: AMOUNT })
        const at = this.random.int(this.#keys.length)
        const rivals = [this.#keys[at], this.#keys[(at + 1) % this.#keys.length]] as RecordKey[]
        await Promise.all(rivals.map((account) => this.#use(key, account)))
      }
      await this.pause(2 * this.site.paceMs)
    }
  }

  async #use(voucher: RecordKey, account: RecordKey): Promise<void> {
    const opId = `${voucher.name.slice(8)}.${account.name.slice(4)}`
    const at = this.site.cluster.clock.wall()
    const used = await this.insist((store) =>
      store.reg.change<Voucher, ReturnType<typeof useVoucher> extends { result: infer R } ? R : never>(
        voucher,
        opId,
        (current) => useVoucher(current?.body, { account: account.name, opId }, at),
      ),
    )
    if (used?.value.type === 'refused' && used.value.reason === 'unknown') {
      this.site.history.broken.push(`I5 ${voucher.name} was issued, and then unknown to its user`)
    }
    if (used?.value.type !== 'used' || this.random.int(5) === 0) return
    await creditVoucher(this, voucher, account, opId, AMOUNT)
  }
}

/** The second half, which may be repeated by anybody. */
export async function creditVoucher(
  client: Pick<Client, 'insist' | 'tell' | 'site'>,
  voucher: RecordKey,
  account: RecordKey,
  opId: string,
  amount: number,
): Promise<void> {
  const at = client.site.cluster.clock.wall()
  const credited = await client.insist((store) =>
    store.reg.change<Balance, unknown>(account, opId, (current) =>
      topup(current?.body, { opId, amount, about: voucher.name.slice(0, 40) }, at),
    ),
  )
  if (!credited) return
  client.tell(`${voucher.name} credited to ${account.name}`)
  await client.insist((store) =>
    store.reg.change<Voucher, unknown>(voucher, `${opId}/credited`, (current) =>
      creditedVoucher(current?.body, { opId }),
    ),
  )
}
