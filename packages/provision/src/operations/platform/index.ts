import { invalid } from '../../errors.ts'
import { Balances, cardNumber } from '../../money/balances.ts'
import { type Operation, operation, required } from '../../schema/operation.ts'
import { dialPlans } from './dial-plans.ts'
import { emergencyOperations } from './emergency.ts'
import { subscribers } from './subscribers.ts'
import { traceOperations } from './traces.ts'

/** What NGNPro left to its customers, or did by hand: whole subscribers in one call, prepaid cards, dial plans. */
export const platformPort: readonly Operation[] = [
  ...subscribers,
  ...dialPlans,
  ...traceOperations,
  ...emergencyOperations,
  operation({
    port: 'Platform',
    name: 'addVoucher',
    doc: 'Makes a prepaid card. Its number is a secret: who knows it has the money.',
    who: 'admin',
    rest: 'POST /vouchers',
    input: { card: 'PrepaidCard', value: 'float', expires: 'int' },
    faults: ['PROVISION_VOUCHER_EXISTS'],
    async run(context, args) {
      const card = cardNumber(required(required(args.card, 'card').number, 'card.number'), 'card.number')
      const amount = Balances.amountOf(required(args.value, 'value'), 'value')
      if (amount <= 0) throw invalid('value', 'is not more than zero')
      // Unix time; 0 is never.
      const expiresAt = args.expires ? args.expires * 1_000 : undefined
      await context.balances.issue(card, amount, expiresAt)
    },
  }),
]
