import { available, type Balance, checkBalance, type Voucher } from '@thor-node/accounting'
import type { IssuedVoucher, PaidCall } from '../history.ts'
import { type Forwarded, GRACE_MS } from '../relays.ts'

/** A pause of the process or a late timer may add so much to what a relay forwards. */
const TIMER_MS = 600

/** I6: of every value that any node accepts. */
export function checkMoney(name: string, balance: Balance): string[] {
  try {
    checkBalance(balance)
  } catch (error) {
    return [`I6 ${name}: ${error instanceof Error ? error.message : error}`]
  }
  return available(balance) < 0 ? [`I6 ${name}: ${available(balance)} is available`] : []
}

/** I6 and I7 in the end: the ledger is what calls and vouchers made of it, and nobody talked without money. */
export function checkCalls(
  balances: ReadonlyMap<string, Balance>,
  calls: readonly PaidCall[],
  forwarded: readonly Forwarded[],
): string[] {
  const wrong: string[] = []
  const billed = new Map<string, number>()
  for (const [name, { tail, lines }] of balances) {
    if (lines !== tail.length) wrong.push(`${name}: the ledger is longer than this judge can see`)
    for (const line of tail) if (line.kind === 'call') billed.set(line.ref, (billed.get(line.ref) ?? 0) - line.amount)
  }
  const granted = new Map(calls.map((call) => [call.resId, call.grantedMs]))
  for (const { resId, ended, key } of calls) {
    const taken = billed.get(resId) ?? 0
    if (ended !== undefined && taken !== ended)
      wrong.push(`I6 ${key}: call ${resId} ended with ${ended}, the ledger took ${taken}`)
  }
  const talked = Map.groupBy(forwarded, (one) => one.id)
  for (const [id, spans] of talked) {
    const from = Math.min(...spans.map((one) => one.fromMs))
    const to = Math.max(...spans.map((one) => one.toMs))
    const still = spans.reduce((sum, one) => sum + one.stillMs, 0)
    const allowed = (granted.get(id) ?? 0) + GRACE_MS + TIMER_MS + still
    if (to - from > allowed) {
      wrong.push(`I7 call ${id}: ${(to - from).toFixed(0)} ms were forwarded, ${allowed.toFixed(0)} allowed`)
    }
  }
  return wrong
}

/** I8: used at most once, and credited exactly once in the end. */
export function checkVouchers(
  issued: readonly IssuedVoucher[],
  vouchers: ReadonlyMap<string, Voucher>,
  balances: ReadonlyMap<string, Balance>,
): string[] {
  const wrong: string[] = []
  const credits = [...balances.values()].flatMap(({ tail }) =>
    tail.filter((line) => line.kind === 'topup' && line.about),
  )
  for (const { key, amount } of issued) {
    const voucher = vouchers.get(key)
    if (!voucher) {
      wrong.push(`I8 ${key}: an issued voucher is lost`)
      continue
    }
    const mine = credits.filter((line) => line.about === key)
    const wanted = voucher.by ? 1 : 0
    if (mine.length !== wanted) wrong.push(`I8 ${key}: credited ${mine.length} times instead of ${wanted}`)
    if (mine.some((line) => line.amount !== amount || line.ref !== voucher.by?.opId)) {
      wrong.push(`I8 ${key}: credited to somebody who did not use it`)
    }
  }
  return wrong
}
