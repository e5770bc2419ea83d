/**
 * Emergency calls: which they are (RFC 5031, and the numbers of a region), and where they go. They go to the gateways of their
 * region, one after another, and nowhere else. Nothing that bars calls bars them.
 */
import type { SipUri } from '../message/contract.ts'
import { formatHost, formatUri, parseUri } from '../message/index.ts'
import { numberAt, type TrunkState } from '../trunk/trunk.ts'

export interface EmergencyRegion {
  /** As they are dialled: `112`. The first one stands for `urn:service:sos` at gateways that know numbers alone. */
  numbers: readonly string[]
  /** Names of trunks, and SIP URIs; tried in this order. */
  gateways: readonly string[]
}

/** The regions of the ring. From a local copy, answers at once. */
export interface Emergencies {
  /** Some region has this number. */
  has(number: string): boolean
  /** Where an account of that region calls, by this node; undefined: there are no gateways for it. */
  regionOf(name: string | undefined): EmergencyRegion | undefined
}

/** `urn:service:sos`, `urn:service:sos.fire`. */
export const isSos = ({ scheme, user = '' }: SipUri): boolean =>
  scheme === 'urn' && /^service:sos(?:\.[a-z0-9-]+)*$/i.test(user)

/** The number that a gateway of this region gets for a call, in any of whose forms it is dialled; undefined: it is no emergency here. */
export function emergencyNumber(
  uri: SipUri,
  forms: readonly string[],
  { numbers }: EmergencyRegion,
): string | undefined {
  return isSos(uri) ? numbers[0] : numbers.find((number) => forms.includes(number))
}

/** Where one gateway is, and what it is asked. */
export interface EmergencyTarget {
  /** Request-URI. */
  uri: string
  /** Where it is sent. */
  next: SipUri
  routes?: readonly string[]
  trunk?: TrunkState
}

/**
 * A gateway of the settings: a trunk by its name, or a URI. One with a user is asked for that; one with `lr` is a proxy that knows
 * services by their names, and gets `urn:service:sos`, or whichever was asked for, over itself (RFC 6881 §9). Throws SipParseError.
 */
export function emergencyTarget(
  gateway: string,
  asked: SipUri,
  number: string,
  trunkNamed: (name: string) => TrunkState | undefined,
): EmergencyTarget {
  const trunk = trunkNamed(gateway)
  if (trunk) return { uri: numberAt(trunk, number), next: parseUri(trunk.target), trunk }
  const uri = parseUri(gateway)
  if (uri.params.has('lr')) {
    return { uri: isSos(asked) ? formatUri(asked) : 'urn:service:sos', next: uri, routes: [`<${gateway}>`] }
  }
  return { uri: uri.user === undefined ? numberAt({ target: gateway }, number) : gateway, next: uri }
}

const REQUEST_LINE =
  /^INVITE (?:urn:service:(sos)[.\w-]*|(?:sips?|tel):(?:\+?([\d\-.()]+))(?:[;@][^ ]*)?) SIP\/2\.0\r?\n/i
const REQUEST_LINE_BYTES = 256

/** Ahead of parsing: may these bytes be an emergency call? */
export function mayBeEmergency(bytes: Buffer, has: (number: string) => boolean): boolean {
  const [, sos, digits] = REQUEST_LINE.exec(bytes.toString('latin1', 0, REQUEST_LINE_BYTES)) ?? []
  return sos !== undefined || (digits !== undefined && has(digits.replace(/[-.()]/g, '')))
}

/** For who shows a setting: where it leads. */
export const isGatewayText = (text: string): boolean => {
  if (/^[a-z0-9][a-z0-9_.-]{0,63}$/i.test(text)) return true
  try {
    const { scheme, host } = parseUri(text)
    return scheme.startsWith('sip') && formatHost(host) !== ''
  } catch {
    return false
  }
}
