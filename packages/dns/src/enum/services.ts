/** The Enumservices that numbers may map to, each with the URI schemes that it takes. */
import { invalid, missing } from '../errors.ts'

export interface EnumService {
  /** As operators write it: `sip`, `voice:tel`. */
  type: string
  /** RFC 6116 §3.4.3. */
  service: string
  schemes: readonly string[]
  /** Where it is registered or described. */
  source: string
}

const row = (type: string, schemes: readonly string[], source: string): EnumService => ({
  type,
  service: `E2U+${type}`,
  schemes,
  source,
})

export const ENUM_SERVICES: readonly EnumService[] = [
  row('sip', ['sip', 'sips'], 'RFC 3764'),
  row('h323', ['h323'], 'RFC 3762'),
  row('voice:tel', ['tel'], 'RFC 4415'),
  row('email:mailto', ['mailto'], 'RFC 4355'),
  row('fax:tel', ['tel'], 'RFC 4355'),
  row('mms:tel', ['tel'], 'RFC 4355'),
  row('sms:tel', ['tel'], 'RFC 4355'),
  row('ems:tel', ['tel'], 'RFC 4355'),
  row('mms:mailto', ['mailto'], 'RFC 4355'),
  row('sms:mailto', ['mailto'], 'RFC 4355'),
  row('ems:mailto', ['mailto'], 'RFC 4355'),
  row('web:http', ['http'], 'RFC 4002'),
  row('web:https', ['https'], 'RFC 4002'),
  row('ft:ftp', ['ftp'], 'RFC 4002'),
  row('pres', ['pres', 'sip'], 'RFC 3953'),
  row('ifax:mailto', ['mailto'], 'RFC 4143'),
  row('pstn:tel', ['tel'], 'RFC 4769'),
  row('pstn:sip', ['sip'], 'RFC 4769'),
  row('void:mailto', ['mailto'], 'ETSI TS 102 172'),
  row('void:http', ['http'], 'ETSI TS 102 172'),
  row('void:https', ['https'], 'ETSI TS 102 172'),
  row('iax', ['iax'], 'RFC 6315, RFC 5456'),
  row('iax2', ['iax2'], 'RFC 5456'),
  row('im', ['im'], 'RFC 5028'),
  row('loc:http', ['http'], 'draft'),
  row('loc:https', ['https'], 'draft'),
]

/** Services that portals offer and nobody registered: kept and served, followed by nobody here. */
export const OTHER_SERVICES: readonly EnumService[] = [
  row('x-skype:callto', ['callto'], 'of its maker'),
  row('key:http', ['http'], 'draft'),
  row('key:https', ['https'], 'draft'),
]

const byType = new Map([...ENUM_SERVICES, ...OTHER_SERVICES].map((service) => [service.type, service]))
/** Names that portals have for services; which one is meant, the scheme of the URI says. */
const byShortName = new Map<string, readonly EnumService[]>()
const short = (name: string, types: readonly string[]): void =>
  void byShortName.set(
    name,
    types.flatMap((type) => byType.get(type) ?? []),
  )
for (const category of new Set([...byType.keys()].map((type) => type.replace(/:.*/, '')))) {
  const members = [...byType.keys()].filter((type) => type.startsWith(`${category}:`))
  if (!byType.has(category)) short(category, members)
}
short('tel', ['voice:tel'])
short('mailto', ['email:mailto'])
short('npd:tel', ['pstn:tel'])

/**
 * Takes `sip`, `E2U+sip`, `voice:tel`; and `voice`, `sms`, `mailto`, which mean what the scheme of `uri` says, or the first that they
 * may. Throws `DNS_INVALID_VALUE`.
 */
export function enumService(type: string | undefined, field = 'type', uri = ''): EnumService {
  if (type === undefined || type === '') throw missing(field)
  const plain = plainType(type)
  const some = byShortName.get(plain) ?? []
  const scheme = schemeOf(uri)
  const found = byType.get(plain) ?? some.find(({ schemes }) => schemes.includes(scheme ?? '')) ?? some[0]
  if (!found) throw invalid(field, `${type} is none of ${ENUM_SERVICES.map((one) => one.type).join(', ')}`)
  return found
}

/** For what was checked when it was written; `uri` is asked for where the type alone does not say it. */
export const checkedService = (type: string, uri: () => string): EnumService =>
  byType.get(type) ?? enumService(type, 'type', uri())

/** As it is kept: what the operator wrote, lower case, without `E2U+`. */
export const plainType = (type: string): string => type.toLowerCase().replace(/^e2u\+/, '')

const schemeOf = (uri: string): string | undefined => /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(uri)?.[1]?.toLowerCase()

/** RFC 3986 §2: what may stand in a URI. */
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/
const shapes: Readonly<Record<string, { shape: RegExp; what: string }>> = {
  sip: { shape: /^[^@\s]+@[^@\s]+$|^[^@\s]+$/, what: 'sip:user@domain' },
  sips: { shape: /^[^@\s]+@[^@\s]+$|^[^@\s]+$/, what: 'sips:user@domain' },
  tel: { shape: /^\+?[\d().-]*\d[\d().-]*(;[a-z0-9-]+(=[^;]+)?)*$/i, what: 'tel:+31208005100' },
  mailto: { shape: /^[^@\s?]+@[^@\s?]+(\?.*)?$/, what: 'mailto:user@domain' },
  pres: { shape: /^[^@\s]+@[^@\s]+$/, what: 'pres:user@domain' },
  im: { shape: /^[^@\s]+@[^@\s]+$/, what: 'im:user@domain' },
  http: { shape: /^\/\/[^/\s]+/, what: 'http://host/path' },
  https: { shape: /^\/\/[^/\s]+/, what: 'https://host/path' },
  ftp: { shape: /^\/\/[^/\s]+/, what: 'ftp://host/path' },
}

/** Parameters of number portability (RFC 4694): both take digits, `rn` with a `+` or a context. */
function checkPortability(uri: string, field: string): void {
  const params = new Map(
    uri
      .split(';')
      .slice(1)
      .map((param) => param.split('=', 2) as [string, string | undefined])
      .map(([name, value]) => [name.toLowerCase(), value?.replace(/@.*/, '')]),
  )
  const rn = params.get('rn')
  if (params.has('rn') && !/^\+?[\da-f().-]+$/i.test(rn ?? ''))
    throw invalid(field, 'has a routing number (rn) without digits')
  if (params.has('npdi') && params.get('npdi') !== undefined) throw invalid(field, 'npdi takes no value')
  if (rn !== undefined && !rn.startsWith('+') && !params.has('rn-context')) {
    throw invalid(field, 'a local routing number (rn) needs rn-context (RFC 4694)')
  }
}

/** The URI that a mapping of this service leads to. Throws `DNS_INVALID_VALUE` with the name of the field. */
export function serviceUri(service: EnumService, uri: string | undefined, field = 'mapto'): string {
  if (uri === undefined || uri === '') throw missing(field)
  const scheme = schemeOf(uri)
  if (scheme === undefined || !service.schemes.includes(scheme)) {
    const schemes = service.schemes.map((one) => `${one}:`).join(' or ')
    throw invalid(field, `${service.type} leads to ${schemes}, not to ${uri}`)
  }
  if (!URI.test(uri)) throw invalid(field, 'is no URI: it has spaces, quotes or letters that must be escaped')
  const shape = shapes[scheme]
  if (shape && !shape.shape.test(uri.slice(scheme.length + 1))) throw invalid(field, `is not like ${shape.what}`)
  if (service.type.startsWith('pstn')) checkPortability(uri, field)
  return uri
}
