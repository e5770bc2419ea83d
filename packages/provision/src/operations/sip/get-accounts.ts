import { makeAor, splitAor } from '@thor-node/core'
import type { AccountRecord, DomainRecord } from '../../accounts/contract.ts'
import { type OperationContext, operation } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { BestRows } from '../queries.ts'
import { ownedDomains } from '../scope.ts'
import { toWire } from './accounts.ts'

interface Owned {
  record: AccountRecord
  owner: DomainRecord
}

export const getAccounts = operation({
  port: 'Sip',
  name: 'getAccounts',
  doc: 'Lists accounts. An answer has at most 1,000 rows; total says how many there are.',
  rest: 'GET /sip/accounts',
  input: { query: 'SipQuery' },
  output: 'SipAccountResult',
  async run(context, args) {
    const domains = await ownedDomains(context)
    const best = new BestRows<Owned>(args.query, { attribute: 'changeDate', direction: 'DESC' })
    const records = await candidates(context, args.query?.filter)
    const rest = context.slices.begin()
    for (const record of records) {
      const { user: username, domain } = splitAor(record.aor) ?? { user: record.aor, domain: '' }
      const domainOf = domains.get(domain)
      if (!domainOf) continue
      const { firstName, lastName, email, groups, owner, changedAt } = record
      const { customer, reseller } = domainOf
      best.add({
        fields: {
          ...{ username, domain, firstName, lastName, email, customer, reseller, groups },
          ...{ owner, changeDate: changedAt },
        },
        value: { record, owner: domainOf },
      })
      const pause = rest()
      if (pause) await pause
    }
    const { values, total } = best.result()
    const accounts: Value<'SipAccount'>[] = []
    for (const { record, owner } of values) {
      accounts.push(toWire(record, owner))
      const pause = rest()
      if (pause) await pause
    }
    return { accounts, total }
  },
})

/** A whole address without wildcards needs no walk through all accounts of the ring. */
async function candidates(context: OperationContext, filter: Value<'SipFilter'> | undefined): Promise<AccountRecord[]> {
  const { username = '', domain = '' } = filter ?? {}
  if (username === '' || domain === '' || /[%_\\A-Z]/.test(username) || /[%_\\]/.test(domain)) {
    return context.directory.accounts()
  }
  const found = await context.directory.findAccount(makeAor(username, domain))
  // Filters ignore case, addresses do not: what was not found may be there in another spelling.
  return found ? [found.body] : context.directory.accounts()
}
