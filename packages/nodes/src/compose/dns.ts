import { getServers } from 'node:dns'
import { BlockList, isIPv6 } from 'node:net'
import { type Address, deriveKey } from '@thor-node/core'
import {
  DnsServer,
  type EnumIndex,
  EnumZones,
  enumName,
  FastEnum,
  joined,
  Notifier,
  ServedRecords,
  type ZoneSource,
} from '@thor-node/dns'
import type { Overlay, RingIdentity } from '@thor-node/overlay'
import { loopBusy, NodeLoads } from '../adapters/node-loads.ts'
import { NumberLookupAdapter } from '../adapters/number-lookup.ts'
import type { CheckComponents } from '../dns/check.ts'
import { LayeredZones } from '../dns/layered.ts'
import { LiveMembers, LiveZones } from '../dns/live-zone.ts'
import type { LiveNode } from '../dns/zone.ts'
import type { Context } from './context.ts'

export interface DnsParts {
  /** Copies of the zones and numbers of the ring. */
  served: ServedRecords
  index: EnumIndex
  enumZones: EnumZones
  /** Everything that is served. */
  zones: ZoneSource
  server: DnsServer
  notifier: Notifier
  numbers: NumberLookupAdapter
  loads: NodeLoads
  /** Live and serving. */
  nodes(): readonly LiveNode[]
  /** Name servers of zones that name none. */
  nameservers(): readonly string[]
  /** What a check of a domain needs. */
  check: CheckComponents
}

interface DnsSurroundings {
  overlay: Overlay
  ring: RingIdentity
  index: EnumIndex
  /** Of the ring. */
  domain: string
  /** Served for SIP, lower case. */
  domains(): readonly string[]
  /** Trees of numbers for callers of a domain, where it has an order of its own. */
  treesOf(domain: string | undefined): readonly string[]
  /** This node refuses new requests, as it has too much to do. */
  shedding(): boolean
}

/** The DNS server of a node: live zones, stored ones, numbers. */
export function composeDns(
  context: Context,
  { overlay, ring, index, domain, domains, treesOf, shedding }: DnsSurroundings,
): DnsParts {
  const { clock, random, net, logger, config } = context
  const { members, store, ringClock } = overlay
  const loads = new NodeLoads(
    { ring: overlay, busy: loopBusy(), shedding, clock, logger },
    { weight: config.dns.weight, priority: config.dns.priority },
  )
  const source = new LiveMembers({ members, loads, domains }, { version: Math.floor(clock.wall() / 1_000) })
  const live = new LiveZones({ source }, { ttlMs: config.dns.ttl })
  const nameservers = (): string[] =>
    source
      .nodes()
      .filter(({ dns }) => dns !== undefined)
      .map(({ name }) => `${name}.${domain}`)
      .sort()
  const { self } = members
  const notifier = new Notifier(
    { net, clock, random, logger, speaks: () => nameservers()[0] === `${self.name}.${domain}` },
    { host: config.address, secondaries: config.dns.notify.map(parseServer) },
  )
  const onChange = (what: { zone: string } | { tld: string; digits: string }): void => {
    const apex = 'zone' in what ? what.zone : enumZones.find(enumName(what.digits, what.tld))?.apex
    if (apex !== undefined) notifier.changed(apex)
  }
  const served = new ServedRecords({ store, clock, logger, index, nameservers }, { onChange })
  members.onChange(() => served.refreshNameservers())
  const ready = (): boolean => served.ready
  const enumZones = new EnumZones({ index, clock: ringClock, nameservers, ready })
  const zones = joined(enumZones, new LayeredZones({ stored: served.zones, live, ready }))
  const allowed = addressList(config.dns.transferTo)
  const server = new DnsServer(
    {
      logger,
      clock,
      random,
      net,
      zones,
      fast: new FastEnum({ zones: enumZones, clock: ringClock }),
      deltas: (zone, serial) => served.journal.since(zone, serial),
      mayTransfer: (host) => allowed.check(host, isIPv6(host) ? 'ipv6' : 'ipv4'),
    },
    {
      host: config.address,
      port: config.dns.port,
      cookieKey: deriveKey(ring.secret, 'dns cookies'),
      ratePerSecond: config.dns.rate,
    },
  )
  const servers = (config.sip.dnsServers.length > 0 ? config.sip.dnsServers : getServers()).map(parseServer)
  const numbers = new NumberLookupAdapter(
    { zones, index, net, clock, random, logger, treesOf },
    {
      trees: config.enum.trees,
      servers,
      timeoutMs: config.sip.dnsTimeout,
    },
  )
  const check = { net, clock, random, servers }
  return {
    served,
    index,
    enumZones,
    zones,
    server,
    notifier,
    numbers,
    loads,
    nodes: () => source.nodes(),
    nameservers,
    check,
  }
}

/** `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:53`, `2001:db8::53`. */
function parseServer(text: string): Address {
  const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(text)
  const plain = /^([\d.]+)(?::(\d+))?$/.exec(text)
  const [, host = text, port = '53'] = bracketed ?? plain ?? []
  return { host, port: Number(port) }
}

/** Addresses, and prefixes such as 192.0.2.0/24. */
function addressList(texts: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of texts) {
    const [host = '', bits] = text.split('/')
    const family = isIPv6(host) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(host, family)
    else list.addSubnet(host, Number(bits), family)
  }
  return list
}
