/** What changed in zones from serial to serial, for secondaries that have most of it (RFC 1995). In memory, as far as this node saw it. */
import { makeRoom } from '@thor-node/core'
import { JOURNAL_LIMITS } from '../limits.ts'
import type { DnsRecord } from '../wire/rdata.ts'
import type { Zone } from './tree.ts'

export interface Delta {
  /** SOA before and after. */
  from: DnsRecord
  to: DnsRecord
  gone: readonly DnsRecord[]
  added: readonly DnsRecord[]
}

/** The five numbers at the end of a SOA begin with it. */
export const serialOf = ({ data }: DnsRecord): number => data.readUInt32BE(data.length - 20)

const keyOf = ({ name, type, ttl, data }: DnsRecord): string => `${name} ${type} ${ttl} ${data.toString('latin1')}`

/** Records that only one of both has; the same objects cost nothing to compare. */
export function deltaOf(before: Zone, after: Zone): Delta {
  const [old, made] = [new Set(before.records?.() ?? []), new Set(after.records?.() ?? [])]
  const gone = new Map([...old].filter((one) => !made.has(one)).map((one) => [keyOf(one), one]))
  const added: DnsRecord[] = []
  for (const one of made) if (!old.has(one) && !gone.delete(keyOf(one))) added.push(one)
  return { from: before.soa, to: after.soa, gone: [...gone.values()], added }
}

const sizeOf = ({ gone, added }: Delta): number => gone.length + added.length + 2

export class Journal {
  readonly #zones = new Map<string, Delta[]>()
  /** Serials that stood for two states, since name servers came or went: nobody knows which of them a secondary has. */
  readonly #unsure = new Map<string, number>()

  /** A zone became another one. What cannot be told as a step from the last one begins anew. */
  note(before: Zone, after: Zone): void {
    const { apex } = after
    const kept = this.#zones.get(apex) ?? []
    this.#zones.delete(apex)
    const serial = serialOf(before.soa)
    if (serial === serialOf(after.soa)) {
      this.#unsure.set(apex, serial)
      return
    }
    const unsure = this.#unsure.get(apex) === serial
    this.#unsure.delete(apex)
    if (unsure) return
    const deltas = [...kept, deltaOf(before, after)]
    let size = deltas.reduce((sum, delta) => sum + sizeOf(delta), 0)
    while (deltas.length > JOURNAL_LIMITS.deltasMax || size > JOURNAL_LIMITS.recordsMax) {
      const first = deltas.shift()
      if (!first) return
      size -= sizeOf(first)
    }
    makeRoom(this.#zones, JOURNAL_LIMITS.zonesMax)
    this.#zones.set(apex, deltas)
  }

  /** The way from one serial to the zone as it is; undefined: it is not known, so the whole zone is to be told. */
  since(zone: Pick<Zone, 'apex' | 'soa'>, serial: number): readonly Delta[] | undefined {
    const deltas = this.#zones.get(zone.apex) ?? []
    const first = deltas.findIndex(({ from }) => serialOf(from) === serial)
    const last = deltas.at(-1)
    if (first < 0 || !last || !last.to.data.equals(zone.soa.data)) return undefined
    return deltas.slice(first)
  }

  /** What was told before leads nowhere any more. */
  forget(apex: string): void {
    this.#zones.delete(apex)
    this.#unsure.delete(apex)
  }
}
