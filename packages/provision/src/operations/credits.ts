import { splitAor } from '@thor-node/core'
import { failure } from '../errors.ts'
import { Customers } from '../records/customers.ts'
import type { OperationContext } from '../schema/operation.ts'
import type { Owned } from './scope.ts'

/** Properties of customers by which operators say how many records of a kind they may add. */
export type CreditName =
  | 'sip_credit'
  | 'sip_alias_credit'
  | 'enum_range_credit'
  | 'enum_number_credit'
  | 'dns_zone_credit'
  | 'email_credit'

/**
 * Throws PROVISION_CREDIT_EXHAUSTED when a customer has as many records of a kind as it may. Administrators with all rights are
 * not bound. Counts near copies, and not for each, so several that are added at several nodes in the same second may go beyond it.
 */
export async function assertCredit(
  context: OperationContext,
  customer: number,
  name: CreditName,
  adding = 1,
): Promise<void> {
  if (context.caller.impersonate === 0 || customer === 0) return
  const record = (await context.records.customers.table.find(`${customer}`, 'near'))?.body
  const allowed = Number(Customers.property(record, name) || Number.NaN)
  if (!Number.isFinite(allowed)) return
  const count = (): Promise<number> => counts[name](context, (owned) => owned?.customer === customer)
  const has = await context.creditCounts.before(`${name} ${customer}`, allowed, count, adding)
  if (has + adding > allowed) {
    throw failure('PROVISION_CREDIT_EXHAUSTED', `customer ${customer} has ${has} of ${allowed} that ${name} allows`)
  }
}

type Count = (context: OperationContext, mine: (owned: Owned | undefined) => boolean) => Promise<number>

const counts: Record<CreditName, Count> = {
  sip_credit: async (context, mine) => countAddresses(context, mine, await context.directory.accounts()),
  sip_alias_credit: async (context, mine) => countAddresses(context, mine, await context.directory.aliases()),
  enum_range_credit: async ({ records }, mine) => (await records.numbers.ranges()).filter(mine).length,
  enum_number_credit: async ({ records }, mine) => {
    const used = (await records.numbers.ranges()).filter(mine).map((range) => records.numbers.used(range))
    return (await Promise.all(used)).reduce((sum, count) => sum + count, 0)
  },
  dns_zone_credit: async ({ records }, mine) => (await records.zones.zones()).filter(mine).length,
  email_credit: async ({ records }, mine) => {
    const all = await records.zones.fancyRecords({ type: 'MBOXFW' })
    return all.filter(mine).length
  },
}

async function countAddresses(
  { directory }: OperationContext,
  mine: (owned: Owned | undefined) => boolean,
  records: readonly { aor: string }[],
): Promise<number> {
  const own = new Set((await directory.domains()).filter(mine).map(({ domain }) => domain))
  return records.filter(({ aor }) => own.has(splitAor(aor)?.domain ?? '')).length
}
