/** Changes of REG that are repeated until it is known what became of them. */
import type { Clock } from './clock.ts'
import { sleep } from './clock.ts'
import { errorCode } from './errors.ts'
import { type Random, randomHex } from './random.ts'

/** Tries of what has an unknown outcome. */
const UNKNOWN_TRIES = 3
/** Who finds no quorum is told sooner than that; who is told later had others in his way, or a slow disk. */
const CONTENDED_MS = 1_900
/** After this nothing is begun anew: whoever asked waits for an answer. */
const PATIENCE_MS = 6_000
/** Between tries, times chance; doubled each time. */
const PAUSE_MS = 50
const PAUSE_MAX_MS = 800

export interface SurelyInit {
  /**
   * What was refused since others changed the same register all the time is tried again. For registers that many share.
   *
   * @default false
   */
  contended?: boolean
}

/**
 * Runs an operation under an id of its own, and again under the same id when its outcome is unknown, so that it is never done twice.
 * Rejects with `STORE_UNKNOWN` when that stays so, with `STORE_UNAVAILABLE` when nothing changed, and with what `run` throws else.
 */
export async function surely<R>(
  { clock, random }: { clock: Clock; random: Random },
  run: (opId: string) => Promise<R>,
  { contended = false }: SurelyInit = {},
): Promise<R> {
  const opId = randomHex(random, 16)
  const began = clock.now()
  let unknown: unknown
  for (let attempt = 1; ; attempt++) {
    const triedAt = clock.now()
    try {
      return await run(opId)
    } catch (error) {
      const code = errorCode(error)
      if (code === 'STORE_UNKNOWN') unknown = error
      else if (code !== 'STORE_UNAVAILABLE') throw error
      const now = clock.now()
      const again = contended && now - triedAt >= CONTENDED_MS && now - began < PATIENCE_MS
      // A repetition that finds no quorum tells nothing about the first try, and the next one would find none either.
      const few = code === 'STORE_UNKNOWN' && attempt < UNKNOWN_TRIES
      if (isAlone(error) || !(again || few)) throw unknown ?? error
      if (again) await sleep(clock, Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** (attempt - 1)) * (0.5 + random.float()))
    }
  }
}

/** It is unknown, and no quorum was in sight. */
const isAlone = (error: unknown): boolean => error instanceof Error && errorCode(error.cause) === 'STORE_UNAVAILABLE'
