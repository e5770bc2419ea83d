import { text } from '../accounts/validate.ts'
import { invalid, missing } from '../errors.ts'
import type { Value } from '../schema/types.ts'
import { between, checkMembers, type Rules, ttl } from './rules.ts'

/**
 * ENUM services (RFC 6116 §3.4.3 and the registrations of IANA) by the name that portals have for them, each with the URI
 * schemes that its mappings may have.
 */
export const enumServices: Readonly<Record<string, readonly string[]>> = {
  sip: ['sip', 'sips'],
  h323: ['h323'],
  iax: ['iax', 'iax2'],
  iax2: ['iax', 'iax2'],
  tel: ['tel'],
  'npd:tel': ['tel'],
  voice: ['tel', 'sip', 'sips'],
  'fax:tel': ['tel'],
  sms: ['tel', 'mailto', 'sip', 'sips'],
  ems: ['tel', 'mailto'],
  mms: ['tel', 'mailto'],
  im: ['im', 'sip', 'sips', 'xmpp'],
  pres: ['pres', 'sip', 'sips'],
  mailto: ['mailto'],
  'ifax:mailto': ['mailto'],
  'void:mailto': ['mailto'],
  'x-skype:callto': ['callto', 'skype'],
  'web:http': ['http'],
  'web:https': ['https'],
  'void:http': ['http'],
  'void:https': ['https'],
  'ft:ftp': ['ftp'],
  'loc:http': ['http'],
  'key:http': ['http'],
  'key:https': ['https'],
}

const rules: Rules<'EnumMapping'> = {
  type: (value: string, field: string): string => {
    const name = value.toLowerCase()
    if (!Object.hasOwn(enumServices, name)) throw invalid(field, 'is not an ENUM service, such as sip')
    return name
  },
  priority: between(0, 65_535),
  ttl,
}

/** A mapping, canonical: a service that is known, and a URI of a scheme that it may have. */
export function enumMapping(value: Value<'EnumMapping'>, field: string): Value<'EnumMapping'> {
  const mapping = checkMembers('EnumMapping', value, rules, field)
  const { type = 'sip', mapto } = mapping
  if (!mapto) throw missing(`${field}.mapto`)
  const schemes = enumServices[type] as readonly string[]
  // Portals send `user@domain` for the service whose scheme goes without saying.
  const uri = /^[a-z][a-z0-9+.-]*:/i.test(mapto) ? mapto : `${schemes[0]}:${mapto}`
  const scheme = uri.slice(0, uri.indexOf(':')).toLowerCase()
  if (!schemes.includes(scheme)) throw invalid(`${field}.mapto`, `${type} takes ${schemes.join(', ')}, not ${scheme}`)
  if (/[\s<>"'!\\]/.test(text(uri, `${field}.mapto`))) throw invalid(`${field}.mapto`, 'is not a URI')
  const { id = 0, priority = 5, ttl: seconds = 3_600 } = mapping
  return { id, type, mapto: uri, priority, ttl: seconds }
}
