/** What kind of run a seed is: size of the ring, how faults come, how long. Drawn from the seed alone. */
import type { Random } from '@thor-node/core'

export interface Profile {
  nodes: number
  /** Nodes that are not there at first and may join. */
  spares: number
  ranges: number
  /** One fault after the other with time to recover, or several at once. Bindings survive any one fault and are judged so. */
  faults: 'serial' | 'storm'
  faultsMs: number
  /** Largest error of a node's wall clock, either way. */
  skewMsMax: number
  /** Two sites with this one-way delay between them; 0: one site. */
  siteDelayMs: number
  /** All lose power at the end. */
  powerCut: boolean
  /** Kinds of faults that do not happen. */
  without: readonly string[]
}

export type ProfileWish = Partial<Profile>

export function drawProfile(random: Random, wish: ProfileWish = {}): Profile {
  const faults = random.int(10) < 7 ? 'storm' : 'serial'
  const drawn: Profile = {
    nodes: [3, 3, 3, 4, 5][random.int(5)] as number,
    spares: random.int(3),
    ranges: 8 << random.int(2),
    faults,
    faultsMs: faults === 'storm' ? 8_000 + random.int(20_000) : 20_000 + random.int(25_000),
    skewMsMax: random.int(2) * 5_000,
    siteDelayMs: random.int(8) === 0 ? 50 : 0,
    powerCut: random.int(2) === 0,
    without: [],
  }
  return { ...drawn, ...wish }
}
