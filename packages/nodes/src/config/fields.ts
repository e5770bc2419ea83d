/**
 * Kinds of settings. Each takes what a person types (in a file, the environment or an option), and gives what the code
 * works with. `expect` completes the sentence "must be …".
 */
import { z } from 'zod'

/** What a setting tells about itself: for messages, `--help` and docs/CONFIG.md. */
export interface FieldMeta {
  /** A sentence or two, ending in a full stop. */
  doc: string
  expect: string
  unit?: string
  /** Default in words, when it is not a fixed value. */
  computed?: string
  /** In the first group of `join --help`. */
  important?: boolean
  /** How the value is written back, so that it reads as it would be typed. Plain text when absent. */
  show?: (value: unknown) => string
}

export type FieldInit = Pick<FieldMeta, 'doc' | 'computed' | 'important'>

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** Every failure of a field is one issue; the loader writes the sentence from `expect`. */
function field<T>(init: FieldInit, meta: Omit<FieldMeta, keyof FieldInit>, read: (input: unknown) => T | undefined) {
  return z
    .unknown()
    .transform((input, context): T => {
      const value = read(input)
      if (value !== undefined) return value
      context.addIssue({ code: 'custom', message: meta.expect })
      return z.NEVER
    })
    .meta({ ...init, ...meta })
}

function asText(input: unknown): string | undefined {
  if (typeof input === 'string') return input.trim()
  return typeof input === 'number' ? String(input) : undefined
}

function asNumber(input: unknown): number | undefined {
  if (typeof input === 'string' && /^-?\d+(\.\d+)?$/.test(input.trim())) return Number(input)
  return typeof input === 'number' && Number.isFinite(input) ? input : undefined
}

/** An integer in min … max. */
export function integer(init: FieldInit, min: number, max: number, unit?: string) {
  return field(init, { expect: `a whole number from ${min} to ${max}`, unit }, (input) => {
    const value = asNumber(input)
    return value !== undefined && Number.isInteger(value) && value >= min && value <= max ? value : undefined
  })
}

/** A number in min … max. */
export function decimal(init: FieldInit, min: number, max: number, unit?: string) {
  return field(init, { expect: `a number from ${min} to ${max}`, unit }, (input) => {
    const value = asNumber(input)
    return value !== undefined && value >= min && value <= max ? value : undefined
  })
}

export function port(init: FieldInit) {
  return field(init, { expect: 'a port number from 0 to 65535 (0 = any free port)', unit: 'port' }, (input) => {
    const value = asNumber(input)
    return value !== undefined && Number.isInteger(value) && value >= 0 && value <= 65535 ? value : undefined
  })
}

/** A port number, or undefined for `off`: not opened. */
export function portOrOff(init: FieldInit) {
  const show = (value: unknown): string => (value === undefined || value === 'off' ? 'off' : String(value))
  const expect = 'a port number from 0 to 65535 (0 = any free port), or off'
  return field(init, { expect, unit: 'port', show }, (input): number | 'off' | undefined => {
    // YAML 1.1 readers take `off` for false.
    if (asText(input) === 'off' || input === false) return 'off'
    const value = asNumber(input)
    return value !== undefined && Number.isInteger(value) && value >= 0 && value <= 65535 ? value : undefined
  })
}

export interface PortRange {
  from: number
  to: number
}

/** Digits of a telephone number, or none. YAML takes those that begin with 0 for numbers and drops it: `in quotes` refuses numbers. */
export function digits(init: FieldInit, most: number, quotes?: 'in quotes') {
  const expect = `up to ${most} digits${quotes ? ', in quotes in YAML' : ''}, or nothing`
  return field(init, { expect }, (input) => {
    const text = quotes && typeof input !== 'string' ? undefined : asText(input)
    return text !== undefined && /^\d*$/.test(text) && text.length <= most ? text : undefined
  })
}

/** Both ends included; at least two pairs of RTP and RTCP. */
export function portRange(init: FieldInit) {
  const show = (value: unknown): string => {
    const { from, to } = value as PortRange
    return `${from}-${to}`
  }
  const expect = 'two port numbers like 40000-60000, from 1 to 65535, the second at least 3 above the first'
  return field(init, { expect, unit: 'ports', show }, (input): PortRange | undefined => {
    const match = /^(\d{1,5})\s*-\s*(\d{1,5})$/.exec(asText(input) ?? '')
    if (!match) return undefined
    const [from, to] = [Number(match[1]), Number(match[2])]
    return from >= 1 && to <= 65535 && to >= from + 3 ? { from, to } : undefined
  })
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `60s`, `2m`, `24h`, `7d`, or a number of seconds → milliseconds; undefined when it is none of these. */
export function parseDurationMs(input: unknown): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(asText(input) ?? '')
  return match ? Number(match[1]) * (UNIT_MS[match[2] ?? 's'] as number) : undefined
}

