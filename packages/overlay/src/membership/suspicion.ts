/**
 * The arithmetic of suspicion (Lifeguard, arXiv:1707.00788 §IV): the more members confirm it, the sooner it becomes a
 * verdict; the worse this node itself feels, the later.
 */
export interface SuspicionSettings {
  /** With all confirmations that count. */
  minMs: number
  /** Without any. */
  maxMs: number
  /** Confirmations, beyond the first accusation, after which no further one shortens the time. */
  confirmationsMax: number
  /** Upper end of local health, 1 … `healthMax`. */
  healthMax: number
}

export const defaultSuspicion: SuspicionSettings = { minMs: 3_000, maxMs: 12_000, confirmationsMax: 2, healthMax: 8 }

/**
 * How long a suspect has to refute. `accusers`: members that have evidence of their own; `others`: live members besides this
 * node and the suspect; `health`: 1 is well. From `maxMs` to `minMs` on a logarithmic scale, times health; with
 * nobody to confirm it, twice `minMs`.
 */
export function suspicionMs(
  { accusers, others, health }: { accusers: number; others: number; health: number },
  settings: SuspicionSettings = defaultSuspicion,
): number {
  const needed = Math.min(settings.confirmationsMax, others)
  const confirmations = Math.min(needed, Math.max(0, accusers - 1))
  const share = needed === 0 ? 0 : Math.log(confirmations + 1) / Math.log(needed + 1)
  const alone = needed === 0 && accusers > 0
  const base = alone ? 2 * settings.minMs : settings.maxMs - (settings.maxMs - settings.minMs) * share
  return Math.round(base * Math.min(settings.healthMax, Math.max(1, health)))
}

/**
 * At how many members a suspect's machine must say "nothing listens here" to be dead at once: two, or all that there are.
 * The observers are this node and the `others`.
 */
export function refusalsNeeded(others: number): number {
  return Math.min(2, others + 1)
}
