import { SipParseError } from '../errors.ts'
import type { Params } from './contract.ts'
import { indexOutside } from './scan.ts'

const SEMICOLON = 0x3b
const EQUALS = 0x3d

/**
 * `;name=value;flag` from `from` on. Names become lower case; values keep quotes, so that they can be written back as they were.
 * @throws SipParseError on an empty name
 */
export function parseParams(text: string, from = 0): Params {
  const params: Params = new Map()
  let start = from
  while (start < text.length) {
    if (text.charCodeAt(start) !== SEMICOLON) {
      if (text.slice(start).trim() === '') break
      throw new SipParseError(`expected ";" in parameters: ${text.slice(0, 80)}`)
    }
    const end = indexOutside(text, SEMICOLON, start + 1)
    const item = text.slice(start + 1, end < 0 ? text.length : end)
    const equals = indexOutside(item, EQUALS)
    const name = (equals < 0 ? item : item.slice(0, equals)).trim().toLowerCase()
    if (name === '') throw new SipParseError(`parameter without a name: ${text.slice(0, 80)}`)
    // The first of two equals wins: what a peer sees first it acts upon.
    if (!params.has(name)) params.set(name, equals < 0 ? '' : item.slice(equals + 1).trim())
    if (end < 0) break
    start = end
  }
  return params
}

export function formatParams(params: Params): string {
  let out = ''
  for (const [name, value] of params) out += value === '' ? `;${name}` : `;${name}=${value}`
  return out
}
