/** The zones that a node serves, found by name. */
import { parentOf } from '../wire/names.ts'
import type { Zone } from './tree.ts'

export interface ZoneSource {
  /** The zone with the longest apex that `name` is within. */
  find(name: string): Zone | undefined
}

/** Asks several sources; the longest apex counts, of equal ones that of the first. */
export function joined(...sources: readonly ZoneSource[]): ZoneSource {
  return {
    find(name) {
      let best: Zone | undefined
      for (const source of sources) {
        const zone = source.find(name)
        if (zone && (!best || zone.apex.length > best.apex.length)) best = zone
      }
      return best
    },
  }
}

export class ZoneMap implements ZoneSource {
  readonly #zones = new Map<string, Zone>()

  set(zone: Zone): void {
    this.#zones.set(zone.apex, zone)
  }

  delete(apex: string): boolean {
    return this.#zones.delete(apex)
  }

  get(apex: string): Zone | undefined {
    return this.#zones.get(apex)
  }

  get size(): number {
    return this.#zones.size
  }

  values(): Iterable<Zone> {
    return this.#zones.values()
  }

  find(name: string): Zone | undefined {
    if (this.#zones.size === 0) return undefined
    for (let at: string | undefined = name; at !== undefined; at = parentOf(at)) {
      const zone = this.#zones.get(at)
      if (zone) return zone
    }
    return undefined
  }
}
