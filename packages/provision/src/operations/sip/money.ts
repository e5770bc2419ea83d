import { heldOf, type LedgerLine } from '@thor-node/accounting'
import { invalid } from '../../errors.ts'
import { limits } from '../../limits.ts'
import { Balances, cardNumber, historyCount } from '../../money/balances.ts'
import { operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { dateText, ownedAccount, sipId } from '../scope.ts'
import { ownAccount } from './preferences.ts'

export const addBalance = operation({
  port: 'Sip',
  name: 'addBalance',
  doc: 'Adds money to the balance of an account, or takes it back when the value is negative.',
  rest: 'POST /sip/accounts/{sipId}/balance',
  input: { sipId: 'SipId', value: 'float', description: 'string' },
  output: 'BalanceChange',
  faults: ['PROVISION_ACCOUNT_UNKNOWN', 'PROVISION_BALANCE'],
  async run(context, args) {
    const amount = Balances.amountOf(required(args.value, 'value'), 'value')
    if (amount === 0) throw invalid('value', 'is zero')
    const aor = await ownAccount(context, args.sipId)
    const { before, after } = await context.balances.add(aor, amount, args.description ?? '')
    return { old_balance: Balances.valueOf(before), new_balance: Balances.valueOf(after) }
  },
})

export const addBalanceFromVoucher = operation({
  port: 'Sip',
  name: 'addBalanceFromVoucher',
  doc: 'Adds the value of a prepaid card to the balance of an account. A card can be used once.',
  who: 'user',
  rest: 'POST /sip/accounts/{sipId}/balance/voucher',
  input: { sipId: 'SipId', card: 'PrepaidCard' },
  output: 'BalanceChange',
  faults: ['PROVISION_ACCOUNT_UNKNOWN', 'PROVISION_VOUCHER_UNKNOWN', 'PROVISION_VOUCHER_USED'],
  async run(context, args) {
    const card = cardNumber(required(required(args.card, 'card').number, 'card.number'), 'card.number')
    const aor = await ownAccount(context, args.sipId)
    context.logins.assertMayTry(`card ${aor}`, context.request.from)
    try {
      const { before, after } = await context.balances.redeem(aor, card)
      return { old_balance: Balances.valueOf(before), new_balance: Balances.valueOf(after) }
    } catch (error) {
      // Numbers of cards are secrets: who tries many is stopped as who tries passwords.
      context.logins.failed(`card ${aor}`, context.request.from)
      throw error
    }
  },
})

/** Of several accounts, in the order of the request. Portals of 2007 ask for one, by another name of the argument. */
export const getPrepaidStatus = operation({
  port: 'Sip',
  name: 'getPrepaidStatus',
  doc: 'Tells the balances of accounts, in the order of the request.',
  who: 'user',
  rest: 'GET /sip/prepaid',
  aliases: ['getPrepaidStatusNew'],
  input: { sipIds: 'SipIdArray' },
  retiredInput: { sipId: 'SipId' },
  output: 'PrepaidAccountArray',
  faults: ['PROVISION_ACCOUNT_UNKNOWN'],
  async run(context, args) {
    const ids = args.sipIds ?? (args.sipId ? [args.sipId] : undefined)
    if (required(ids, 'sipIds').length > limits.locationsMax) {
      throw invalid('sipIds', `has more than ${limits.locationsMax} entries`)
    }
    return Promise.all(
      required(ids, 'sipIds').map(async (id, index) => {
        const { aor } = await ownedAccount(context, id, `sipIds[${index}]`)
        const balance = await context.balances.of(aor)
        const holds = Object.keys(balance?.holds ?? {}).length
        const value = balance ? balance.bal - heldOf(balance) : 0
        return { account: sipId(aor), balance: Balances.valueOf(value), callsInProgress: holds }
      }),
    )
  },
})

export const getCreditHistory = operation({
  port: 'Sip',
  name: 'getCreditHistory',
  doc: 'Tells what changed the balance of an account, the latest first; 50 lines when count is absent.',
  who: 'user',
  rest: 'GET /sip/accounts/{sipId}/credit-history',
  input: { sipId: 'SipId', count: 'int' },
  output: 'CreditHistoryResult',
  faults: ['PROVISION_ACCOUNT_UNKNOWN'],
  async run(context, args) {
    const { aor } = await ownedAccount(context, args.sipId, 'sipId')
    const lines = await context.balances.history(aor, historyCount(args.count))
    return { entries: lines.map(toWire) }
  },
})

const actions: Record<LedgerLine['kind'], string> = {
  call: 'Debit balance',
  topup: 'Set balance',
  refund: 'Refund',
  withdrawal: 'Debit balance',
  closed: 'Account deleted',
}

function toWire({ at, kind, amount, bal, about, text }: LedgerLine): Value<'CreditHistoryEntry'> {
  const fallback = kind === 'call' ? `Session ${about ?? ''}` : about ? `Prepaid card ${about}` : ''
  return {
    date: dateText(at),
    action: actions[kind],
    description: text ?? fallback,
    value: Balances.valueOf(amount),
    balance: Balances.valueOf(bal),
  }
}
