/** Emergency calls on their way out: to the gateways of the caller's region, and to nothing else. */
import { errorMessage, type Logger } from '@thor-node/core'
import { type EmergencyTarget, emergencyNumber, emergencyTarget, isSos } from '../emergency/emergency.ts'
import type { SipRequest } from '../message/contract.ts'
import { type Dialled, numberOf } from '../numbers/dialled.ts'
import type { Caller } from './admitting.ts'
import type { ProxyComponents } from './context.ts'
import type { Destination, Way } from './destination.ts'
import { EMERGENCY_GATEWAYS_MAX } from './limits.ts'
import type { Refusal } from './validate.ts'

type Components = Pick<ProxyComponents, 'emergencies' | 'trunks' | 'hops'>

/** Some region has what this INVITE is for: the caller is admitted whatever bars him, until it is known which his region is. */
export function mayBeSos({ emergencies }: Pick<Components, 'emergencies'>, request: SipRequest): boolean {
  if (!emergencies || request.method !== 'INVITE') return false
  const number = numberOf(request.requestUri)
  return isSos(request.requestUri) || (number !== undefined && emergencies.has(number))
}

/** Undefined: it is no emergency in the caller's region, or there is no gateway for it. */
export async function emergencyWays(
  { emergencies, trunks, hops }: Components,
  log: Logger,
  request: SipRequest,
  dialled: Dialled | undefined,
  caller: Caller | undefined,
): Promise<Destination | Refusal | undefined> {
  const region = request.method === 'INVITE' ? emergencies?.regionOf(caller?.region) : undefined
  const number = region && emergencyNumber(request.requestUri, dialled?.forms ?? [], region)
  if (!region || number === undefined) return undefined
  const targets = region.gateways.slice(0, EMERGENCY_GATEWAYS_MAX).flatMap((gateway): EmergencyTarget[] => {
    try {
      return [emergencyTarget(gateway, request.requestUri, number, (name) => trunks?.named(name))]
    } catch (error) {
      log.error('an emergency gateway is neither a trunk nor a URI', { gateway, error: errorMessage(error) })
      return []
    }
  })
  // One that does not answer OPTIONS is tried all the same, after the others.
  const isDown = ({ trunk }: EmergencyTarget): boolean => trunk !== undefined && !trunk.up
  const ways: Way[] = []
  for (const target of [...targets.filter((one) => !isDown(one)), ...targets.filter(isDown)]) {
    const { uri, next, routes, trunk } = target
    try {
      const found = await hops.waysTo(next)
      ways.push(...found.map((hop) => ({ uri, hop, ...(routes && { routes }), ...(trunk && { trunk }) })))
    } catch (error) {
      log.error('no way to an emergency gateway', { host: next.host, error: errorMessage(error) })
    }
  }
  const [first, ...others] = ways
  if (!first) {
    log.error('an emergency call finds no gateway', { number, caller: caller?.account })
    return { status: 503, reason: 'No Emergency Gateway Is Reached' }
  }
  log.info('an emergency call', { number, caller: caller?.account })
  return { targets: [{ ...first, group: 0, others }], emergency: true }
}
