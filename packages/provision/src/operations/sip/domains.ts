import type { DomainRecord } from '../../accounts/contract.ts'
import type { DomainInput } from '../../accounts/input.ts'
import { domainName } from '../../accounts/validate.ts'
import { type OperationContext, operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { runQuery } from '../queries.ts'
import { assertKept, dateText, inScope, ownedDomain, ownersOfNew } from '../scope.ts'

function toInput(wire: Value<'SipDomain'>): DomainInput {
  return {
    domain: domainName(wire.domain),
    customer: wire.customer,
    reseller: wire.reseller,
    certificate: wire.certificate,
    privateKey: wire.private_key,
    matchIpAddress: wire.match_ip_address,
    matchSipDomain: wire.match_sip_domain,
    verifyCert: wire.verify_cert,
    requireCert: wire.require_cert,
    ...(wire.enum_trees && { enumTrees: [...wire.enum_trees] }),
  }
}

function toWire(context: OperationContext, record: DomainRecord): Value<'SipDomain'> {
  return {
    domain: record.domain,
    customer: record.customer,
    reseller: record.reseller,
    certificate: record.certificate,
    private_key: context.directory.privateKey(record),
    match_ip_address: record.matchIpAddress,
    match_sip_domain: record.matchSipDomain,
    verify_cert: record.verifyCert,
    require_cert: record.requireCert,
    enum_trees: record.enumTrees ?? [],
    changeDate: dateText(record.changedAt),
  }
}

export const addDomain = operation({
  port: 'Sip',
  name: 'addDomain',
  doc: 'Adds a SIP domain: from then on the ring serves it.',
  rest: 'POST /sip/domains',
  input: { domain: 'SipDomain' },
  faults: ['PROVISION_DOMAIN_EXISTS'],
  async run(context, args) {
    const input = toInput(required(args.domain, 'domain'))
    await context.directory.addDomain({ ...input, ...ownersOfNew(context, input) })
  },
})

export const updateDomain = operation({
  port: 'Sip',
  name: 'updateDomain',
  doc: 'Changes the members that are given.',
  rest: 'PATCH /sip/domains/{domain.domain}',
  guarded: true,
  input: { domain: 'SipDomain' },
  faults: ['PROVISION_DOMAIN_UNKNOWN'],
  async run(context, args) {
    const input = toInput(required(args.domain, 'domain'))
    const record = await ownedDomain(context, input.domain)
    if (record) {
      const { customer = record.customer, reseller = record.reseller } = input
      assertKept(context, { customer, reseller })
    }
    await context.directory.updateDomain(input, { etag: context.request.etag })
  },
})

export const deleteDomain = operation({
  port: 'Sip',
  name: 'deleteDomain',
  doc: 'Deletes a SIP domain without accounts and aliases.',
  rest: 'DELETE /sip/domains/{domain}',
  guarded: true,
  input: { domain: 'string' },
  faults: ['PROVISION_DOMAIN_UNKNOWN', 'PROVISION_DOMAIN_IN_USE'],
  async run(context, args) {
    const domain = domainName(args.domain)
    await ownedDomain(context, domain)
    await context.directory.deleteDomain(domain, { etag: context.request.etag })
  },
})

export const getDomains = operation({
  port: 'Sip',
  name: 'getDomains',
  doc: 'Lists SIP domains.',
  rest: 'GET /sip/domains',
  input: { query: 'SipDomainQuery' },
  output: 'SipDomainResult',
  async run(context, args) {
    const records = (await context.directory.domains()).filter((record) => inScope(context, record))
    const rows = records.map((record) => ({
      fields: {
        domain: record.domain,
        customer: record.customer,
        reseller: record.reseller,
        changeDate: record.changedAt,
      },
      value: record,
    }))
    const { values, total } = runQuery(rows, args.query, { attribute: 'domain', direction: 'ASC' })
    return { domains: values.map((record) => toWire(context, record)), total }
  },
})
