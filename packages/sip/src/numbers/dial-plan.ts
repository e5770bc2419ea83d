/**
 * What people dial where they are, made a number of the world (E.164), so that accounts, ENUM and trunks see one and the same
 * number however it was written. Pure; what is normal already stays as it is.
 */

/** How numbers are dialled at one place. Digits; '' is none. */
export interface DialPlan {
  /** Country code: `31`. Without one only what names its country becomes a number of the world. */
  country: string
  /** Code of the area in which numbers are dialled without one: `20`. */
  area: string
  /** Dialled before a country code: `00`, `011`. */
  international: string
  /** Dialled before the code of an area, and no part of the number: `0`, `1`. */
  national: string
  /** Digits of a number with its area and without prefix, where all have as many: those may be dialled without prefix. 0: they vary. */
  nationalDigits: number
  /** Stay as they are dialled: numbers, and with * at the end all that begin so: `112`, `0800*`. */
  keep: readonly string[]
}

/** Of a ring that says nothing: what begins with + is a number of the world, and nothing else. */
export const noPlan: DialPlan = { country: '', area: '', international: '', national: '', nationalDigits: 0, keep: [] }

/** Digits that a number of the world has at most (E.164 §6.1). */
const DIGITS_MAX = 15
/** Of numbers that vary in length, those without any prefix that have no more digits are extensions and services. */
const SHORT_DIGITS_MAX = 6
/** Countries do not begin with 0. */
const WORLD = /^[1-9]\d*$/

/**
 * `+31201234567`, or the digits as they are where no number of the world can be made of them: extensions, services, what the
 * plan keeps. Takes digits with or without + in front.
 */
export function normalise(dialled: string, plan: DialPlan): string {
  if (dialled.startsWith('+') || plan.keep.some((kept) => fits(dialled, kept))) return dialled
  const found = worldOf(dialled, plan)
  return found !== undefined && WORLD.test(found) && found.length <= DIGITS_MAX ? `+${found}` : dialled
}

function worldOf(dialled: string, plan: DialPlan): string | undefined {
  const { country, area, international, national, nationalDigits } = plan
  if (international !== '' && dialled.startsWith(international)) return dialled.slice(international.length)
  if (country === '') return undefined
  const fitsNational = ({ length }: string): boolean =>
    nationalDigits > 0 ? length === nationalDigits : length > SHORT_DIGITS_MAX
  if (national !== '' && dialled.startsWith(national)) {
    const rest = dialled.slice(national.length)
    // Of varying length: whoever dials the prefix means a number with its area.
    return rest !== '' && (nationalDigits === 0 || fitsNational(rest)) ? country + rest : undefined
  }
  // Without prefix: in its own area, or, where there is no prefix or all are of one length, anywhere in the country.
  if (area !== '' && (nationalDigits > 0 ? fitsNational(area + dialled) : dialled.length > SHORT_DIGITS_MAX))
    return country + area + dialled
  return fitsNational(dialled) && (nationalDigits > 0 || (national === '' && area === ''))
    ? country + dialled
    : undefined
}

const fits = (dialled: string, kept: string): boolean =>
  kept.endsWith('*') ? dialled.startsWith(kept.slice(0, -1)) : dialled === kept

/** One number as people and machines write it, the normal one first: accounts and prefixes of trunks are found by any. */
export function formsOf(dialled: string, plan: DialPlan): string[] {
  const number = normalise(dialled, plan)
  return [...new Set(number.startsWith('+') ? [number, dialled, `00${number.slice(1)}`] : [number])]
}
