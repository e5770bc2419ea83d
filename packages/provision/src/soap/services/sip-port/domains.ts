import type { DomainRecord } from '../../../accounts/contract.ts'
import type { DomainInput } from '../../../accounts/input.ts'
import { domainName } from '../../../accounts/validate.ts'
import { failure } from '../../../errors.ts'
import { type OperationContext, operation, required } from '../../operation.ts'
import { runQuery } from '../../queries.ts'
import type { Value } from '../../types.ts'
import { dateText, inScope, ownedDomain } from '../scope.ts'

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
    changeDate: dateText(record.changedAt),
  }
}

/** A customer gives no domain away, and takes none that is nobody's. */
function assertKept(context: OperationContext, owned: { customer: number; reseller: number }): void {
  if (!inScope(context, owned)) {
    throw failure('PROVISION_FORBIDDEN', `customer or reseller must be ${context.caller.impersonate}`)
  }
}

export const addDomain = operation({
  port: 'Sip',
  name: 'addDomain',
  input: { domain: 'SipDomain' },
  async run(context, args) {
    const input = toInput(required(args.domain, 'domain'))
    const { impersonate } = context.caller
    const { customer = impersonate, reseller = impersonate } = input
    assertKept(context, { customer, reseller })
    await context.directory.addDomain({ ...input, customer, reseller })
  },
})

export const updateDomain = operation({
  port: 'Sip',
  name: 'updateDomain',
  input: { domain: 'SipDomain' },
  async run(context, args) {
    const input = toInput(required(args.domain, 'domain'))
    const record = await ownedDomain(context, input.domain)
    if (record) {
      const { customer = record.customer, reseller = record.reseller } = input
      assertKept(context, { customer, reseller })
    }
    await context.directory.updateDomain(input)
  },
})

export const deleteDomain = operation({
  port: 'Sip',
  name: 'deleteDomain',
  input: { domain: 'string' },
  async run(context, args) {
    const domain = domainName(args.domain)
    await ownedDomain(context, domain)
    await context.directory.deleteDomain(domain)
  },
})

export const getDomains = operation({
  port: 'Sip',
  name: 'getDomains',
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
