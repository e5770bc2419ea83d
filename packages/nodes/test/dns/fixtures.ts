import { silentLogger, systemClock, systemNet } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import { DnsServer } from '@thor-node/dns'
import { type LiveSource, LiveZones } from '../../src/dns/live-zone.ts'
import type { LiveNode } from '../../src/dns/zone.ts'

export const threeNodes: LiveNode[] = [
  { name: 'n1', host: '192.0.2.1', sipUdp: 5060, sipTcp: 5060, dns: 53, soap: 9200 },
  { name: 'n2', host: '192.0.2.2', sipUdp: 5060, sipTcp: 5062, dns: 53, soap: 9200, weight: 2 },
  { name: 'n3', host: '2001:db8::3', sipUdp: 5060 },
]

export function zoneOf(nodes: readonly LiveNode[], domains: readonly string[] = ['thor.local']): LiveSource {
  const sites = [...new Set(nodes.flatMap(({ site }) => site ?? []))]
  return { domains: () => domains, nodes: () => nodes, sites: () => sites, version: () => 7 }
}

export function dnsServer(source: LiveSource, host: string, port = 0): DnsServer {
  const zones = new LiveZones({ source }, { ttlMs: 5_000 })
  const components = { logger: silentLogger, clock: systemClock, random: new SimRandom(1), net: systemNet, zones }
  return new DnsServer(components, { host, port })
}
