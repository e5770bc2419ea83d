import { domainName, text, timezone } from '../accounts/validate.ts'
import { failure, invalid } from '../errors.ts'
import { checkMembers, type Rules } from '../records/rules.ts'
import { type Operation, type OperationContext, operation, required } from '../schema/operation.ts'
import { dated, inScope, ownedAddress, ownedDomain } from './scope.ts'

const rules: Rules<'RatingEntityProfiles'> = {
  timezone,
  entity: (value: string, field: string) => text(value, field, 255),
}

/** The entity of a request, canonical, when it is the caller's: its account, its domain; anything else is for administrators. */
async function ownedEntity(context: OperationContext, given: string | undefined): Promise<string> {
  const entity = text(required(given, 'entity').trim(), 'entity', 255)
  const [, scheme = '', rest = ''] = /^([A-Za-z]+):\/\/(.+)$/.exec(entity) ?? []
  if (scheme === '') throw invalid('entity', 'is not an entity, such as subscriber://user@example.com')
  const kind = scheme.toLowerCase()
  if (kind === 'subscriber') {
    const at = rest.lastIndexOf('@')
    if (at < 0) return entityOfDomain(context, kind, rest)
    const { aor } = await ownedAddress(context, { username: rest.slice(0, at), domain: rest.slice(at + 1) }, 'entity')
    return `${kind}://${aor}`
  }
  if (kind === 'domain') return entityOfDomain(context, kind, rest)
  if (!inScope(context, undefined)) throw failure('PROVISION_FORBIDDEN', `no rights for ${entity}`)
  return `${kind}://${rest}`
}

async function entityOfDomain(context: OperationContext, kind: string, name: string): Promise<string> {
  const domain = domainName(name, 'entity')
  await ownedDomain(context, domain)
  return `${kind}://${domain}`
}

const faults = ['PROVISION_PROFILE_UNKNOWN'] as const
const blank = { profileWeekday: '', profileWeekdayAlt: '', profileWeekend: '', profileWeekendAlt: '', timezone: '' }

export const ratingPort: readonly Operation[] = [
  operation({
    port: 'Rating',
    name: 'setEntityProfiles',
    doc: 'Says by which profiles the calls of an account, a domain or a gateway are rated; replaces what was set.',
    rest: 'PUT /rating/profiles',
    input: { profiles: 'RatingEntityProfiles' },
    async run(context, args) {
      const wire = checkMembers('RatingEntityProfiles', required(args.profiles, 'profiles'), rules)
      const entity = await ownedEntity(context, wire.entity)
      await context.records.profiles.put(entity, { ...blank, ...wire, entity })
    },
  }),
  operation({
    port: 'Rating',
    name: 'deleteEntityProfiles',
    doc: 'Takes the profiles off an entity: those of its domain, or the default, count again.',
    rest: 'DELETE /rating/profiles/{entity}',
    guarded: true,
    input: { entity: 'string' },
    faults,
    async run(context, args) {
      await context.records.profiles.remove(await ownedEntity(context, args.entity), context.request.etag)
    },
  }),
  operation({
    port: 'Rating',
    name: 'getEntityProfiles',
    doc: 'Reads the profiles that were set for an entity itself.',
    rest: 'GET /rating/profiles/{entity}',
    input: { entity: 'string' },
    output: 'RatingEntityProfiles',
    faults,
    async run(context, args) {
      const found = await context.records.profiles.require(await ownedEntity(context, args.entity))
      context.request.seen = found.etag
      const { changeDate: _, ...profiles } = dated(found.body)
      return profiles
    },
  }),
]
