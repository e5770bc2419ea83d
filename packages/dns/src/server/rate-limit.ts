/**
 * How often the same is said to the same network over UDP. Somebody who writes another's address on his questions gets that
 * one few answers; a resolver that asks much asks for different things.
 */
import type { Clock } from '@thor-node/core'
import { RATE_SLIP, RATE_TABLE_ENTRIES } from '../limits.ts'

export type RateVerdict = 'answer' | 'truncate' | 'drop'

const WINDOW_MS = 1_000

export class RateLimit {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #counts = new Uint32Array(RATE_TABLE_ENTRIES)
  #windowEnd = 0
  #slipped = 0

  /** `perSecond`: answers of one kind to one /24 or /56; 0: any number. */
  constructor({ clock }: { clock: Clock }, init: { perSecond: number }) {
    this.#clock = clock
    this.#perSecond = init.perSecond
  }

  /** `what`: a number for what is said: a name and type, or the zone of errors. */
  judge(host: string, what: number): RateVerdict {
    if (this.#perSecond === 0) return 'answer'
    const now = this.#clock.now()
    if (now >= this.#windowEnd) {
      this.#counts.fill(0)
      this.#windowEnd = now + WINDOW_MS
    }
    const place = mixed(networkHash(host), what) % RATE_TABLE_ENTRIES
    const count = (this.#counts[place] as number) + 1
    this.#counts[place] = count
    if (count <= this.#perSecond) return 'answer'
    this.#slipped = (this.#slipped + 1) % RATE_SLIP
    return this.#slipped === 0 ? 'truncate' : 'drop'
  }
}

/** Of the first three numbers of an IPv4 address, the first four groups of an IPv6 one (less the last octet). */
function networkHash(host: string): number {
  const six = host.includes(':')
  const end = six ? sixEnd(host) : host.lastIndexOf('.')
  let hash = 0x811c9dc5
  for (let at = 0; at < end; at++) hash = Math.imul(hash ^ host.charCodeAt(at), 0x01000193)
  return hash >>> 0
}

function sixEnd(host: string): number {
  let colons = 0
  for (let at = 0; at < host.length; at++) {
    if (host.charCodeAt(at) === 58 && ++colons === 4) return Math.max(0, at - 2)
  }
  return host.length
}

const mixed = (a: number, b: number): number => {
  let hash = Math.imul(a ^ (b >>> 0), 0x9e3779b1)
  hash ^= hash >>> 15
  return Math.imul(hash, 0x85ebca6b) >>> 0
}

/** A number for a name and type (FNV-1a over the octets in lower case). */
export function questionHash(raw: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < raw.length; at++) hash = Math.imul(hash ^ ((raw[at] as number) | 0x20), 0x01000193)
  return hash >>> 0
}
