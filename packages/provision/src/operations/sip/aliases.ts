import type { AliasRecord, DomainRecord } from '../../accounts/contract.ts'
import { aliasView } from '../../accounts/view.ts'
import { operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { assertCredit } from '../credits.ts'
import { BestRows } from '../queries.ts'
import { assertMayAdd, dateText, ownedAddress, ownedDomains, sipId } from '../scope.ts'

function toWire(record: AliasRecord, owned: DomainRecord | undefined): Value<'SipAlias'> {
  const { aor, target, owner, customer, reseller, changedAt } = aliasView(record, owned)
  return { id: sipId(aor), target: sipId(target), owner, customer, reseller, changeDate: dateText(changedAt) }
}

export const addAlias = operation({
  port: 'Sip',
  name: 'addAlias',
  doc: 'Adds an alias: another address of an account.',
  rest: 'POST /sip/aliases',
  input: { alias: 'SipAlias' },
  output: 'SipAlias',
  faults: ['PROVISION_ALIAS_EXISTS', 'PROVISION_ACCOUNT_UNKNOWN', 'PROVISION_DOMAIN_UNKNOWN'],
  async run(context, args) {
    const wire = required(args.alias, 'alias')
    const { aor, owner } = await ownedAddress(context, wire.id, 'id')
    const target = await ownedAddress(context, wire.target, 'target')
    if (owner) {
      assertMayAdd(context)
      await assertCredit(context, owner.customer, 'sip_alias_credit')
    }
    return toWire(await context.directory.addAlias({ aor, target: target.aor, owner: wire.owner }), owner)
  },
})

export const updateAlias = operation({
  port: 'Sip',
  name: 'updateAlias',
  doc: 'Moves an alias to another account, or gives it to another owner.',
  rest: 'PATCH /sip/aliases/{alias.id}',
  guarded: true,
  input: { alias: 'SipAlias' },
  faults: ['PROVISION_ALIAS_UNKNOWN', 'PROVISION_ACCOUNT_UNKNOWN'],
  async run(context, args) {
    const wire = required(args.alias, 'alias')
    const { aor } = await ownedAddress(context, wire.id, 'id')
    const target = wire.target
      ? (await ownedAddress(context, wire.target, 'target')).aor
      : (await context.directory.getAlias(aor)).body.target
    await context.directory.updateAlias({ aor, target, owner: wire.owner }, { etag: context.request.etag })
  },
})

export const deleteAlias = operation({
  port: 'Sip',
  name: 'deleteAlias',
  doc: 'Deletes an alias.',
  rest: 'DELETE /sip/aliases/{id}',
  guarded: true,
  input: { id: 'SipId' },
  faults: ['PROVISION_ALIAS_UNKNOWN'],
  async run(context, args) {
    const { aor } = await ownedAddress(context, args.id, 'id')
    await context.directory.deleteAlias(aor, { etag: context.request.etag })
  },
})

export const getAlias = operation({
  port: 'Sip',
  name: 'getAlias',
  doc: 'Reads an alias.',
  rest: 'GET /sip/aliases/{id}',
  input: { id: 'SipId' },
  output: 'SipAlias',
  faults: ['PROVISION_ALIAS_UNKNOWN'],
  async run(context, args) {
    const { aor, owner } = await ownedAddress(context, args.id, 'id')
    const { body, etag } = await context.directory.getAlias(aor)
    context.request.seen = etag
    return toWire(body, owner)
  },
})

export const getAliases = operation({
  port: 'Sip',
  name: 'getAliases',
  doc: 'Lists aliases.',
  rest: 'GET /sip/aliases',
  input: { query: 'AliasQuery' },
  output: 'SipAliasResult',
  async run(context, args) {
    const domains = await ownedDomains(context)
    const best = new BestRows<Value<'SipAlias'>>(args.query, { attribute: 'changeDate', direction: 'DESC' })
    const rest = context.slices.begin()
    for (const record of await context.directory.aliases()) {
      const owned = domains.get(record.aor.slice(record.aor.lastIndexOf('@') + 1))
      if (!owned) continue
      const { username, domain, targetUsername, targetDomain, owner, customer, reseller } = aliasView(record, owned)
      best.add({
        fields: {
          ...{ aliasUsername: username, aliasDomain: domain, targetUsername, targetDomain, owner, customer, reseller },
          changeDate: record.changedAt,
        },
        value: toWire(record, owned),
      })
      const pause = rest()
      if (pause) await pause
    }
    const { values, total } = best.result()
    return { aliases: values, total }
  },
})
