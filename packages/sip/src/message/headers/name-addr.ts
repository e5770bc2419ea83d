import { SipParseError } from '../../errors.ts'
import type { NameAddr } from '../contract.ts'
import { formatParams, parseParams } from '../params.ts'
import { indexOutside, isToken, quote, splitList, unquote } from '../scan.ts'
import { formatUri, parseUri } from '../uri.ts'

/**
 * One name-addr or addr-spec with header parameters (RFC 3261 §20.10). Without brackets, parameters belong to the header, not
 * to the URI. @throws SipParseError
 */
export function parseNameAddr(text: string): NameAddr {
  const open = indexOutside(text, 0x3c)
  if (open < 0) {
    const semicolon = text.indexOf(';')
    const uri = (semicolon < 0 ? text : text.slice(0, semicolon)).trim()
    return { uri: parseUri(uri), params: semicolon < 0 ? new Map() : parseParams(text, semicolon) }
  }
  const close = text.indexOf('>', open)
  if (close < 0) throw new SipParseError(`"<" without ">": ${text.slice(0, 80)}`)
  const display = text.slice(0, open).trim()
  const value: NameAddr = {
    uri: parseUri(text.slice(open + 1, close).trim()),
    params: parseParams(text.slice(close + 1).trim()),
  }
  if (display !== '') {
    if (!display.startsWith('"') && !display.split(/\s+/).every(isToken)) {
      throw new SipParseError(`bad display name: ${text.slice(0, 80)}`)
    }
    value.displayName = unquote(display)
  }
  return value
}

export function parseNameAddrList(values: readonly string[]): NameAddr[] {
  return values.flatMap((value) => splitList(value).map(parseNameAddr))
}

export function formatNameAddr({ displayName, uri, params }: NameAddr): string {
  const display = displayName === undefined ? '' : `${quote(displayName)} `
  return `${display}<${formatUri(uri)}>${formatParams(params)}`
}
