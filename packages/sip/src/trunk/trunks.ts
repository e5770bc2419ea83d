/** All trunks as the proxy of one node sees them: which is up, and how many calls each has over all nodes. */
import type { PeerLoad } from '../guard/peer-load.ts'
import { trunkLimits } from '../limits.ts'
import { parseUri } from '../message/index.ts'
import { transportOfUri } from '../transport/names.ts'
import { type Taker, type TrunkState, trunksFor } from './trunk.ts'

export class Trunks {
  readonly #load: Pick<PeerLoad, 'begin' | 'end'>
  #trunks: readonly TrunkState[] = []

  constructor(components: { load: Pick<PeerLoad, 'begin' | 'end'> }) {
    this.#load = components.load
  }

  /** More than `trunkLimits.trunksMax`, in order of name, are not used. */
  replace(trunks: readonly TrunkState[]): void {
    this.#trunks = [...trunks].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, trunkLimits.trunksMax)
  }

  /** Some are reached over TLS: they may use our connection back (RFC 5923), or open one of their own. */
  get overTls(): boolean {
    return this.#trunks.some(({ target }) => transportOfUri(parseUri(target)) === 'tls')
  }

  /** Where they are. */
  get targets(): readonly string[] {
    return this.#trunks.map(({ target }) => target)
  }

  named(name: string): TrunkState | undefined {
    return this.#trunks.find((trunk) => trunk.name === name)
  }

  /** Undefined: no trunk takes the number that is written so. Else those that are up, best first; there may be none. */
  for(forms: readonly string[]): Taker<TrunkState>[] | undefined {
    const all = trunksFor(this.#trunks, forms)
    if (all.length === 0) return undefined
    return all.filter(({ trunk }) => trunk.up).slice(0, trunkLimits.triedMax)
  }

  /** The call goes by this trunk now, and by no other; false: that has as many as it may. */
  take({ name, callsMax }: TrunkState, callUuid: string): boolean {
    this.#load.end(callUuid)
    return this.#load.begin({ name: loadName(name), callsMax, callsPerSecond: 0 }, callUuid)
  }
}

/** By which calls out are counted: no peer can be called so. */
export const loadName = (trunk: string): string => `trunk:${trunk}`
