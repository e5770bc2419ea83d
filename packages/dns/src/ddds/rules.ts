/**
 * The Dynamic Delegation Discovery System as ENUM uses it (RFC 3402, 3403 §4, 6116 §3). The application's unique string is the
 * number with its `+`; the first well-known rule is the identity; keys are names of a tree.
 *
 *     key ──► rules, by order and preference ──► first that matches ──► terminal ("u"): a URI
 *      ▲                                             │
 *      └───────────────── another key ◄──────────────┘ non-terminal ("")
 */
import type { Naptr } from '../enum/naptr.ts'
import { canonicalName } from '../wire/names.ts'
import { parseSubstitution, substitute } from './substitution.ts'

/** Keys that one number may lead to, one after the other. */
export const KEYS_MAX = 5
/** Rules of one key that are looked at. */
export const RULES_MAX = 64

/** A URI that a number leads to. */
export interface EnumTarget {
  uri: string
  /** Enumservices of the rule: `sip`, `voice:tel`; lower case. */
  services: readonly string[]
}

/** The rules of a key: none where there are none; rejects when nobody answers. */
export interface RuleSource {
  naptr(key: string): Promise<readonly Naptr[]>
}

/** `E2U+sip`, `E2U+voice:tel+sms:tel`, and as RFC 2916 had it `sip+E2U`. Undefined: the rule is of another application. */
export function enumServices(service: string): string[] | undefined {
  const parts = service.toLowerCase().split('+')
  if (parts[0] === 'e2u') return parts.slice(1)
  return parts.at(-1) === 'e2u' ? parts.slice(0, -1) : undefined
}

/** In the order in which they are tried, whatever order they came in. */
export const inOrder = (rules: readonly Naptr[]): Naptr[] =>
  rules.toSorted((a, b) => a.order - b.order || a.preference - b.preference).slice(0, RULES_MAX)

/** What a rule makes of the number. Undefined: it does not match, or says nothing that can be used. */
export function applyRule(
  rule: Naptr,
  number: string,
): { kind: 'uri'; target: EnumTarget } | { kind: 'key'; key: string } | undefined {
  const flags = rule.flags.toLowerCase()
  const services = enumServices(rule.service)
  const result = resultOf(rule, number)
  if (result === undefined) return undefined
  if (flags === 'u') {
    const isUri = services && rule.regexp !== '' && /^[a-z][a-z0-9+.-]*:./i.test(result)
    return isUri ? { kind: 'uri', target: { uri: result, services } } : undefined
  }
  // Non-terminal: services mean nothing there (RFC 6116 §3.4.1). Other flags are other applications'.
  if (flags !== '') return undefined
  const key = canonicalName(result)
  return key === undefined || key === '.' ? undefined : { kind: 'key', key }
}

function resultOf({ regexp, replacement }: Naptr, number: string): string | undefined {
  if (regexp === '') return replacement
  // Both at once is an error of the record (RFC 3403 §4.1).
  if (replacement !== '.' && replacement !== '') return undefined
  const parsed = parseSubstitution(regexp)
  return parsed.ok ? substitute(parsed.substitution, number) : undefined
}

/**
 * All that a number leads to from this key, best first. A non-terminal rule is followed where it stands in the order. Keys that were
 * looked up before end a way: it goes in a circle.
 */
export async function discover(source: RuleSource, key: string, number: string): Promise<EnumTarget[]> {
  const seen = new Set<string>()
  const follow = async (at: string): Promise<EnumTarget[]> => {
    if (seen.has(at) || seen.size >= KEYS_MAX) return []
    seen.add(at)
    const targets: EnumTarget[] = []
    for (const rule of inOrder(await source.naptr(at))) {
      const found = applyRule(rule, number)
      if (found?.kind === 'uri') targets.push(found.target)
      else if (found) targets.push(...(await follow(found.key)))
    }
    return targets
  }
  return follow(key)
}
