/** A trunk: a carrier or gateway by which numbers outside are reached. */
import { escapeUser, formatHost, parseUri } from '../message/index.ts'
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

/** A trunk that takes a number, and the number in the form in which its prefix is written. */
export interface Taker<T> {
  trunk: T
  number: string
}

/**
 * Those that take a number, whose forms (`formsOf`) these are: longest prefix first, then by name. `+31` and `0031` are of one
 * length.
 */
export function trunksFor<T extends Pick<Trunk, 'name' | 'prefixes'>>(
  trunks: readonly T[],
  forms: readonly string[],
): Taker<T>[] {
  return trunks
    .flatMap((trunk) => fitOf(trunk, forms) ?? [])
    .sort((a, b) => b.length - a.length || (a.trunk.name < b.trunk.name ? -1 : 1))
    .map(({ trunk, number }) => ({ trunk, number }))
}

function fitOf<T extends Pick<Trunk, 'prefixes'>>(
  trunk: T,
  forms: readonly string[],
): (Taker<T> & { length: number }) | undefined {
  let best: (Taker<T> & { length: number }) | undefined
  const isOfWorld = forms[0]?.startsWith('+') ?? false
  for (const number of forms) {
    const mark = number.startsWith('+') ? 1 : isOfWorld && number.startsWith('00') ? 2 : 0
    for (const prefix of trunk.prefixes) {
      if (!number.startsWith(prefix)) continue
      const length = prefix === '' ? 0 : Math.max(1, prefix.length - mark + 1)
      if (!best || length > best.length) best = { trunk, number, length }
    }
  }
  return best
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
