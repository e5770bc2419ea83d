/**
 * What the zones of the service say, made from the nodes that are live at this moment. Pure: (question, zones) → sections.
 *
 *     <domain>                SOA, NS, NAPTR (RFC 3263), A and AAAA of all nodes
 *     <node>.<domain>         A or AAAA
 *     _sip._udp.<domain>      SRV: nodes with their port
 *     _sip._tcp.<domain>      SRV
 *     _sips._tcp.<domain>     SRV: TLS
 *     _sip._ws, _sips._ws     SRV: WebSocket (RFC 7118)
 *     _ngnpro._tcp.<domain>   SRV: provisioning over SOAP
 */
import { ANSWER_NODES_MAX } from './limits.ts'
import { CLASS, RCODE, type Rcode, type RecordData, type ResourceRecord, TYPE } from './records.ts'

/** A node that is live and serving. Ports are absent where it does not serve. */
export interface LiveNode {
  /** One label: the host name below each domain. */
  name: string
  /** Literal IP. */
  host: string
  /** A second one, IPv6. */
  host6?: string
  /** Default 1. */
  weight?: number
  sipUdp?: number
  sipTcp?: number
  sipTls?: number
  sipWs?: number
  sipWss?: number
  dns?: number
  soap?: number
}

/** What the server asks for at each query; it must answer from memory. */
export interface ZoneSource {
  /** Lower case. */
  domains(): readonly string[]
  nodes(): readonly LiveNode[]
  /** Grows with each change of domains or nodes; becomes the SOA serial, modulo 2^32. */
  version(): number
}

export interface Zones {
  domains: readonly string[]
  /** In the order in which they shall be named. */
  nodes: readonly LiveNode[]
  serial: number
  ttlSeconds: number
}

export interface Sections {
  rcode: Rcode
  authoritative: boolean
  answers: ResourceRecord[]
  authorities: ResourceRecord[]
  additionals: ResourceRecord[]
}

const REFRESH_SECONDS = 60
const RETRY_SECONDS = 10
const EXPIRE_SECONDS = 3_600

/** Weights of nodes are decimals around 1; those of SRV are integers, where 0 means hardly ever. */
const SRV_WEIGHT_UNIT = 10

const empty = (rcode: Rcode, authoritative: boolean): Sections => ({
  rcode,
  authoritative,
  answers: [],
  authorities: [],
  additionals: [],
})

function domainOf(name: string, domains: readonly string[]): string | undefined {
  const fitting = domains.filter((domain) => name === domain || name.endsWith(`.${domain}`))
  return fitting.sort((a, b) => b.length - a.length)[0]
}

const addressData = ({ host, host6 }: LiveNode): RecordData[] =>
  [host, ...(host6 === undefined ? [] : [host6])].map((address) => ({
    type: address.includes(':') ? TYPE.AAAA : TYPE.A,
    address,
  }))

function soaData(domain: string, zones: Zones): RecordData {
  const servers = zones.nodes.filter((node) => node.dns !== undefined).map((node) => node.name)
  const primary = servers.toSorted()[0]
  return {
    type: TYPE.SOA,
    primary: primary ? `${primary}.${domain}` : domain,
    admin: `hostmaster.${domain}`,
    serial: zones.serial >>> 0,
    refresh: REFRESH_SECONDS,
    retry: RETRY_SECONDS,
    expiration: EXPIRE_SECONDS,
    minimum: zones.ttlSeconds,
  }
}

function apexData(domain: string, zones: Zones): RecordData[] {
  const { nodes } = zones
  const naptr = (preference: number, service: string, replacement: string): RecordData => ({
    type: TYPE.NAPTR,
    order: 10,
    preference,
    flags: 's',
    service,
    replacement: `${replacement}.${domain}`,
  })
  return [
    soaData(domain, zones),
    ...nodes
      .filter((node) => node.dns !== undefined)
      .map((node): RecordData => ({ type: TYPE.NS, ns: `${node.name}.${domain}` })),
    ...nodes.flatMap(addressData),
    ...naptrs.flatMap(([preference, service, name, port]) =>
      nodes.some((node) => node[port] !== undefined) ? [naptr(preference, service, name)] : [],
    ),
  ]
}

type Service = 'sipUdp' | 'sipTcp' | 'sipTls' | 'sipWs' | 'sipWss' | 'soap'

