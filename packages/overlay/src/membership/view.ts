import { isIPv6 } from 'node:net'
import { formatAddress } from '@thor-node/core'
import type { Certificate } from '../admission/certificate.ts'
import { type Member, type MemberState, type ServiceAddresses, TROUBLES, type Trouble } from './contract.ts'

/** At the same incarnation the worse news is the newer. */
const rank: Record<MemberState, number> = { alive: 0, suspect: 1, dead: 2, left: 3 }

/** True when `news` replaces what is known: a higher incarnation, or the same with a worse state. */
export function isNewer(news: Member, known: Member | undefined): boolean {
  if (!known || news.incarnation !== known.incarnation) return !known || news.incarnation > known.incarnation
  return rank[news.state] > rank[known.state]
}

/** The next incarnation of a node that is spoken ill of: above what is said, and above its own. */
export function refutation(own: number, said: number): number {
  return Math.max(own, said) + 1
}

/** What others see when they look at a member: used to leave out changes that are none. */
export function isSameView(a: Member, b: Member): boolean {
  return (
    a.state === b.state &&
    a.serving === b.serving &&
    a.incarnation === b.incarnation &&
    a.version === b.version &&
    a.weight === b.weight &&
    (a.troubles ?? []).join() === (b.troubles ?? []).join() &&
    JSON.stringify(a.services) === JSON.stringify(b.services)
  )
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65536
}

const optionalPorts = ['sipUdp', 'sipTcp', 'sipTls', 'sipWs', 'sipWss', 'dns', 'soap', 'admission'] as const

function toServices(value: unknown): ServiceAddresses | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { host, cluster } = value as Record<string, unknown>
  if (typeof host !== 'string' || !isPort(cluster)) return undefined
  const services: ServiceAddresses = { host, cluster }
  const { host6 } = value as Record<string, unknown>
  if (typeof host6 === 'string' && isIPv6(host6)) services.host6 = host6
  for (const name of optionalPorts) {
    const port = (value as Record<string, unknown>)[name]
    if (isPort(port)) services[name] = port
  }
  return services
}

/** Those that this version knows, each once, in their order; undefined for none. */
export function toTroubles(value: unknown): readonly Trouble[] | undefined {
  if (!Array.isArray(value)) return undefined
  const known = TROUBLES.filter((trouble) => value.includes(trouble))
  return known.length > 0 ? known : undefined
}

/**
 * News of a member as it came over the network, or undefined when it is none. What the ring certified (name, place, zone,
 * roles) comes from the certificate, whatever the news says.
 */
export function toMember(value: unknown, certificate: Certificate | undefined): Member | undefined {
  if (!certificate || typeof value !== 'object' || value === null) return undefined
  const { weight, version, services, state, incarnation, serving, startedAt, troubles } = value as Record<
    string,
    unknown
  >
  const addresses = toServices(services)
  if (!addresses || typeof state !== 'string' || !Object.hasOwn(rank, state)) return undefined
  if (typeof incarnation !== 'number' || !Number.isSafeInteger(incarnation) || incarnation < 0) return undefined
  const { nodeId, name, placementId, zone, roles } = certificate
  const said = toTroubles(troubles)
  return {
    nodeId,
    name,
    placementId,
    zone,
    roles,
    weight: typeof weight === 'number' && weight > 0 && weight <= 100 ? weight : 1,
    version: typeof version === 'string' ? version.slice(0, 40) : '',
    services: addresses,
    state: state as MemberState,
    incarnation,
    serving: serving === true,
    ...(said && { troubles: said }),
    startedAt: typeof startedAt === 'number' ? startedAt : 0,
  }
}

/** Where others dial it, `host:port`. */
export function addressText({ services: { host, cluster } }: Member): string {
  return formatAddress({ host, port: cluster })
}
