/** A trunk: a carrier or gateway by which numbers outside are reached. */
import type { SipUri } from '../message/contract.ts'
import { escapeUser, formatHost, parseUri, unescapeUser } from '../message/index.ts'
import type { Credentials } from './answer.ts'

export interface Trunk {
  name: string
  /** Where it is: `sip:carrier.example`, `sip:192.0.2.7:5080;transport=tcp`. */
  target: string
  /** Of the addresses at the carrier: in From, To and REGISTER. */
  domain: string
  /** Digits, `+` in front or not, with which the numbers begin that it takes; '' begins every number. */
  prefixes: readonly string[]
  register: boolean
  /** Seconds that a registration is asked for. */
  expires: number
  /** Calls out at once, over all nodes; 0: any number. */
  callsMax: number
  /** Whose address stands in From: the user of the trunk, or the caller. */
  from: 'trunk' | 'caller'
  /** OPTIONS every so often; 0: never, and it is always up. */
  probeMs: number
  /** See `HealthSettings`. */
  failures: number
  successes: number
  /** Who calls in from its addresses: a trusted peer. */
  peer?: string
}

/** A trunk with what is known of it here. */
export interface TrunkState extends Trunk {
  up: boolean
  credentials?: Credentials
}

/** Digits that are dialled, with what stands between them for people taken out; undefined for what is no telephone number. */
export function numberOf({ scheme, user = '' }: SipUri): string | undefined {
  const [text = ''] = unescapeUser(user).split(';')
  const number = scheme === 'tel' || text.startsWith('+') ? text.replace(/[-.()]/g, '') : text
  return /^\+?\d{3,20}$/.test(number) ? number : undefined
}

/** Those that take this number, longest prefix first, then by name. */
export function trunksFor<T extends Pick<Trunk, 'name' | 'prefixes'>>(trunks: readonly T[], number: string): T[] {
  const length = ({ prefixes }: T): number =>
    prefixes.reduce((best, prefix) => (number.startsWith(prefix) ? Math.max(best, prefix.length) : best), -1)
  return trunks
    .filter((trunk) => length(trunk) >= 0)
    .sort((a, b) => length(b) - length(a) || (a.name < b.name ? -1 : 1))
}

/** Request-URI of a call to this number. */
export function numberAt({ target }: Pick<Trunk, 'target'>, number: string): string {
  const { scheme, host, port, params } = parseUri(target)
  const transport = params.get('transport')
  const suffix = transport === undefined ? '' : `;transport=${transport}`
  return `${scheme}:${number}@${formatHost(host)}${port === undefined ? '' : `:${port}`}${suffix};user=phone`
}

/** The address of the trunk itself at the carrier. */
export const ownAddress = ({ domain }: Pick<Trunk, 'domain'>, user: string): string =>
  `sip:${escapeUser(user)}@${formatHost(domain)}`
