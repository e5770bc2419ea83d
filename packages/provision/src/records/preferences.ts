import type { Aor } from '@thor-node/core'
import type { Registers } from '../accounts/registers.ts'
import { domainName, text, user } from '../accounts/validate.ts'
import { failure, invalid } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Value } from '../schema/types.ts'
import { between, checkMembers, listOf, matching, type Rule, type Rules } from './rules.ts'
import { RecordTable } from './table.ts'

export type Condition = 'FUNC' | 'FNOL' | 'FBUS' | 'FNOA' | 'FUNV'

/** `prefs/<aor>`: what an account wants done with its calls, in one register, for its home to plan by. */
export interface Preferences {
  /** Condition → `sip:user@domain`, or VOICE_MAILBOX. */
  diversions: Partial<Record<Condition, string>>
  accept: {
    persistent: { days: number; start: string; stop: string; groups: string[] }[]
    /** Until when, epoch milliseconds. */
    temporary?: { groups: string[]; until: number }
  }
  /** `sip:user@domain` */
  reject: string[]
  /** `+` and digits: numbers that begin so may not be called. */
  barring: string[]
}

/** Stands for the account's own mailbox. */
export const VOICE_MAILBOX = '<voice-mailbox>'

export const noPreferences: Preferences = { diversions: {}, accept: { persistent: [] }, reject: [], barring: [] }

/** `phonebook/<aor>`, by name of the URI. */
export interface Phonebook {
  entries: Value<'PhonebookEntry'>[]
}

/** SIP addresses with user, canonical; telephone numbers are users of a domain. */
export const sipAddress: Rule = (value: string, field: string): string => {
  const bare = value.trim().replace(/^<(.*)>$/, '$1')
  const [, scheme = 'sip', rest = ''] = /^(?:(sips?):)?(.*)$/i.exec(bare) ?? []
  const at = rest.lastIndexOf('@')
  if (at <= 0) throw invalid(field, 'is not an address, such as sip:user@example.com')
  return `${scheme.toLowerCase()}:${user(rest.slice(0, at), field)}@${domainName(rest.slice(at + 1), field)}`
}

const diversion: Rule = (value: string, field: string): string | undefined => {
  if (value.trim() === '') return undefined
  return /^<?voice-mailbox>?$/.test(value.trim()) ? VOICE_MAILBOX : (sipAddress(value as never, field) as string)
}

export const diversionRules: Rules<'CallDiversions'> = {
  FUNC: diversion,
  FNOL: diversion,
  FBUS: diversion,
  FNOA: diversion,
  FUNV: diversion,
}

const group = matching(/^[A-Za-z0-9_.-]{1,64}$/, 'a name of a group')
const groups = listOf(limits.groupsMax, group)
const time = matching(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'a time, such as 08:30')
const acceptRuleRules: Rules<'AcceptRule'> = { days: between(1, 127), start: time, stop: time, groups }

const acceptRule: Rule = (value: Value<'AcceptRule'>, field: string): Preferences['accept']['persistent'][number] => {
  const rule = checkMembers('AcceptRule', value, acceptRuleRules, field)
  const { days = 127, start = '00:00', stop = '24:00', groups: names = [] } = rule
  if (start >= stop) throw invalid(`${field}.stop`, `is not after ${start}`)
  return { days, start, stop, groups: names }
}

const acceptRuleList = listOf(limits.acceptRulesMax, acceptRule)

/** What is stored of accept rules. `now` in epoch milliseconds; a duration of 0 ends the temporary rule. */
export function acceptOf(rules: Value<'AcceptRules'>, now: number): Preferences['accept'] {
  const persistent = acceptRuleList((rules.persistent ?? []) as never, 'rules.persistent')
  const { duration = 0, groups: names = [] } = rules.temporary ?? {}
  between(0, 60 * 24 * 366)(duration as never, 'rules.temporary.duration')
  const checked = groups(names as never, 'rules.temporary.groups') as string[]
  return {
    persistent: persistent as Preferences['accept']['persistent'],
    ...(duration > 0 && { temporary: { groups: checked, until: now + duration * 60_000 } }),
  }
}

