/** Whose ranges and numbers are: who owns a range owns what is in it, and a user whose number it is may change what it maps to. */
import type { Versioned } from '@thor-node/core'
import type { Actor, EnumNumber, EnumRange } from '@thor-node/dns'
import { failure } from '../../errors.ts'
import { type OperationContext, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { inScope } from '../scope.ts'

/** A range when it is the caller's; that of another is unknown to it. Throws PROVISION_RANGE_UNKNOWN. */
export async function ownedRange(
  context: OperationContext,
  id: Value<'EnumRangeId'> | undefined,
): Promise<Versioned<EnumRange>> {
  const { numbers } = context.records
  const found = await numbers.getRange(required(id, 'id'))
  if (inScope(context, found.body)) return found
  const { prefix, tld } = found.body
  throw failure('PROVISION_RANGE_UNKNOWN', `there is no range of numbers ${prefix} in ${tld}`)
}

/** The number of a request, when it is the caller's. Throws PROVISION_NUMBER_UNKNOWN. */
export async function ownedNumber(
  context: OperationContext,
  id: Value<'EnumId'> | undefined,
): Promise<Versioned<EnumNumber>> {
  const found = await context.records.numbers.getNumber(required(id, 'id'))
  const { owner, number, tld } = found.body
  const own = context.caller.kind === 'user' ? owner === (await actorOf(context)).owner : inScope(context, found.body)
  if (!own) throw failure('PROVISION_NUMBER_UNKNOWN', `there is no number +${number} in ${tld}`)
  context.request.seen = found.etag
  return found
}

/** As whom the caller changes numbers: a user as the person that owns his account. Throws PROVISION_FORBIDDEN. */
export async function actorOf({ caller, directory }: OperationContext): Promise<Actor> {
  if (caller.kind !== 'user' || !caller.aor) return {}
  const { owner } = (await directory.getAccount(caller.aor)).body
  if (owner === 0) throw failure('PROVISION_FORBIDDEN', `${caller.aor} belongs to no person that could own numbers`)
  return { owner }
}

/** Nobody takes numbers out of the range of another by a narrower one. Throws PROVISION_FORBIDDEN. */
export async function assertMayNest(context: OperationContext, id: Value<'EnumRangeId'>): Promise<void> {
  const { numbers } = context.records
  const around = await numbers.rangeAround(numbers.rangeId(id))
  if (!around || inScope(context, around)) return
  throw failure('PROVISION_FORBIDDEN', `the range is in the range ${around.prefix}, which belongs to somebody else`)
}
