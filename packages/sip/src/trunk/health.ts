/** Is a trunk there? What answers to OPTIONS say of it: one that is silent for a while is down, one that answers again is up. */

export interface Health {
  up: boolean
  /** Answers in a row that speak against what it is thought to be. */
  against: number
  /** Wall time in ms of the last change; 0: none has been seen. */
  since: number
}

export interface HealthSettings {
  /** Failures in a row before a trunk is down, and answers in a row before it is up. */
  failures: number
  successes: number
}

/** Nobody knows better yet: calls are tried. */
export const unknownHealth: Health = { up: true, against: 0, since: 0 }

/** `answered`: see `isAnswer`. */
export function judgeHealth(health: Health, answered: boolean, settings: HealthSettings, wallMs: number): Health {
  if (answered === health.up) return health.against === 0 ? health : { ...health, against: 0 }
  const against = health.against + 1
  const enough = health.up ? settings.failures : settings.successes
  return against >= enough ? { up: answered, against: 0, since: wallMs } : { ...health, against }
}

/** Whatever is said, somebody is there who could take a call; but for those who say that they cannot. */
export const isAnswer = (status: number): boolean => status !== 408 && status !== 503
