import { domainName, identity, text } from '../accounts/validate.ts'
import { invalid, missing } from '../errors.ts'
import { membersOf, type ScalarName, type StructMember, type StructName, type Value } from '../schema/types.ts'

/** Returns the value in its canonical form, or throws PROVISION_INVALID_VALUE, which names the field. */
export type Rule = (value: never, field: string) => unknown

/** What the members of a type may be. Members without a rule are checked by their scalar type. */
export type Rules<S extends StructName> = { [F in keyof Value<S>]?: Rule }

const scalarRules: Record<ScalarName, Rule> = {
  string: (value: string, field: string) => text(value, field),
  int: (value: number, field: string) => identity(value, field),
  boolean: (value: boolean) => value,
  float: (value: number, field: string) => {
    if (!Number.isFinite(value)) throw invalid(field, 'is not a number')
    return value
  },
}

/**
 * The members of a record that are given, checked. What is only told (`read`) is dropped, nil members are absent. Keys are
 * kept: who stores decides what a key may be.
 */
export function checkMembers<S extends StructName>(type: S, given: Value<S>, rules: Rules<S>, path = ''): Value<S> {
  const out: Record<string, unknown> = {}
  for (const member of membersOf(type)) {
    const value = (given as Record<string, unknown>)[member.name]
    if (value === undefined || member.read) continue
    out[member.name] = checkMember(member, value, rules[member.name as keyof Rules<S>], path)
  }
  return out as Value<S>
}

function checkMember(member: StructMember, value: unknown, rule: Rule | undefined, path: string): unknown {
  const field = path === '' ? member.name : `${path}.${member.name}`
  if (member.values) return enumerated(value as string, field, member.values)
  if (rule) return rule(value as never, field)
  const scalar = scalarRules[member.type as ScalarName]
  return scalar ? scalar(value as never, field) : value
}

function enumerated(value: string, field: string, values: readonly string[]): string {
  const found = values.find((one) => one.toLowerCase() === value.toLowerCase())
  if (found === undefined && value !== '') throw invalid(field, `is not one of ${values.join(', ')}`)
  return found ?? ''
}

/** Throws PROVISION_MISSING_VALUE for the first of the members that is not there, or empty. */
export function needMembers<T extends object>(value: T, names: readonly (keyof T & string)[], path = ''): void {
  for (const name of names) {
    const member = value[name]
    if (member === undefined || member === '') throw missing(path === '' ? name : `${path}.${name}`)
  }
}

const HOST_OR_ADDRESS = /^[A-Za-z0-9._-]+$/
const ADDRESS6 = /^\[?[0-9a-f:.]+\]?$/i

export const host: Rule = (value: string, field: string): string => {
  const name = text(value, field, 253).toLowerCase()
  if (!HOST_OR_ADDRESS.test(name) && !(name.includes(':') && ADDRESS6.test(name))) {
    throw invalid(field, 'is not an address and not a host name')
  }
  return name
}

export const between =
  (least: number, most: number): Rule =>
  (value: number, field: string): number => {
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      throw invalid(field, `is not a number from ${least} to ${most}`)
    }
    return value
  }

export const matching =
  (pattern: RegExp, what: string): Rule =>
  (value: string, field: string): string => {
    if (!pattern.test(text(value, field))) throw invalid(field, `is not ${what}`)
    return value
  }

/** Digits as the rules and routes have them: `0031`, with or without +. Empty fits all. */
export const digits = matching(/^\+?\d{0,32}$/, 'digits')

export const listOf =
  (most: number, each: (value: never, field: string) => unknown): Rule =>
  (values: readonly unknown[], field: string): unknown[] => {
    if (values.length > most) throw invalid(field, `has more than ${most} entries`)
    return values.map((value, index) => each(value as never, `${field}[${index}]`))
  }

/** Names of servers, without the dot at the end. */
export const nameservers = listOf(16, (value: string, field: string) => domainName(value.replace(/\.$/, ''), field))

export const ttl = between(0, 2_147_483_647)
