/** How numbers are dialled in a domain. */
import { domainName } from '../../accounts/validate.ts'
import { type Operation, type OperationContext, operation, required } from '../../schema/operation.ts'
import { ownedDomain } from '../scope.ts'

/** The domain that a request is about, which the caller may see. */
async function ownDomain(context: OperationContext, given: string | undefined): Promise<string> {
  const domain = domainName(given)
  await ownedDomain(context, domain)
  return domain
}

const faults = ['PROVISION_DOMAIN_UNKNOWN'] as const

const setDialPlan = operation({
  port: 'Platform',
  name: 'setDialPlan',
  doc: 'Says how numbers are dialled in a domain; replaces the plan. Numbers are made E.164 by it before anybody is looked up.',
  rest: 'PUT /sip/domains/{domain}/dial-plan',
  guarded: true,
  input: { domain: 'string', plan: 'DialPlan' },
  faults,
  async run(context, args) {
    const domain = await ownDomain(context, args.domain)
    await context.directory.setDialPlan(domain, required(args.plan, 'plan'), { etag: context.request.etag })
  },
})

const getDialPlan = operation({
  port: 'Platform',
  name: 'getDialPlan',
  doc: 'Tells how numbers are dialled in a domain. Empty where the domain has no plan of its own: that of the ring counts.',
  rest: 'GET /sip/domains/{domain}/dial-plan',
  input: { domain: 'string' },
  output: 'DialPlan',
  faults,
  async run(context, args) {
    const { body, etag } = await context.directory.getDomain(await ownDomain(context, args.domain))
    context.request.seen = etag
    return body.dialPlan ?? {}
  },
})

const deleteDialPlan = operation({
  port: 'Platform',
  name: 'deleteDialPlan',
  doc: 'Takes the dial plan of a domain away: that of the ring counts again.',
  rest: 'DELETE /sip/domains/{domain}/dial-plan',
  guarded: true,
  input: { domain: 'string' },
  faults,
  async run(context, args) {
    const domain = await ownDomain(context, args.domain)
    await context.directory.setDialPlan(domain, undefined, { etag: context.request.etag })
  },
})

export const dialPlans: readonly Operation[] = [setDialPlan, getDialPlan, deleteDialPlan]
