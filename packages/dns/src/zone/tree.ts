/** The records of one zone, ready to be looked up (RFC 1034 §4.3.2, wildcards by RFC 4592). Immutable: a change makes a new one. */
import { TYPE } from '../wire/codes.ts'
import { isWithin, parentOf } from '../wire/names.ts'
import type { DnsRecord } from '../wire/rdata.ts'

/** What a zone says of a name and a type. */
export type Found =
  | { kind: 'records'; records: readonly DnsRecord[] }
  /** Another name is asked for instead. */
  | { kind: 'alias'; record: DnsRecord }
  /** The name exists, not this type. */
  | { kind: 'no-data' }
  | { kind: 'no-name' }
  /** Another server has what is below `name`. */
  | { kind: 'referral'; records: readonly DnsRecord[] }
  /** Nobody here knows at the moment: the client shall ask another server. */
  | { kind: 'failure' }

/** A zone that is served. */
export interface Zone {
  /** Canonical. */
  readonly apex: string
  readonly soa: DnsRecord
  /** `name` within the zone, canonical. `type` ANY: some set of the name. */
  lookup(name: string, type: number): Found
  /** Every record but the SOA, for a transfer; undefined for a zone that is made anew for each question. */
  records?(): Iterable<DnsRecord>
  /** Ready-made answers stay right as long as this is the same object; undefined: none are kept. */
  readonly version: object | undefined
}

type Sets = Map<number, DnsRecord[]>

export class ZoneTree implements Zone {
  readonly apex: string
  readonly soa: DnsRecord
  readonly version = {}
  /** By name, with names that have no records of their own but names below. */
  readonly #nodes = new Map<string, Sets>()
  /** Names below the apex with NS: where other zones begin. */
  readonly #cuts = new Set<string>()
  #wild = false

  /** Records outside the zone are left out. */
  constructor(apex: string, soa: DnsRecord, records: Iterable<DnsRecord>) {
    this.apex = apex
    this.soa = soa
    this.#nodes.set(apex, new Map([[TYPE.SOA, [soa]]]))
    for (const record of records) this.#add(record)
  }

  #add(record: DnsRecord): void {
    const { name, type } = record
    if (!isWithin(name, this.apex) || type === TYPE.SOA) return
    const sets = this.#node(name)
    const set = sets.get(type)
    if (set) set.push(record)
    else sets.set(type, [record])
    if (type === TYPE.NS && name !== this.apex) this.#cuts.add(name)
    if (name.startsWith('*.')) this.#wild = true
  }

  #node(name: string): Sets {
    const known = this.#nodes.get(name)
    if (known) return known
    const sets: Sets = new Map()
    this.#nodes.set(name, sets)
    if (name !== this.apex) this.#node(parentOf(name) as string)
    return sets
  }

  lookup(name: string, type: number): Found {
    const cut = this.#cuts.size > 0 ? this.#cutAbove(name) : undefined
    if (cut) return { kind: 'referral', records: cut }
    const sets = this.#nodes.get(name)
    if (sets) return pick(sets, type)
    if (this.#wild) {
      const encloser = this.#encloser(name)
      const wild = this.#nodes.get(`*.${encloser}`)
      if (wild) return renamed(pick(wild, type), name)
    }
    return { kind: 'no-name' }
  }

  *records(): Iterable<DnsRecord> {
    for (const sets of this.#nodes.values()) {
      for (const [type, set] of sets) if (type !== TYPE.SOA) yield* set
    }
  }

  /** The closest name above that exists. */
  #encloser(name: string): string {
    let at = name
    while (!this.#nodes.has(at)) at = parentOf(at) as string
    return at
  }

  #cutAbove(name: string): DnsRecord[] | undefined {
    let found: string | undefined
    for (let at: string | undefined = name; at !== undefined && at !== this.apex; at = parentOf(at)) {
      if (this.#cuts.has(at)) found = at
    }
    return found === undefined ? undefined : this.#nodes.get(found)?.get(TYPE.NS)
  }
}

function pick(sets: Sets, type: number): Found {
  const records = sets.get(type)
  if (records) return { kind: 'records', records }
  const alias = sets.get(TYPE.CNAME)?.[0]
  if (alias && type !== TYPE.ANY) return { kind: 'alias', record: alias }
  const first = type === TYPE.ANY ? sets.values().next().value : undefined
  return first ? { kind: 'records', records: first } : { kind: 'no-data' }
}

const renamed = (found: Found, name: string): Found => {
  if (found.kind === 'records') return { kind: 'records', records: found.records.map((one) => ({ ...one, name })) }
  return found.kind === 'alias' ? { kind: 'alias', record: { ...found.record, name } } : found
}
