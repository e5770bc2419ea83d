import { SipParseError } from '../../errors.ts'
import type { NameAddr } from '../contract.ts'
import { parseNameAddrList } from './name-addr.ts'

/** All Contact values; `'*'` stands alone (RFC 3261 §20.10); undefined when there is no Contact. */
export function parseContacts(values: readonly string[]): readonly NameAddr[] | '*' | undefined {
  if (values.length === 0) return undefined
  if (values.length === 1 && values[0] === '*') return '*'
  return parseNameAddrList(values)
}

/** The `expires` parameter in seconds, undefined when absent or malformed (RFC 3261 §10.2.1.1: then treated as absent). */
export function contactExpires(contact: NameAddr): number | undefined {
  return parseSeconds(contact.params.get('expires'))
}

/** Expires, Min-Expires, `expires=`: whole seconds, at most 2^32 − 1; undefined otherwise. */
export function parseSeconds(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d{1,10}$/.test(value)) return undefined
  return Math.min(Number(value), 2 ** 32 - 1)
}

/** The `q` parameter as 0 … 1000; 1000 when absent (RFC 3261 §20.10). */
export function contactQ(contact: NameAddr): number {
  const q = contact.params.get('q')
  if (q === undefined) return 1000
  if (!/^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q)) throw new SipParseError('not a q value')
  return Math.round(Number(q) * 1000)
}