/** TLS stands behind: who asks for it finds it, and nobody is led to a certificate that his phone does not trust. */
const naptrs: readonly (readonly [preference: number, service: string, name: string, port: Service])[] = [
  [10, 'SIP+D2U', '_sip._udp', 'sipUdp'],
  [20, 'SIP+D2T', '_sip._tcp', 'sipTcp'],
  [30, 'SIPS+D2T', '_sips._tcp', 'sipTls'],
  [40, 'SIPS+D2W', '_sips._ws', 'sipWss'],
  [50, 'SIP+D2W', '_sip._ws', 'sipWs'],
]

const services: Readonly<Record<string, Service>> = {
  '_sip._udp': 'sipUdp',
  '_sip._tcp': 'sipTcp',
  '_sips._tcp': 'sipTls',
  '_sip._ws': 'sipWs',
  '_sips._ws': 'sipWss',
  '_ngnpro._tcp': 'soap',
}

function serviceData(service: Service, domain: string, nodes: readonly LiveNode[]): RecordData[] {
  return nodes.flatMap((node): RecordData[] => {
    const port = node[service]
    if (port === undefined) return []
    const weight = Math.min(65_535, Math.max(1, Math.round((node.weight ?? 1) * SRV_WEIGHT_UNIT)))
    return [{ type: TYPE.SRV, priority: 10, weight, port, target: `${node.name}.${domain}` }]
  })
}

/** All records of a name; undefined when there is no such name. `inner` is the name without the domain. */
function nameData(inner: string, domain: string, zones: Zones): RecordData[] | undefined {
  if (inner === '') return apexData(domain, zones)
  const service = services[inner]
  if (service) {
    const records = serviceData(service, domain, zones.nodes)
    return records.length > 0 ? records : undefined
  }
  const node = zones.nodes.find((candidate) => candidate.name === inner)
  if (node) return addressData(node)
  // A name with names below it exists, even when it has no records (RFC 8020).
  const below = Object.entries(services).some(
    ([name, port]) => name.endsWith(`.${inner}`) && zones.nodes.some((candidate) => candidate[port] !== undefined),
  )
  return below ? [] : undefined
}

/** The addresses of hosts that the answer names, each once. */
function additional(answers: readonly RecordData[], domain: string, zones: Zones): ResourceRecord[] {
  const named = new Set(
    answers.map((record) => (record.type === TYPE.SRV ? record.target : record.type === TYPE.NS ? record.ns : '')),
  )
  return zones.nodes
    .flatMap((node) =>
      addressData(node).map((data) => ({ name: `${node.name}.${domain}`, ttl: zones.ttlSeconds, ...data })),
    )
    .filter((record) => named.has(record.name))
}

/** `name` in lower case without the final dot. */
export function answer(question: { name: string; type: number; class: number }, zones: Zones): Sections {
  const domain =
    question.class === CLASS.IN || question.class === CLASS.ANY ? domainOf(question.name, zones.domains) : undefined
  if (domain === undefined) return empty(RCODE.REFUSED, false)
  // The zone is made for each question, there is nothing to transfer (RFC 5936 §2.2.1).
  if (question.type === TYPE.AXFR || question.type === TYPE.IXFR) return empty(RCODE.REFUSED, false)
  // A node that sees no node that serves, not even itself, knows nothing: the client shall ask another one.
  if (zones.nodes.length === 0) return empty(RCODE.SERVFAIL, false)

  const inner = question.name.slice(0, Math.max(0, question.name.length - domain.length - 1))
  const soa: ResourceRecord = { name: domain, ttl: zones.ttlSeconds, ...soaData(domain, zones) }
  const data = nameData(inner, domain, zones)
  if (!data) return { ...empty(RCODE.NXDOMAIN, true), authorities: [soa] }

  // RFC 8482 §4.2
  const wanted: RecordData[] =
    question.type === TYPE.ANY && data.length > 0
      ? [{ type: TYPE.HINFO, cpu: 'RFC8482', os: '' }]
      : data.filter((record) => record.type === question.type).slice(0, ANSWER_NODES_MAX)
  if (wanted.length === 0) return { ...empty(RCODE.NOERROR, true), authorities: [soa] }
  return {
    ...empty(RCODE.NOERROR, true),
    answers: wanted.map((record) => ({ name: question.name, ttl: zones.ttlSeconds, ...record })),
    additionals: additional(wanted, domain, zones),
  }
}
