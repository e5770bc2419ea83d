import type { DnsRecord, Found, Zone, ZoneSource } from '@thor-node/dns'

/**
 * Stored zones above live ones: for a domain that is both, what an operator wrote counts, and what he left out is that of the
 * nodes. Elsewhere the longest apex counts.
 */
export class LayeredZones implements ZoneSource {
  readonly #stored: ZoneSource
  readonly #live: ZoneSource
  readonly #ready: () => boolean
  readonly #layers = new Map<string, LayeredZone>()

  /** `ready`: stored zones have been read. */
  constructor(components: { stored: ZoneSource; live: ZoneSource; ready(): boolean }) {
    this.#stored = components.stored
    this.#live = components.live
    this.#ready = () => components.ready()
  }

  find(name: string): Zone | undefined {
    const live = this.#live.find(name)
    if (!this.#ready()) return live && new HalfKnownZone(live)
    const stored = this.#stored.find(name)
    if (!stored || !live) return stored ?? live
    if (stored.apex !== live.apex) return stored.apex.length > live.apex.length ? stored : live
    const known = this.#layers.get(stored.apex)
    if (known?.isOf(stored, live)) return known
    const layered = new LayeredZone(stored, live)
    this.#layers.set(stored.apex, layered)
    return layered
  }
}

/** Names above which a zone of its own is delegated, or that are aliases, are the stored zone's alone. */
class LayeredZone implements Zone {
  readonly apex: string
  readonly soa: DnsRecord
  readonly version = {}
  readonly #stored: Zone
  readonly #live: Zone

  constructor(stored: Zone, live: Zone) {
    this.apex = stored.apex
    this.soa = stored.soa
    this.#stored = stored
    this.#live = live
  }

  isOf(stored: Zone, live: Zone): boolean {
    return this.#stored === stored && this.#live === live
  }

  lookup(name: string, type: number): Found {
    const stored = this.#stored.lookup(name, type)
    if (stored.kind !== 'no-data' && stored.kind !== 'no-name') return stored
    const live = this.#live.lookup(name, type)
    return live.kind === 'no-name' ? stored : live
  }

  records(): Iterable<DnsRecord> {
    return this.#stored.records?.() ?? []
  }
}

/** A live zone while nobody has read yet what is stored of it: what it does not have may be there. */
class HalfKnownZone implements Zone {
  readonly apex: string
  readonly soa: DnsRecord
  readonly version = undefined
  readonly #live: Zone

  constructor(live: Zone) {
    this.apex = live.apex
    this.soa = live.soa
    this.#live = live
  }

  lookup(name: string, type: number): Found {
    const found = this.#live.lookup(name, type)
    return found.kind === 'no-name' || found.kind === 'no-data' ? { kind: 'failure' } : found
  }
}
