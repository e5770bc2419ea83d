import { InvalidArgumentError } from 'commander'
import { parseDurationMs } from '../config.ts'

/** For options that take a number of things. */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of 1 or more.')
  return Number(text)
}

/** The same where none means something. */
export const wholeNumberOrNone = (text: string): number => (text === '0' ? 0 : wholeNumber(text))

/** For options that take a duration; the value is in seconds. */
export function durationSeconds(text: string): number {
  const ms = parseDurationMs(text)
  if (ms === undefined || ms <= 0) {
    throw new InvalidArgumentError('It must be a duration, such as 90s, 30m, 24h or 7d.')
  }
  return ms / 1_000
}

/** For options that take some of these names, with commas between. */
export const names =
  (known: readonly string[]) =>
  (text: string): string[] => {
    const given = [...new Set(text.split(',').map((name) => name.trim()))].filter((name) => name !== '')
    const wrong = given.find((name) => !known.includes(name))
    if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is none of ${known.join(', ')}.`)
    if (given.length === 0) throw new InvalidArgumentError(`It must name some of ${known.join(', ')}.`)
    return given
  }
