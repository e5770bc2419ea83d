/**
 * What the zones of the service say, made from the nodes that are live at this moment. Pure: (domain, nodes) → records.
 *
 *     <domain>                SOA, NS, NAPTR (RFC 3263), A and AAAA of all nodes
 *     <node>.<domain>         A or AAAA
 *     proxy.<domain>          A and AAAA of the nodes that take SIP, and NAPTR
 *     ngnpro.<domain>         A and AAAA of the nodes with SOAP; the same for each role of `roleZones` that some node has
 *     _sip._udp.<domain>      SRV: nodes with their port; the same below proxy.<domain>
 *     _sip._tcp.<domain>      SRV
 *     _sips._tcp.<domain>     SRV: TLS
 *     _sip._ws, _sips._ws     SRV: WebSocket (RFC 7118)
 *     _ngnpro._tcp.<domain>   SRV: provisioning over SOAP; the same for each role
 *     <site>.site.<domain>    as proxy.<domain>, for phones that shall use the nodes of one site, and others when none of them lives
 */

import { addressData, type DnsRecord, parseRdata, TYPE, wordsOf } from '@thor-node/dns'
import { DEFAULT_PRIORITY } from './load.ts'

/** A node that is live and serving. Ports are absent where it does not serve. */
export interface LiveNode {
  /** One label: the host name below each domain. */
  name: string
  /** Literal IP. */
  host: string
  /** A second one, IPv6. */
  host6?: string
  /** Default 1: how many phones it shall get, compared with the others. */
  weight?: number
  /** Of SRV, default 10: others are asked when no node of a lower one answers (RFC 2782). */
  priority?: number
  /** A label. */
  site?: string
  sipUdp?: number
  sipTcp?: number
  sipTls?: number
  sipWs?: number
  sipWss?: number
  dns?: number
  soap?: number
  /** Roles that no node has yet: their names appear with the first node that says its port. */
  xcap?: number
  msrps?: number
  voicemail?: number
  events?: number
}

export interface LiveZoneInit {
  nodes: readonly LiveNode[]
  /** Those that have names, also while none of their nodes lives. */
  sites: readonly string[]
  /** Modulo 2^32. */
  serial: number
  ttlSeconds: number
}

const REFRESH_SECONDS = 60
const RETRY_SECONDS = 10
const EXPIRE_SECONDS = 3_600

/** Weights of nodes are decimals around 1; those of SRV are integers, where 0 means hardly ever. */
const SRV_WEIGHT_UNIT = 100
/** Added to the priority of nodes elsewhere in the names of a site: above any that a node may have. */
const ELSEWHERE = 10_000
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
/** Room for `_sips._tcp.` (RFC 1035 §2.3.4). */
const SIP_NAME_MAX = 253 - 11

type Service = 'sipUdp' | 'sipTcp' | 'sipTls' | 'sipWs' | 'sipWss' | RoleService
type RoleService = 'soap' | 'xcap' | 'msrps' | 'voicemail' | 'events'

/** A name for the nodes of each role, and the SRV by which clients find them. */
const roleZones: readonly (readonly [host: string, srv: string, port: RoleService])[] = [
  ['ngnpro', '_ngnpro._tcp', 'soap'],
  ['xcap', '_xcap._tcp', 'xcap'],
  ['msrprelay', '_msrps._tcp', 'msrps'],
  ['voicemail', '_voicemail._tcp', 'voicemail'],
  ['eventserver', '_eventserver._tcp', 'events'],
]

/** TLS stands behind: who asks for it finds it, and nobody is led to a certificate that his phone does not trust. */
const naptrs: readonly (readonly [preference: number, service: string, name: string, port: Service])[] = [
  [10, 'SIP+D2U', '_sip._udp', 'sipUdp'],
  [20, 'SIP+D2T', '_sip._tcp', 'sipTcp'],
  [30, 'SIPS+D2T', '_sips._tcp', 'sipTls'],
  [40, 'SIPS+D2W', '_sips._ws', 'sipWss'],
  [50, 'SIP+D2W', '_sip._ws', 'sipWs'],
]

const sipServices: readonly (readonly [name: string, port: Service])[] = [
  ['_sip._udp', 'sipUdp'],
  ['_sip._tcp', 'sipTcp'],
  ['_sips._tcp', 'sipTls'],
  ['_sip._ws', 'sipWs'],
  ['_sips._ws', 'sipWss'],
]

const addressesOf = ({ host, host6 }: LiveNode): { type: number; data: Buffer }[] =>
  [host, ...(host6 === undefined ? [] : [host6])].map(addressData)

