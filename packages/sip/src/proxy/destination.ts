/** Where a request goes, once that has been found out. */
import type { Aor } from '@thor-node/core'
import type { Diversion, LedByEnum } from '../delegates.ts'
import { isSecure } from '../transport/names.ts'
import type { TrunkState } from '../trunk/trunk.ts'
import type { RemoteHop } from './hops.ts'

export interface Destination {
  /** Account of the callee; absent for foreign targets. */
  account?: Aor
  trail?: readonly Aor[]
  diversions?: readonly Diversion[]
  /** What led there, where ENUM did. */
  led?: LedByEnum
  /** Nothing that limits or bars calls counts. */
  emergency?: boolean
  targets: readonly (Way & { group: number; others?: readonly Way[] })[]
}

/** One way to a device, to a foreign host, or to a number outside. */
export interface Way {
  uri: string
  hop: RemoteHop
  routes?: readonly string[]
  trunk?: TrunkState
}

/** A target as far as TLS leads to it: none, or one. */
export function onlySecure({
  group,
  others = [],
  ...first
}: Destination['targets'][number]): Destination['targets'][number][] {
  const [way, ...left] = [first, ...others].filter(({ hop }) => isSecure(hop.transport))
  return way ? [{ ...way, group, others: left }] : []
}
