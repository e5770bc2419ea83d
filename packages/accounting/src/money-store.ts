/** What takes more than one register: a voucher into a balance, the ledger from the register to SET. */
import type { Aor, RecordStore, RegStore } from '@thor-node/core'
import { type Balance, balanceKey, ledgerKey, type Refused } from './balance.ts'
import { archived, type Credited, dueBlock, topup } from './balance-credit.ts'
import { creditedVoucher, useVoucher, type Voucher, type VoucherRefused, voucherKey } from './voucher.ts'

class Refusal extends Error {
  readonly result: VoucherRefused | Refused
  constructor(result: VoucherRefused | Refused) {
    super('refused')
    this.result = result
  }
}

/**
 * Uses a voucher for an account: both registers change or none. Repeat it with the same `opId` (and `issuedAt`) when the outcome
 * is unknown. Throws what the store throws.
 */
export async function redeemVoucher(
  reg: RegStore,
  request: { voucher: string; account: Aor; opId: string; issuedAt?: number },
): Promise<Credited | VoucherRefused | Refused> {
  const { account, opId, issuedAt } = request
  const key = voucherKey(request.voucher)
  const seen = await reg.read<Voucher>(key, 'strict')
  if (!seen) return { type: 'refused', reason: 'unknown' }
  // What a voucher is worth never changes.
  const { amount } = seen.body
  const use = (current: { body: unknown } | undefined, now: number) => {
    const decision = useVoucher(current?.body as Voucher | undefined, { account, opId }, now)
    if (decision.result.type === 'refused') throw new Refusal(decision.result)
    const used = 'keep' in decision ? (current?.body as Voucher) : decision.body
    return { ...creditedVoucher(used, { opId }), result: undefined }
  }
  const credit = (current: { body: unknown } | undefined, now: number) => {
    const about = request.voucher
    const decision = topup(current?.body as Balance | undefined, { opId, amount, about }, now)
    if (decision.result.type === 'refused') throw new Refusal(decision.result)
    return { ...decision, result: decision.result }
  }
  try {
    const changes = [
      { key, fn: use },
      { key: balanceKey(account), fn: credit },
    ]
    const [, credited] = await reg.transact<Credited | undefined>(opId, changes, issuedAt ? { issuedAt } : {})
    return credited as Credited
  } catch (error) {
    if (error instanceof Refusal) return error.result
    throw error
  }
}

/**
 * Writes the blocks that are due to SET and cuts them off the balance; returns how many. To be called by the home of the account
 * after steps that add lines; a crash in between repeats the same block.
 */
export async function archiveLedger({ reg, set }: Pick<RecordStore, 'reg' | 'set'>, account: Aor): Promise<number> {
  for (let count = 0; ; count++) {
    const due = dueBlock((await reg.read<Balance>(balanceKey(account), 'strict'))?.body)
    if (!due) return count
    await set.put(ledgerKey(account, due.block), due.lines)
    const cut = (current: { body: Balance } | undefined, now: number) => archived(current?.body, due, now)
    await reg.change(balanceKey(account), `archive ${due.block}`, cut)
  }
}
