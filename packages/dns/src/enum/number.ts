/** Telephone numbers as E.164 and as names of DNS (RFC 6116 §3.2), which mean the same. */
import { invalid, missing } from '../errors.ts'

export const DIGITS_MAX = 15

/**
 * Digits of a number in any form that people have: `+31 20 800 5100`, `0.0.1.5.0.0.8.0.2.1.3.e164.arpa`, `31208005100`. Throws
 * `DNS_INVALID_VALUE`.
 */
export function digitsOf(text: string | undefined, tree = '', field = 'number'): string {
  if (text === undefined || text === '') throw missing(field)
  const name = text.toLowerCase().replace(/\.$/, '')
  const reversed = tree !== '' && name.endsWith(`.${tree}`) ? name.slice(0, -tree.length - 1) : undefined
  const plain = reversed ?? (/^\d(\.\d)*$/.test(name) && name.includes('.') ? name : undefined)
  if (plain !== undefined && /^\d(\.\d)*$/.test(plain)) return checked(plain.split('.').reverse().join(''), field)
  return checked(
    text
      .replace(/^tel:/i, '')
      .replace(/[\s().-]/g, '')
      .replace(/^\+/, ''),
    field,
  )
}

function checked(digits: string, field: string): string {
  if (!/^\d+$/.test(digits)) throw invalid(field, 'is neither an E.164 number nor a name of ENUM')
  if (digits.length > DIGITS_MAX) throw invalid(field, `has more than ${DIGITS_MAX} digits`)
  return digits
}

/** `31208005100`, `e164.arpa` → `0.0.1.5.0.0.8.0.2.1.3.e164.arpa` */
export function enumName(digits: string, tree: string): string {
  let name = ''
  for (let at = digits.length - 1; at >= 0; at--) name += `${digits[at]}.`
  return name + tree
}

/** Digits of a canonical name below `tree`; undefined when other labels are in it. '' for the tree itself. */
export function digitsOfName(name: string, tree: string): string | undefined {
  if (name === tree) return ''
  if (!name.endsWith(`.${tree}`)) return undefined
  let digits = ''
  let at = name.length - tree.length - 2
  for (; at >= 0; at -= 2) {
    const digit = name.charCodeAt(at)
    if (digit < 48 || digit > 57 || (at > 0 && name[at - 1] !== '.')) return undefined
    digits += name[at]
  }
  return at === -2 && digits.length <= DIGITS_MAX ? digits : undefined
}

/** Powers of eleven: a digit counts 1 to 10 and no digit 0, so keys sort as numbers do in a directory. */
const POWERS = Array.from({ length: DIGITS_MAX + 1 }, (_, index) => 11 ** index)

/** A number as one number: exact, below 2^53; a prefix sorts right before everything that begins with it. */
export function keyOf(digits: string): number {
  let key = 0
  for (let at = 0; at < digits.length; at++) key = key * 11 + digits.charCodeAt(at) - 47
  return key * (POWERS[DIGITS_MAX - digits.length] as number)
}

/** The first key behind all numbers that begin so. */
export const keyAfter = (digits: string): number => keyOf(digits) + (POWERS[DIGITS_MAX - digits.length] as number)

/** How far a key of `count` digits, the last of them counting 1, is shifted. */
export const powerFor = (count: number): number => POWERS[DIGITS_MAX - count] as number

export function digitsOfKey(key: number): string {
  let digits = ''
  let rest = key
  for (let at = DIGITS_MAX - 1; at >= 0; at--) {
    const power = POWERS[at] as number
    const value = Math.floor(rest / power)
    if (value === 0) break
    digits += String.fromCharCode(value + 47)
    rest -= value * power
  }
  return digits
}
