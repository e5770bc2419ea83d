import { silentLogger, systemClock, systemNet } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import { DnsServer } from '../../src/dns/server.ts'
import type { LiveNode, ZoneSource } from '../../src/dns/zone.ts'

export const threeNodes: LiveNode[] = [
  { name: 'n1', host: '192.0.2.1', sipUdp: 5060, sipTcp: 5060, dns: 53, soap: 9200 },
  { name: 'n2', host: '192.0.2.2', sipUdp: 5060, sipTcp: 5062, dns: 53, soap: 9200, weight: 2 },
  { name: 'n3', host: '2001:db8::3', sipUdp: 5060 },
]

export function zoneOf(nodes: readonly LiveNode[], domains: readonly string[] = ['thor.local']): ZoneSource {
  return { domains: () => domains, nodes: () => nodes, version: () => 7 }
}

export function dnsServer(zone: ZoneSource, host: string, port = 0): DnsServer {
  const components = { logger: silentLogger, clock: systemClock, random: new SimRandom(1), net: systemNet, zone }
  return new DnsServer(components, { host, port })
}

/** A query of one question, with EDNS when a version is given. */
export function queryBytes(
  name: string,
  type: number,
  options: { id?: number; flags?: number; class?: number; edns?: { size: number; version: number } } = {},
): Buffer {
  const { id = 0x1234, flags = 0x0100, edns } = options
  const labels = name.split('.').filter((label) => label !== '')
  const header = Buffer.alloc(12)
  for (const [index, value] of [id, flags, 1, 0, 0, edns ? 1 : 0].entries()) header.writeUInt16BE(value, index * 2)
  const tail = Buffer.alloc(4)
  tail.writeUInt16BE(type, 0)
  tail.writeUInt16BE(options.class ?? 1, 2)
  const question = [
    ...labels.flatMap((label) => [Buffer.of(label.length), Buffer.from(label, 'latin1')]),
    Buffer.of(0),
    tail,
  ]
  const opt = Buffer.alloc(edns ? 11 : 0)
  if (edns) {
    opt.writeUInt16BE(41, 1)
    opt.writeUInt16BE(edns.size, 3)
    opt.writeUInt8(edns.version, 6)
  }
  return Buffer.concat([header, ...question, opt])
}