/** As told: what is left of a temporary rule in minutes, begun ones included. */
export function acceptView({ persistent, temporary }: Preferences['accept'], now: number): Value<'AcceptRules'> {
  const left = temporary ? Math.ceil((temporary.until - now) / 60_000) : 0
  return { persistent, ...(temporary && left > 0 && { temporary: { groups: temporary.groups, duration: left } }) }
}

export const rejectMembers = listOf(limits.rejectMembersMax, sipAddress)
export const barringPrefixes = listOf(limits.barringMax, matching(/^\+\d{1,15}$/, '+ and digits'))

const entryGroups = ['', 'vip', 'business', 'coworkers', 'friends', 'family']
export const phonebookRules: Rules<'PhonebookEntry'> = {
  uri: (value: string, field: string): string => {
    const uri = text(value.trim(), field)
    if (uri === '' || /[\s<>"]/.test(uri)) throw invalid(field, 'is not an address')
    return uri
  },
  group: (value: string, field: string): string => {
    const name = value.toLowerCase()
    if (!entryGroups.includes(name)) throw invalid(field, `is not one of ${entryGroups.slice(1).join(', ')}`)
    return name
  },
}

/** Preferences and phone books of accounts, in the range of the account. */
export class AccountTables {
  readonly preferences: RecordTable<Preferences>
  readonly phonebooks: RecordTable<Phonebook>

  constructor(components: { registers: Registers }) {
    const codes = { unknown: 'PROVISION_ACCOUNT_UNKNOWN', exists: 'PROVISION_ACCOUNT_EXISTS' } as const
    this.preferences = new RecordTable(components, { kind: 'prefs', what: 'preferences of', ...codes })
    this.phonebooks = new RecordTable(components, { kind: 'phonebook', what: 'phonebook of', ...codes })
  }

  async preferencesOf(aor: Aor): Promise<Preferences> {
    return (await this.preferences.find(aor))?.body ?? noPreferences
  }

  change(aor: Aor, fn: (preferences: Preferences) => Preferences, etag?: string): Promise<Preferences> {
    return this.preferences.upsert(aor, (current) => fn(current ?? noPreferences), etag)
  }

  async entriesOf(aor: Aor): Promise<Value<'PhonebookEntry'>[]> {
    return (await this.phonebooks.find(aor))?.body.entries ?? []
  }

  async addEntry(aor: Aor, entry: Value<'PhonebookEntry'>): Promise<void> {
    await this.phonebooks.upsert(aor, (current) => {
      const entries = current?.entries ?? []
      if (entries.some(({ uri }) => uri === entry.uri)) {
        throw failure('PROVISION_PHONEBOOK_EXISTS', `${entry.uri} is in the phonebook already`)
      }
      if (entries.length >= limits.phonebookMax) {
        throw invalid('entry', `the phonebook has ${limits.phonebookMax} entries, which is the limit`)
      }
      return { entries: [...entries, entry].sort((a, b) => ((a.uri ?? '') < (b.uri ?? '') ? -1 : 1)) }
    })
  }

  async changeEntry(
    aor: Aor,
    uri: string,
    fn: (entry: Value<'PhonebookEntry'>) => Value<'PhonebookEntry'> | undefined,
  ): Promise<void> {
    await this.phonebooks.upsert(aor, (current) => {
      const entries = current?.entries ?? []
      const at = entries.findIndex((entry) => entry.uri === uri)
      if (at < 0) throw failure('PROVISION_PHONEBOOK_UNKNOWN', `${uri} is not in the phonebook`)
      const next = fn(entries[at] as Value<'PhonebookEntry'>)
      return { entries: next ? entries.with(at, next) : entries.toSpliced(at, 1) }
    })
  }
}
