/** What follows from the name of a transport. */
import type { SipUri } from '../message/contract.ts'
import type { StreamName, TransportName } from './contract.ts'

interface Traits {
  /** Port where a URI or Via names none (RFC 3261 §19.1.2, RFC 7118 §5). */
  port: number
  /** Nobody on the way can read or change what is sent. */
  secure: boolean
  /** Opened by the other side alone: a browser takes no connections. */
  web: boolean
}

const traits: Readonly<Record<TransportName, Traits>> = {
  udp: { port: 5060, secure: false, web: false },
  tcp: { port: 5060, secure: false, web: false },
  tls: { port: 5061, secure: true, web: false },
  ws: { port: 80, secure: false, web: true },
  wss: { port: 443, secure: true, web: true },
}

/** What `;transport=` says: RFC 7118 §5.3 has one name for WS and WSS, RFC 3261 §19.1.1 nothing for the usual one. */
export function transportParam(name: TransportName): string {
  return name === 'udp' ? '' : `;transport=${traits[name].web ? 'ws' : name}`
}

/** Undefined for names that are not spoken here. Any case, as in URIs and Vias. */
export function transportNamed(text: string): TransportName | undefined {
  const name = text.toLowerCase()
  return Object.hasOwn(traits, name) ? (name as TransportName) : undefined
}

/** By which transport a URI asks to be reached; `sips:` makes each secure. Undefined: it leaves that open, or names none of ours. */
export function transportOfUri({ scheme, params }: Pick<SipUri, 'scheme' | 'params'>): TransportName | undefined {
  const name = transportNamed(params.get('transport') ?? '')
  if (scheme !== 'sips') return name
  if (params.has('transport') && (!name || name === 'udp')) return undefined
  return name && isWeb(name) ? 'wss' : 'tls'
}

/** The port that a URI means. */
export const portOfUri = (uri: SipUri): number => uri.port ?? defaultPort(transportOfUri(uri) ?? 'udp')

export const isStream = (name: TransportName): name is StreamName => name !== 'udp'
export const isSecure = (name: TransportName): boolean => traits[name].secure
export const isWeb = (name: TransportName): boolean => traits[name].web
export const defaultPort = (name: TransportName): number => traits[name].port
