import { SipParseError } from '../../errors.ts'
import { messageLimits } from '../../limits.ts'
import type { Via } from '../contract.ts'
import { formatParams, parseParams } from '../params.ts'
import { splitList } from '../scan.ts'
import { formatHost, parseHostPort } from '../uri.ts'

const SENT_PROTOCOL = /^SIP\s*\/\s*2\.0\s*\/\s*([A-Za-z0-9-]+)\s+/i

/** RFC 3261 §20.42. @throws SipParseError */
export function parseVia(text: string): Via {
  const match = SENT_PROTOCOL.exec(text)
  if (!match) throw new SipParseError(`bad Via: ${text.slice(0, 80)}`)
  const rest = text.slice(match[0].length)
  const semicolon = rest.indexOf(';')
  const sentBy = parseHostPort((semicolon < 0 ? rest : rest.slice(0, semicolon)).trim())
  const via: Via = {
    transport: (match[1] as string).toUpperCase(),
    host: sentBy.host,
    params: semicolon < 0 ? new Map() : parseParams(rest, semicolon),
  }
  if (sentBy.port !== undefined) via.port = sentBy.port
  return via
}

export function parseVias(values: readonly string[]): Via[] {
  const vias = values.flatMap((value) => splitList(value).map(parseVia))
  if (vias.length > messageLimits.viasMax) throw new SipParseError('too many Vias', 483, 'Too Many Hops')
  return vias
}

export function formatVia({ transport, host, port, params }: Via): string {
  return `SIP/2.0/${transport} ${formatHost(host)}${port === undefined ? '' : `:${port}`}${formatParams(params)}`
}