/** 90000 → `90s`, 7200000 → `2h`: the largest unit that leaves no remainder. */
export function formatDurationMs(ms: number): string {
  const unit = ['d', 'h', 'm', 's'].find((name) => ms > 0 && ms % (UNIT_MS[name] as number) === 0) ?? 'ms'
  return ms === 0 ? '0s' : `${ms / (UNIT_MS[unit] as number)}${unit}`
}

/** A duration in minMs … maxMs; the value is in milliseconds. */
export function duration(init: FieldInit, minMs: number, maxMs: number) {
  const show = (value: unknown): string => formatDurationMs(value as number)
  const expect = `a duration like 500ms, 60s, 2m or 24h (a plain number means seconds), from ${show(minMs)} to ${show(maxMs)}`
  return field(init, { expect, unit: 'duration', show }, (input) => {
    const value = parseDurationMs(input)
    return value !== undefined && value >= minMs && value <= maxMs ? value : undefined
  })
}

/** One of these words. */
export function choice<const T extends readonly string[]>(init: FieldInit, words: T) {
  return field(
    init,
    { expect: `one of ${words.join(', ')}` },
    (input) => words.find((word) => word === input) as T[number],
  )
}

/** Texts in an order that does not matter: a YAML list, or text with commas. */
export function texts(init: FieldInit, expect: string, fits: (text: string) => boolean) {
  const show = (value: unknown): string => (value as string[]).join(', ')
  return field(init, { expect, show }, (input): string[] | undefined => {
    const items: unknown[] = Array.isArray(input) ? input : (asText(input) ?? '').split(',')
    const found = items.map((item) => asText(item) ?? '').filter((item) => item !== '')
    return found.every(fits) ? found : undefined
  })
}

/** Some of these words, in an order that matters: a YAML list, or text with commas. */
export function choices<const T extends readonly string[]>(init: FieldInit, words: T) {
  const show = (value: unknown): string => (value as string[]).join(', ')
  const expect = `one or more of ${words.join(', ')}, the preferred first, without repetition`
  return field(init, { expect, show }, (input): T[number][] | undefined => {
    const items: unknown[] = Array.isArray(input) ? input : (asText(input) ?? '').split(',').map((item) => item.trim())
    const found = items.map((item) => words.find((word) => word.toLowerCase() === String(item).toLowerCase()))
    if (found.length === 0 || found.includes(undefined) || new Set(found).size !== found.length) return undefined
    return found as T[number][]
  })
}

/** A literal address of one interface. */
export function ipAddress(init: FieldInit, family: 'IPv4 or IPv6' | 'IPv6' = 'IPv4 or IPv6') {
  const example = family === 'IPv6' ? '2001:db8::1' : '192.0.2.1'
  const expect = `one literal ${family} address of this machine, such as ${example} (names, 0.0.0.0 and :: are not)`
  return field(init, { expect }, (input) => {
    const text = asText(input) ?? ''
    const literal = (family === 'IPv6' ? z.ipv6() : z.union([z.ipv4(), z.ipv6()])).safeParse(text).success
    return literal && text !== '0.0.0.0' && !/^[0:]+$/.test(text) ? text : undefined
  })
}

/** Letters, digits and hyphens: it becomes part of a host name. */
export function label(init: FieldInit) {
  const expect = 'a host label: letters, digits and hyphens, at most 63, not starting or ending with a hyphen'
  return field(init, { expect }, (input) => {
    const text = (asText(input) ?? '').toLowerCase()
    return LABEL.test(text) ? text : undefined
  })
}

export function domainName(init: FieldInit) {
  return field(init, { expect: 'a domain name, such as example.com' }, (input) => {
    const text = (asText(input) ?? '').toLowerCase().replace(/\.$/, '')
    return text.length <= 253 && text.split('.').every((part) => LABEL.test(part)) ? text : undefined
  })
}

/** A path of the file system; `~` at its start is the home directory, which the loader resolves. */
export function path(init: FieldInit, what: 'directory' | 'file' = 'directory') {
  return field(init, { expect: `the path of a ${what}` }, (input) => {
    const text = asText(input) ?? ''
    return text === '' || text.includes('\0') ? undefined : text
  })
}
