import {
  accountingLimits,
  archiveLedger,
  type Balance,
  balanceKey,
  type Credited,
  issueVoucher,
  type LedgerLine,
  ledgerKey,
  type Refused,
  redeemVoucher,
  topup,
  type Voucher,
  voucherKey,
  withdraw,
} from '@thor-node/accounting'
import {
  type Aor,
  errorCode,
  errorMessage,
  type Logger,
  type Random,
  type RecordStore,
  randomHex,
} from '@thor-node/core'
import { failure, invalid } from '../errors.ts'
import { limits } from '../limits.ts'

/** Amounts are integers in 1/10,000. */
const UNIT = 10_000
const TRIES = 3

export interface BalanceChange {
  before: number
  after: number
}

/** Money of accounts as operators see it: what goes in and out of `bal/<aor>`, vouchers, and the ledger read back. */
export class Balances {
  readonly #store: RecordStore
  readonly #random: Random
  readonly #logger: Logger

  constructor(components: { store: RecordStore; random: Random; logger: Logger }) {
    this.#store = components.store
    this.#random = components.random
    this.#logger = components.logger.forComponent('provision:money')
  }

  static amountOf(value: number, field: string): number {
    const amount = Math.round(value * UNIT)
    if (!Number.isSafeInteger(amount)) throw invalid(field, 'is not an amount of money')
    return amount
  }

  static valueOf = (amount: number): number => amount / UNIT

  /** Adds money, or takes it back when the amount is negative. In 1/10,000. */
  async add(aor: Aor, amount: number, text: string): Promise<BalanceChange> {
    const step = amount < 0 ? withdraw : topup
    const change = await this.#surely((opId) =>
      this.#store.reg.change<Balance, Credited | Refused>(balanceKey(aor), opId, (current, now) =>
        step(current?.body, { opId, amount: Math.abs(amount), text }, now),
      ),
    )
    return this.#changed(aor, change, amount)
  }

  /** Uses a prepaid card for an account. */
  async redeem(aor: Aor, card: string): Promise<BalanceChange> {
    const voucher = (await this.#store.reg.read<Voucher>(voucherKey(card), 'strict'))?.body
    if (!voucher) throw failure('PROVISION_VOUCHER_UNKNOWN', 'there is no such prepaid card')
    const result = await this.#surely((opId) => redeemVoucher(this.#store.reg, { voucher: card, account: aor, opId }))
    if (result.type === 'refused') {
      const why: Record<string, string> = { used: 'it was used before', expired: 'it is expired' }
      throw failure('PROVISION_VOUCHER_USED', `the prepaid card cannot be used: ${why[result.reason] ?? result.reason}`)
    }
    return this.#changed(aor, result, voucher.amount)
  }

  /** Makes a prepaid card. Throws PROVISION_VOUCHER_EXISTS. */
  async issue(card: string, amount: number, expiresAt?: number): Promise<void> {
    const request = { amount, ...(expiresAt !== undefined && { expiresAt }) }
    const issued = await this.#surely((opId) =>
      this.#store.reg.change<Voucher, boolean>(voucherKey(card), opId, (current) =>
        issueVoucher(current?.body, request),
      ),
    )
    if (!issued) throw failure('PROVISION_VOUCHER_EXISTS', 'there is a prepaid card of this number already')
  }

  async of(aor: Aor): Promise<Balance | undefined> {
    return (await this.#store.reg.read<Balance>(balanceKey(aor), 'strict'))?.body
  }

  /** Lines of the ledger since the account was made, the latest first, at most `count`. */
  async history(aor: Aor, count: number): Promise<LedgerLine[]> {
    const balance = await this.of(aor)
    if (!balance) return []
    const lines = balance.tail.toReversed()
    let block = (balance.lines - balance.tail.length) / accountingLimits.blockLines
    while (block-- > 0 && lines.length < count && !lines.some(isEnd)) {
      const older = await this.#store.set.get<LedgerLine[]>(ledgerKey(aor, block))
      if (!older) break
      lines.push(...older.toReversed())
    }
    const end = lines.findIndex(isEnd)
    return lines.slice(0, end < 0 ? count : Math.min(end, count))
  }

  #changed(aor: Aor, result: Credited | Refused, amount: number): BalanceChange {
    if (result.type === 'refused') {
      const why = result.reason === 'credit' ? 'there is not as much available' : 'too many changes at once, try later'
      throw failure('PROVISION_BALANCE', `the balance of ${aor} cannot be changed so: ${why}`)
    }
    // Old lines go out of the register by the way; the next change does it when this one fails.
    archiveLedger(this.#store, aor).catch((error: unknown) => {
      this.#logger.warn('old lines of a ledger could not be put away', { aor, error: errorMessage(error) })
    })
    return { before: result.bal - amount, after: result.bal }
  }

  /** What has an unknown outcome is repeated under the same operation id: money moves once. */
  async #surely<R>(run: (opId: string) => Promise<R>): Promise<R> {
    const opId = randomHex(this.#random, 16)
    for (let attempt = 1; ; attempt++) {
      try {
        return await run(opId)
      } catch (error) {
        if (errorCode(error) !== 'STORE_UNKNOWN' || attempt === TRIES) throw error
      }
    }
  }
}

/** Before it another account had the address. */
const isEnd = ({ kind }: LedgerLine): boolean => kind === 'closed'

/** Card numbers are keys: digits and letters. */
export function cardNumber(value: string, field: string): string {
  const card = value.replace(/[\s-]/g, '')
  if (!/^[A-Za-z0-9]{4,40}$/.test(card)) throw invalid(field, 'is not 4 to 40 letters and digits')
  return card
}

export const historyCount = (asked: number | undefined): number =>
  Math.min(asked !== undefined && asked > 0 ? asked : 50, limits.callsMax)
