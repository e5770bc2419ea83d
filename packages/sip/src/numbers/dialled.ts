/** Telephone numbers in URIs: `tel:` (RFC 3966), and the user part of `sip:` (RFC 3261 §19.1.6). */
import type { SipUri } from '../message/contract.ts'
import { unescapeUser } from '../message/index.ts'
import { type DialPlan, formsOf } from './dial-plan.ts'

/** Parameters of a number that go on with it, wherever it goes (RFC 3966 §5.3, §5.4). */
const KEPT = ['ext', 'isub', 'isub-encoding', 'postd']
const SEPARATORS = /[-.()]/g
const NUMBER = /^\+?\d{3,20}$/
/** How a user begins that may be one; most do not. */
const MAY_BE = /^[+\d%(]/

export interface Dialled {
  /** `+31201234567`, or digits that mean something in `domain` alone. */
  number: string
  /** The same number, also as others write it; the best first, `number`. */
  forms: readonly string[]
  /** Whose number it is, where the number itself says that (RFC 3966 §5.1.5). */
  context?: string
  /** `;ext=22`; '' mostly. */
  kept: string
}

interface Written {
  digits: string
  params: ReadonlyMap<string, string>
}

/** The number that a URI names, as it is written, without what stands between digits for people; undefined: none. */
export function numberOf(uri: SipUri): string | undefined {
  if (!MAY_BE.test(uri.user ?? '')) return undefined
  const { digits } = writtenIn(uri)
  return NUMBER.test(digits) ? digits : undefined
}

function writtenIn({ scheme, user = '', params }: SipUri): Written {
  if (scheme === 'tel') return { digits: user.replace(SEPARATORS, ''), params }
  const [text = '', ...rest] = unescapeUser(user).split(';')
  const isPhone = text.startsWith('+') || params.get('user') === 'phone'
  return { digits: isPhone ? text.replace(SEPARATORS, '') : text, params: paramsOf(rest) }
}

function paramsOf(texts: readonly string[]): Map<string, string> {
  const pairs = texts.map((text): [string, string] => {
    const [name = '', ...value] = text.split('=')
    return [name.toLowerCase(), value.join('=')]
  })
  return new Map(pairs)
}

/**
 * The number that a URI names, made normal by the plan of the domain that it is dialled in. A context that begins with + is what
 * a local number lacks; one that is a domain says whose number it is, so `planOf` is asked for that.
 */
export function dialledIn(
  uri: SipUri,
  domain: string | undefined,
  planOf: (domain: string | undefined) => DialPlan,
): Dialled | undefined {
  if (!MAY_BE.test(uri.user ?? '')) return undefined
  const { digits, params } = writtenIn(uri)
  if (!NUMBER.test(digits)) return undefined
  const said = digits.startsWith('+') ? '' : (params.get('phone-context') ?? '').toLowerCase()
  const kept = KEPT.flatMap((name) => (params.has(name) ? [`;${name}=${params.get(name)}`] : [])).join('')
  if (!said.startsWith('+')) {
    const context = said === '' ? undefined : said
    const forms = formsOf(digits, planOf(context ?? domain))
    return { number: forms[0] as string, forms, kept, ...(context !== undefined && { context }) }
  }
  const forms = formsOf(inCountry(digits, said.replace(SEPARATORS, ''), planOf(domain)), planOf(domain))
  return { number: forms[0] as string, forms, kept }
}

/** A local number whose context is the beginning of numbers of the world. A prefix that is dialled in this country is no part of it. */
function inCountry(digits: string, context: string, { country, national, keep }: DialPlan): string {
  if (!/^\+\d+$/.test(context) || keep.includes(digits)) return digits
  const isHere = context === `+${country}` && national !== '' && digits.startsWith(national)
  return context + (isHere ? digits.slice(national.length) : digits)
}
