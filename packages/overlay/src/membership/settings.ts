import { defaultSuspicion, type SuspicionSettings } from './suspicion.ts'

export interface MembershipSettings {
  probePeriodMs: number
  probeTimeoutMs: number
  indirectProbes: number
  /** Members in doubt that are probed twice in every period, besides the one whose turn it is. */
  doubtfulProbes: number
  /** After so many direct probes in a row without an answer, over so long, the connection is made anew. */
  missesMax: number
  missesMs: number
  /** About so many members tell all others what everybody finds out for itself. */
  tellersMax: number
  /** Full exchange with one member, by turns. */
  syncPeriodMs: number
  syncTimeoutMs: number
  /** This node blames nobody for silence in its first moments. */
  startGraceMs: number
  /** A timer that fires later than this shows that this node stood still. */
  stallMs: number
  suspicion: SuspicionSettings
}

export const defaultMembership: MembershipSettings = {
  probePeriodMs: 500,
  probeTimeoutMs: 300,
  indirectProbes: 3,
  doubtfulProbes: 8,
  missesMax: 6,
  missesMs: 5_000,
  tellersMax: 16,
  syncPeriodMs: 2_500,
  syncTimeoutMs: 1_000,
  startGraceMs: 1_000,
  stallMs: 100,
  suspicion: defaultSuspicion,
}

/** Nodes in one place, or sites up to some 100 ms apart, one way. */
export type Profile = 'lan' | 'wan'

/** What differs from the defaults. With `wan` a silent node is dead after 6 to 24 s instead of 3 to 12. */
export const membershipProfiles: Record<Profile, Partial<MembershipSettings>> = {
  lan: {},
  wan: {
    probePeriodMs: 1_000,
    probeTimeoutMs: 1_000,
    syncPeriodMs: 5_000,
    syncTimeoutMs: 3_000,
    startGraceMs: 3_000,
    suspicion: { ...defaultSuspicion, minMs: 6_000, maxMs: 24_000 },
  },
}
