import { type DnsRecord, type Found, parentName, type Zone, type ZoneSource, ZoneTree } from '@thor-node/dns'
import type { Members } from '@thor-node/overlay'
import type { NodeLoads } from '../adapters/node-loads.ts'
import { shareAt } from './load.ts'
import { type LiveNode, liveRecords, soaOf } from './zone.ts'

/** Where the nodes and domains of the service come from; must answer from memory. */
export interface LiveSource {
  /** Lower case. */
  domains(): readonly string[]
  nodes(): readonly LiveNode[]
  /** Of all nodes that are known, whether they live or not, without those that left. */
  sites(): readonly string[]
  /** Grows with each change of nodes; becomes the SOA serial, modulo 2^32. */
  version(): number
}

/** Nodes as this one sees the ring now. */
export class LiveMembers implements LiveSource {
  readonly #members: Members
  readonly #loads: Pick<NodeLoads, 'of'>
  readonly #domains: () => readonly string[]
  #nodes: LiveNode[] | undefined
  #version: number

  /** `version`: where serials begin; seconds of wall time keep them growing over restarts. */
  constructor(
    components: { members: Members; loads: Pick<NodeLoads, 'of' | 'onChange'>; domains: () => readonly string[] },
    init: { version: number },
  ) {
    this.#members = components.members
    this.#loads = components.loads
    this.#domains = components.domains
    this.#version = init.version
    const changed = (): void => {
      this.#nodes = undefined
      this.#version++
    }
    this.#members.onChange(changed)
    components.loads.onChange(changed)
  }

  domains(): readonly string[] {
    return this.#domains()
  }

  nodes(): readonly LiveNode[] {
    this.#nodes ??= this.#members
      .list()
      .filter((member) => member.serving && this.#members.isLive(member.nodeId))
      .map(({ nodeId, name, zone: site, weight: ofNode, services }) => {
        const { level, weight, priority } = this.#loads.of(nodeId)
        return { name, site, priority, weight: shareAt(ofNode * weight, level), ...services }
      })
    return this.#nodes
  }

  sites(): readonly string[] {
    const known = this.#members.list().filter(({ state }) => state !== 'left')
    return [...new Set(known.map(({ zone }) => zone))].sort()
  }

  version(): number {
    return this.#version
  }
}

/** The zones of the service: made when they are asked for, kept until nodes or domains change. */
export class LiveZones implements ZoneSource {
  readonly #source: LiveSource
  readonly #ttlSeconds: number
  #zones = new Map<string, Zone>()
  #domains = new Set<string>()
  #madeOf: { version: number; domains: readonly string[] } | undefined

  constructor(components: { source: LiveSource }, init: { ttlMs: number }) {
    this.#source = components.source
    this.#ttlSeconds = Math.floor(init.ttlMs / 1_000)
  }

  find(name: string): Zone | undefined {
    this.#refresh()
    if (this.#domains.size === 0) return undefined
    for (let at: string | undefined = name; at !== undefined; at = parentName(at)) {
      if (this.#domains.has(at)) return this.#zoneOf(at)
    }
    return undefined
  }

  #refresh(): void {
    const [version, domains] = [this.#source.version(), this.#source.domains()]
    const same = this.#madeOf?.version === version && this.#madeOf.domains === domains
    if (same) return
    this.#madeOf = { version, domains }
    this.#domains = new Set(domains)
    this.#zones = new Map()
  }

  #zoneOf(domain: string): Zone {
    const known = this.#zones.get(domain)
    if (known) return known
    const init = {
      nodes: this.#source.nodes(),
      sites: this.#source.sites(),
      serial: this.#source.version(),
      ttlSeconds: this.#ttlSeconds,
    }
    const soa = soaOf(domain, init)
    const zone =
      init.nodes.length > 0 ? new LiveZone(domain, soa, liveRecords(domain, init)) : new UnknownZone(domain, soa)
    this.#zones.set(domain, zone)
    return zone
  }
}

/** It is made anew with each change, on each node by itself, so there is nothing to transfer (RFC 5936 §2.2.1). */
class LiveZone implements Zone {
  readonly apex: string
  readonly soa: DnsRecord
  readonly version = {}
  readonly #tree: ZoneTree

  constructor(apex: string, soa: DnsRecord, records: readonly DnsRecord[]) {
    this.apex = apex
    this.soa = soa
    this.#tree = new ZoneTree(apex, soa, records)
  }

  lookup(name: string, type: number): Found {
    return this.#tree.lookup(name, type)
  }
}

/** A node that sees no node that serves, not even itself, knows nothing: the client shall ask another one. */
class UnknownZone implements Zone {
  readonly apex: string
  readonly soa: DnsRecord
  readonly version = {}

  constructor(apex: string, soa: DnsRecord) {
    this.apex = apex
    this.soa = soa
  }

  lookup(): Found {
    return { kind: 'failure' }
  }
}
