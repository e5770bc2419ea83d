import { type Balance, topup } from '@thor-node/accounting'
import { type Aor, type Decision, splitAor, type Versioned } from '@thor-node/core'
import { addingNumber, numbersChange, type StoredNumber } from '@thor-node/dns'
import type { AliasRecord } from '../../accounts/contract.ts'
import { AUTOINCREMENT } from '../../accounts/input.ts'
import type { RegisterChange } from '../../accounts/registers.ts'
import { address, domainName, user } from '../../accounts/validate.ts'
import { failure, invalid } from '../../errors.ts'
import { limits } from '../../limits.ts'
import { Balances } from '../../money/balances.ts'
import { noPreferences } from '../../records/preferences.ts'
import { checkMembers } from '../../records/rules.ts'
import { type VoicemailRow, voicemailRules } from '../../records/voicemail.ts'
import { type Operation, type OperationContext, operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { assertCredit, type CreditName } from '../credits.ts'
import { newNumber } from '../enum/numbers.ts'
import { assertMayAdd, ownedAddress, ownedDomain, sipId } from '../scope.ts'
import { toInput, toWire } from '../sip/accounts.ts'
import { diversionsOf } from '../sip/preferences.ts'

/** Everything of a new subscriber but the account itself, checked. */
interface Company {
  aliases: Aor[]
  numbers: StoredNumber[]
  mailbox: VoicemailRow | undefined
  diversions: ReturnType<typeof diversionsOf>
  balance: number
}

/** What a request adds, by kind and customer: several are to fit together. */
class Credits {
  readonly #counts = new Map<string, { name: CreditName; customer: number; count: number }>()

  add(name: CreditName, customer: number): void {
    const key = `${name} ${customer}`
    const { count } = this.#counts.get(key) ?? { count: 0 }
    this.#counts.set(key, { name, customer, count: count + 1 })
  }

  /** Throws PROVISION_CREDIT_EXHAUSTED. */
  async assert(context: OperationContext): Promise<void> {
    for (const { name, customer, count } of this.#counts.values()) await assertCredit(context, customer, name, count)
  }
}

async function companyOf(context: OperationContext, wire: Value<'Subscriber'>): Promise<Company> {
  const { aliases = [], numbers = [], voicemail, diversions, balance = 0 } = wire
  if (aliases.length + numbers.length > limits.aliasesAtOnce) {
    throw invalid('aliases', `and numbers are more than ${limits.aliasesAtOnce} together; add the others afterwards`)
  }
  const adds = new Credits()
  const aors: Aor[] = []
  for (const [index, id] of aliases.entries()) {
    const aor = address(id, `aliases[${index}]`)
    const owner = await ownedDomain(context, splitAor(aor)?.domain ?? '')
    if (!owner) throw failure('PROVISION_DOMAIN_UNKNOWN', `the SIP domain of ${aor} does not exist`)
    if (aors.includes(aor)) continue
    aors.push(aor)
    adds.add('sip_alias_credit', owner.customer)
  }
  const rows: StoredNumber[] = []
  // What it maps to follows, when the address of the account is known.
  for (const id of numbers) {
    const { number, customer } = await newNumber(context, { id })
    rows.push(number)
    adds.add('enum_number_credit', customer)
  }
  await adds.assert(context)
  if (balance < 0) throw invalid('balance', 'is below zero')
  const { mailboxes } = context.records
  return {
    aliases: aors,
    numbers: rows,
    mailbox:
      voicemail && (await mailboxes.newRow(checkMembers('VoicemailAccount', voicemail, voicemailRules, 'voicemail'))),
    diversions: diversionsOf(diversions),
    balance: Balances.amountOf(balance, 'balance'),
  }
}

/** The parts of the transaction that go with an account of this address. */
function partsOf(context: OperationContext, company: Company, aor: Aor, owner: number, opId: string): RegisterChange[] {
  const { records } = context
  const changedAt = context.clock.wall()
  const parts = company.aliases.map((alias) =>
    addingAlias({ kind: 'alias', aor: alias, target: aor, owner, changedAt }),
  )
  const mappings = [{ id: 1, type: 'sip', mapto: `sip:${aor}`, priority: 5, ttl: 3_600 }]
  const numbers = company.numbers.map((number) => ({ ...number, owner, mappings }))
  parts.push(
    ...numbersChange(
      numbers.map((number) => ({ id: number, fn: addingNumber(number) })),
      changedAt,
    ),
  )
  if (company.mailbox) parts.push(records.mailboxes.table.adding(aor, company.mailbox))
  const { diversions } = company
  if (Object.keys(diversions).length > 0) {
    parts.push({
      kind: 'prefs',
      name: aor,
      fn: () => ({ body: { ...noPreferences, diversions, changedAt }, result: null }),
    })
  }
  if (company.balance > 0) parts.push(addingMoney(aor, company.balance, opId))
  return parts
}

const addingAlias = (record: AliasRecord): RegisterChange => ({
  kind: 'acct',
  name: record.aor,
  fn(current) {
    if (current) throw failure('PROVISION_ALIAS_EXISTS', `${record.aor} is an alias or an account already`)
    return { body: record, result: null }
  },
})

const addingMoney = (aor: Aor, amount: number, opId: string): RegisterChange => ({
  kind: 'bal',
  name: aor,
  fn(current: Versioned<unknown> | undefined, now: number): Decision<unknown, null> {
    const decision = topup(current?.body as Balance | undefined, { opId, amount, text: 'first balance' }, now)
    if (decision.result.type === 'refused')
      throw failure('PROVISION_BALANCE', `the balance of ${aor} cannot be changed`)
    return 'keep' in decision ? { keep: true, result: null } : { body: decision.body, result: null }
  },
})

export const subscribers: readonly Operation[] = [
  operation({
    port: 'Platform',
    name: 'addSubscriber',
    doc: 'Adds an account with aliases, mailbox, ENUM numbers, groups, diversions and balance: all of it or nothing.',
    rest: 'POST /subscribers',
    input: { subscriber: 'Subscriber' },
    output: 'Subscriber',
    faults: [
      'PROVISION_ACCOUNT_EXISTS',
      'PROVISION_ALIAS_EXISTS',
      'PROVISION_NUMBER_EXISTS',
      'PROVISION_VOICEMAIL_EXISTS',
      'PROVISION_DOMAIN_UNKNOWN',
      'PROVISION_RANGE_UNKNOWN',
      'PROVISION_CREDIT_EXHAUSTED',
    ],
    async run(context, args) {
      const wire = required(args.subscriber, 'subscriber')
      const account = required(wire.account, 'account')
      const { username: asked, domain: name } = required(account.id, 'account.id')
      const username = asked === AUTOINCREMENT ? AUTOINCREMENT : user(asked, 'account.id.username')
      const domain = domainName(name, 'account.id.domain')
      const owner = await ownedDomain(context, domain)
      if (!owner) throw failure('PROVISION_DOMAIN_UNKNOWN', `SIP domain ${domain} does not exist`)
      assertMayAdd(context)
      await assertCredit(context, owner.customer, 'sip_credit')
      const company = await companyOf(context, wire)
      const opId = context.records.freshId()
      const record = await context.directory.addAccount(toInput(account, { username, domain }), {
        aliases: company.aliases,
        numbers: company.numbers.map(({ number, tld }) => `${number}/${tld}`),
        parts: (aor) => partsOf(context, company, aor, account.owner ?? 0, opId),
      })
      return read(context, record.aor)
    },
  }),
  operation({
    port: 'Platform',
    name: 'getSubscriber',
    doc: 'Reads an account with its aliases, mailbox, diversions, balance, and the ENUM numbers that were made with it.',
    rest: 'GET /subscribers/{sipId}',
    input: { sipId: 'SipId' },
    output: 'Subscriber',
    faults: ['PROVISION_ACCOUNT_UNKNOWN'],
    async run(context, args) {
      const { aor } = await ownedAddress(context, args.sipId, 'sipId')
      return read(context, aor)
    },
  }),
  operation({
    port: 'Platform',
    name: 'deleteSubscriber',
    doc: 'Deletes an account with all that addSubscriber makes, and all that was kept for it: all of it or nothing.',
    rest: 'DELETE /subscribers/{sipId}',
    guarded: true,
    input: { sipId: 'SipId' },
    faults: ['PROVISION_ACCOUNT_UNKNOWN'],
    async run(context, args) {
      const { aor } = await ownedAddress(context, args.sipId, 'sipId')
      await context.directory.deleteAccount(aor, { etag: context.request.etag, withNumbers: true })
    },
  }),
]

async function read(context: OperationContext, aor: Aor): Promise<Value<'Subscriber'>> {
  const { body: record, etag } = await context.directory.getAccount(aor)
  const [domain, mailbox, preferences, balance] = await Promise.all([
    context.directory.findDomain(splitAor(aor)?.domain ?? ''),
    context.records.mailboxes.table.find(aor),
    context.records.accounts.preferencesOf(aor),
    context.balances.of(aor),
  ])
  context.request.seen = etag
  return {
    account: toWire(record, domain?.body),
    aliases: record.aliases.map(sipId),
    ...(mailbox && { voicemail: voicemailView(mailbox.body) }),
    numbers: (record.numbers ?? []).map((key) => {
      const [number = '', tld = ''] = key.split('/')
      return { number, tld }
    }),
    diversions: preferences.diversions,
    balance: Balances.valueOf(balance?.bal ?? 0),
  }
}

const voicemailView = ({ name, email, info, deleteMailed }: VoicemailRow): Value<'SubscriberVoicemail'> => ({
  name,
  email,
  info,
  options: { delete: deleteMailed },
})
