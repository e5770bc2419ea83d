import { defaultSuspicion, type SuspicionSettings } from './suspicion.ts'

export interface MembershipSettings {
  probePeriodMs: number
  probeTimeoutMs: number
  indirectProbes: number
  /** Members in doubt that are probed in every period, besides the one whose turn it is. */
  doubtfulProbes: number
  /** After so many direct probes in a row without an answer the connection is made anew. */
  missesMax: number
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
  missesMax: 4,
  syncPeriodMs: 2_500,
  syncTimeoutMs: 1_000,
  startGraceMs: 1_000,
  stallMs: 100,
  suspicion: defaultSuspicion,
}
