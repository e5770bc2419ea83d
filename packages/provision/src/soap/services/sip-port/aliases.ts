import type { AliasRecord, DomainRecord } from '../../../accounts/contract.ts'
import { aliasView } from '../../../accounts/view.ts'
import { operation, required } from '../../operation.ts'
import { type Row, runQuery } from '../../queries.ts'
import type { Value } from '../../types.ts'
import { dateText, ownedAddress, ownedDomains, sipId } from '../scope.ts'

function toWire(record: AliasRecord, owned: DomainRecord | undefined): Value<'SipAlias'> {
  const { aor, target, owner, customer, reseller, changedAt } = aliasView(record, owned)
  return { id: sipId(aor), target: sipId(target), owner, customer, reseller, changeDate: dateText(changedAt) }
}

export const addAlias = operation({
  port: 'Sip',
  name: 'addAlias',
  input: { alias: 'SipAlias' },
  output: 'SipAlias',
  async run(context, args) {
    const wire = required(args.alias, 'alias')
    const { aor, owner } = await ownedAddress(context, wire.id, 'id')
    const target = await ownedAddress(context, wire.target, 'target')
    return toWire(await context.directory.addAlias({ aor, target: target.aor, owner: wire.owner }), owner)
  },
})

export const updateAlias = operation({
  port: 'Sip',
  name: 'updateAlias',
  input: { alias: 'SipAlias' },
  async run(context, args) {
    const wire = required(args.alias, 'alias')
    const { aor } = await ownedAddress(context, wire.id, 'id')
    const target = wire.target
      ? (await ownedAddress(context, wire.target, 'target')).aor
      : (await context.directory.getAlias(aor)).body.target
    await context.directory.updateAlias({ aor, target, owner: wire.owner })
  },
})

export const deleteAlias = operation({
  port: 'Sip',
  name: 'deleteAlias',
  input: { id: 'SipId' },
  async run(context, args) {
    const { aor } = await ownedAddress(context, args.id, 'id')
    await context.directory.deleteAlias(aor)
  },
})

export const getAlias = operation({
  port: 'Sip',
  name: 'getAlias',
  input: { id: 'SipId' },
  output: 'SipAlias',
  async run(context, args) {
    const { aor, owner } = await ownedAddress(context, args.id, 'id')
    return toWire((await context.directory.getAlias(aor)).body, owner)
  },
})

export const getAliases = operation({
  port: 'Sip',
  name: 'getAliases',
  input: { query: 'AliasQuery' },
  output: 'SipAliasResult',
  async run(context, args) {
    const domains = await ownedDomains(context)
    const rows: Row<Value<'SipAlias'>>[] = []
    for (const record of await context.directory.aliases()) {
      const owned = domains.get(record.aor.slice(record.aor.lastIndexOf('@') + 1))
      if (!owned) continue
      const { username, domain, targetUsername, targetDomain, owner, customer, reseller } = aliasView(record, owned)
      rows.push({
        fields: {
          ...{ aliasUsername: username, aliasDomain: domain, targetUsername, targetDomain, owner, customer, reseller },
          changeDate: record.changedAt,
        },
        value: toWire(record, owned),
      })
    }
    const { values, total } = runQuery(rows, args.query, { attribute: 'changeDate', direction: 'DESC' })
    return { aliases: values, total }
  },
})
