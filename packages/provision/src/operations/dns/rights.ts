/** Whose zones and records are, and how records are written over SOAP and REST. */
import type { Versioned } from '@thor-node/core'
import type { FancyRecord, InZone, RecordInput, StoredZone, ZoneRecord } from '@thor-node/dns'
import { failure } from '../../errors.ts'
import type { OperationContext } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { dated, inScope } from '../scope.ts'

/** A zone when it is the caller's; that of another is unknown to it. Throws PROVISION_ZONE_UNKNOWN. */
export async function ownedZone(context: OperationContext, name: string): Promise<Versioned<StoredZone>> {
  const found = await context.records.zones.getZone(name)
  if (!inScope(context, found.body)) throw failure('PROVISION_ZONE_UNKNOWN', `there is no zone ${found.body.name}`)
  context.request.seen = found.etag
  return found
}

/** Every name above, the name itself first. */
const above = (name: string): string[] => {
  const labels = name.split('.')
  return labels.map((_, at) => labels.slice(at).join('.'))
}

/**
 * Nobody takes names out of the zone or SIP domain of another by a zone of his own there: phones and mail would be led elsewhere. Throws
 * PROVISION_FORBIDDEN.
 */
export async function assertMayHold(context: OperationContext, zone: string): Promise<void> {
  if (context.caller.impersonate === 0) return
  for (const name of above(zone)) {
    const domain = await context.directory.findDomain(name)
    if (domain && !inScope(context, domain.body))
      throw failure('PROVISION_FORBIDDEN', `no rights for SIP domain ${name}`)
    const outer = name === zone ? undefined : await context.records.zones.findZone(name)
    if (outer && !inScope(context, outer)) {
      throw failure('PROVISION_FORBIDDEN', `${zone} is in the zone ${name}, which belongs to somebody else`)
    }
  }
}

const TARGETS = /^(CNAME|NS|PTR|MX|SRV)$/

/** Targets are whole names over SOAP, with a final dot or without. */
export const fromWire = ({ type, value, ...rest }: Value<'DnsRecord'>): RecordInput => ({
  ...rest,
  ...(type !== undefined && { type }),
  ...(value !== undefined && { value: TARGETS.test(type ?? '') && /[^.\s]$/.test(value) ? `${value}.` : value }),
})

export const toWire = (record: InZone<ZoneRecord | FancyRecord>): Value<'DnsRecord'> => {
  const { value, ...rest } = dated(record)
  if (TARGETS.test(record.type)) return { ...rest, value: value.replace(/(.)\.$/, '$1') }
  return { ...rest, value: record.type === 'TXT' ? withoutQuotes(value) : value }
}

/** One text in quotes is that text. */
const withoutQuotes = (value: string): string => /^"([^"\\]*)"$/.exec(value)?.[1] ?? value
