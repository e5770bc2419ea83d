import { silentLogger, systemClock, systemNet } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import { DnsServer, type DnsServerComponents, type DnsServerInit } from '../src/server/server.ts'
import { TYPE, typeNumber } from '../src/wire/codes.ts'
import { type DnsRecord, parseRdata } from '../src/wire/rdata.ts'
import { wordsOf } from '../src/wire/text.ts'
import { ZoneTree } from '../src/zone/tree.ts'
import { ZoneMap, type ZoneSource } from '../src/zone/zones.ts'

/** `name type value`, names canonical or with a final dot; TTL 300. */
export function record(line: string, ttl = 300): DnsRecord {
  const [, name = '', type = '', value = ''] = /^(\S+) (\S+) (.*)$/.exec(line) ?? []
  const number = typeNumber(type) as number
  return { name, type: number, ttl, data: parseRdata(number, wordsOf(value), '.') }
}

export const tree = (apex: string, lines: readonly string[]): ZoneTree =>
  new ZoneTree(
    apex,
    record(`${apex} SOA ns.${apex}. hostmaster.${apex}. 7 60 10 3600 5`),
    lines.map((line) => record(line)),
  )

export function zonesOf(...trees: readonly ZoneTree[]): ZoneSource {
  const zones = new ZoneMap()
  for (const one of trees) zones.set(one)
  return zones
}

/** So many hosts with one address each, all of them at the apex and in an SRV. */
export function hosts(count: number, apex = 'thor.local'): ZoneTree {
  const names = Array.from({ length: count }, (_, i) => i)
  return tree(apex, [
    ...names.map((i) => `${apex} A 192.0.2.${i}`),
    ...names.map((i) => `n${i}.${apex} A 192.0.2.${i}`),
    ...names.map((i) => `_sip._udp.${apex} SRV 10 10 5060 n${i}.${apex}.`),
    `${apex} NS n0.${apex}.`,
    `${apex} NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.${apex}.`,
  ])
}

export function dnsServer(
  zones: ZoneSource,
  init: Partial<DnsServerInit> & { host: string },
  more: Partial<DnsServerComponents> = {},
): DnsServer {
  const components = { logger: silentLogger, clock: systemClock, random: new SimRandom(1), net: systemNet, zones }
  return new DnsServer({ ...components, ...more }, { port: 0, ...init })
}

/** A query of one question, with EDNS when a version is given. */
export function queryBytes(
  name: string,
  type: number = TYPE.A,
  options: {
    id?: number
    flags?: number
    class?: number
    edns?: { size: number; version: number; options?: Uint8Array }
  } = {},
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
    opt.writeUInt16BE(edns.options?.length ?? 0, 9)
  }
  return Buffer.concat([header, ...question, opt, edns?.options ?? Buffer.alloc(0)])
}