/** The first name server in order of name: of all nodes the same, as long as they see the same nodes. */
function soaText(domain: string, { nodes, serial, ttlSeconds }: Omit<LiveZoneInit, 'sites'>): string {
  const servers = nodes.filter((node) => node.dns !== undefined).map((node) => node.name)
  const primary = servers.toSorted()[0]
  const numbers = [serial >>> 0, REFRESH_SECONDS, RETRY_SECONDS, EXPIRE_SECONDS, ttlSeconds].join(' ')
  return `${primary ? `${primary}.${domain}` : domain}. hostmaster.${domain}. ${numbers}`
}

class Records {
  readonly all: DnsRecord[] = []
  readonly #ttl: number

  constructor(ttlSeconds: number) {
    this.#ttl = ttlSeconds
  }

  add(name: string, type: number, text: string): void {
    this.all.push({ name, type, ttl: this.#ttl, data: parseRdata(type, wordsOf(text), '.') })
  }

  addresses(name: string, nodes: readonly LiveNode[]): void {
    for (const { type, data } of nodes.flatMap(addressesOf)) this.all.push({ name, type, ttl: this.#ttl, data })
  }

  srv(name: string, service: Service, domain: string, nodes: readonly LiveNode[]): void {
    for (const node of nodes) {
      const port = node[service]
      if (port === undefined) continue
      const weight = Math.min(65_535, Math.max(1, Math.round((node.weight ?? 1) * SRV_WEIGHT_UNIT)))
      this.add(name, TYPE.SRV, `${node.priority ?? DEFAULT_PRIORITY} ${weight} ${port} ${node.name}.${domain}.`)
    }
  }

  /** NAPTR and SRV of SIP at a name; none where their names would be too long. */
  sip(name: string, domain: string, nodes: readonly LiveNode[]): void {
    if (name.length > SIP_NAME_MAX) return
    for (const [preference, service, label, port] of naptrs) {
      if (nodes.every((node) => node[port] === undefined)) continue
      this.add(name, TYPE.NAPTR, `10 ${preference} "s" "${service}" "" ${label}.${name}.`)
    }
    for (const [label, port] of sipServices) this.srv(`${label}.${name}`, port, domain, nodes)
  }
}

export const soaOf = (domain: string, init: Omit<LiveZoneInit, 'sites'>): DnsRecord => ({
  name: domain,
  type: TYPE.SOA,
  ttl: init.ttlSeconds,
  data: parseRdata(TYPE.SOA, wordsOf(soaText(domain, init)), '.'),
})

/** All records but the SOA. `domain` canonical. */
export function liveRecords(domain: string, { nodes, sites, ttlSeconds }: LiveZoneInit): DnsRecord[] {
  const records = new Records(ttlSeconds)
  for (const { name, dns } of nodes) if (dns !== undefined) records.add(domain, TYPE.NS, `${name}.${domain}.`)
  records.addresses(domain, nodes)
  records.sip(domain, domain, nodes)
  for (const node of nodes) records.addresses(`${node.name}.${domain}`, [node])
  const named = new Set(nodes.map(({ name }) => name))
  const proxies = nodes.filter((node) => sipServices.some(([, port]) => node[port] !== undefined))
  // A node of that name keeps it.
  if (!named.has('proxy') && proxies.length > 0) {
    records.addresses(`proxy.${domain}`, proxies)
    records.sip(`proxy.${domain}`, domain, nodes)
  }
  for (const site of proxies.length > 0 ? sites : []) addSite(records, site, domain, proxies)
  for (const [host, srv, port] of roleZones) {
    records.srv(`${srv}.${domain}`, port, domain, nodes)
    const able = nodes.filter((node) => node[port] !== undefined)
    if (!named.has(host)) records.addresses(`${host}.${domain}`, able)
  }
  return records.all
}

/** Addresses know no priority: they are those of the site, as long as it has any. */
function addSite(records: Records, site: string, domain: string, proxies: readonly LiveNode[]): void {
  const name = `${site}.site.${domain}`
  if (!LABEL.test(site) || name.length > SIP_NAME_MAX) return
  const there = proxies.filter((node) => node.site === site)
  records.addresses(name, there.length > 0 ? there : proxies)
  const ranked = proxies.map((node) =>
    node.site === site ? node : { ...node, priority: ELSEWHERE + (node.priority ?? DEFAULT_PRIORITY) },
  )
  records.sip(name, domain, ranked)
}
