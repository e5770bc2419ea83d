import { makeAor } from '@thor-node/core'
import type { AccountRecord, DomainRecord } from '../../accounts/contract.ts'
import { accountView } from '../../accounts/view.ts'
import { type OperationContext, operation } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { type Row, runQuery } from '../queries.ts'
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
    const rows: Row<Owned>[] = []
    for (const record of await candidates(context, args.query?.filter)) {
      const domain = record.aor.slice(record.aor.lastIndexOf('@') + 1)
      const owner = domains.get(domain)
      if (!owner) continue
      const { username, firstName, lastName, email, customer, reseller, groups, changedAt } = accountView(record, owner)
      rows.push({
        fields: {
          ...{ username, domain, firstName, lastName, email, customer, reseller, groups },
          owner: record.owner,
          changeDate: changedAt,
        },
        value: { record, owner },
      })
    }
    const { values, total } = runQuery(rows, args.query, { attribute: 'changeDate', direction: 'DESC' })
    return { accounts: values.map(({ record, owner }) => toWire(record, owner)), total }
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
