/** What goes wrong and when, as data: drawn whole before the run, so that a failing run can be repeated with fewer faults. */
import type { Random } from '@thor-node/core'
import type { Profile } from '../profile.ts'

export const faultKinds = [
  'crash',
  'power-off',
  'power-cut',
  'isolate',
  'split',
  'one-way',
  'flap',
  'freeze',
  'stutter',
  'lose',
  'slow-link',
  'disk-stall',
  'disk-slow',
  'bit-rot',
  'clock-jump',
  'join',
  'leave',
  'disk-loss',
  'disk-full',
  'old-image',
  'revoke',
] as const

export type FaultKind = (typeof faultKinds)[number]

export interface Fault {
  /** Its place in the plan: names it for `--faults`. */
  id: number
  kind: FaultKind
  /** Milliseconds after the faults begin. */
  at: number
  forMs: number
  /** In [0, 1): whom and how much, as far as the kind needs it. */
  victim: number
  other: number
  amount: number
}

/** Longest and shortest duration of each kind. */
const durations: Readonly<Record<FaultKind, readonly [minMs: number, maxMs: number]>> = {
  crash: [200, 14_000],
  'power-off': [1_000, 14_000],
  'power-cut': [1_000, 5_000],
  isolate: [300, 20_000],
  split: [300, 20_000],
  'one-way': [500, 15_000],
  flap: [1_000, 8_000],
  freeze: [200, 8_000],
  stutter: [500, 5_000],
  lose: [1_000, 8_000],
  'slow-link': [1_000, 8_000],
  'disk-stall': [100, 3_000],
  'disk-slow': [1_000, 8_000],
  'bit-rot': [10, 11],
  'clock-jump': [1_000, 20_000],
  join: [10, 11],
  leave: [10, 11],
  'disk-loss': [500, 4_000],
  'disk-full': [2_000, 20_000],
  'old-image': [1_000, 10_000],
  revoke: [5_000, 5_001],
}

/** Kinds after which a ring of one fault at a time needs a while before bindings may be judged again, or the next may come. */
export const RECOVERY_MS = 13_000

const weights: Readonly<Partial<Record<FaultKind, number>>> = {
  crash: 4,
  'power-off': 3,
  isolate: 3,
  split: 2,
  leave: 2,
  join: 2,
}

export function planFaults(random: Random, profile: Profile): Fault[] {
  const kinds = faultKinds.filter((kind) => !profile.without.includes(kind))
  const bag = kinds.flatMap((kind) => Array.from({ length: weights[kind] ?? 1 }, () => kind))
  const plan: Fault[] = []
  let at = 500 + random.float() * 3_000
  while (at < profile.faultsMs) {
    const kind = bag[random.int(bag.length)] as FaultKind
    const [min, max] = durations[kind]
    // Short ones are as telling as long ones, and cheaper.
    const forMs = min + (max - min) * random.float() ** 2
    plan.push({
      id: plan.length,
      kind,
      at,
      forMs,
      victim: random.float(),
      other: random.float(),
      amount: random.float(),
    })
    at += profile.faults === 'serial' ? forMs + RECOVERY_MS + random.float() * 1_000 : random.float() * 4_000
  }
  return plan
}

export const faultText = ({ id, kind, at, forMs }: Fault): string =>
  `${id}: ${kind} at ${(at / 1000).toFixed(1)} s for ${(forMs / 1000).toFixed(1)} s`
