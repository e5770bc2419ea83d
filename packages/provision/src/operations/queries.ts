import { limits } from '../limits.ts'

/** The three optional members of every list query. */
export interface ListQuery {
  filter?: Readonly<Record<string, unknown>>
  orderBy?: { attribute?: string; direction?: string }
  range?: { start?: number; count?: number }
}

export type Cell = string | number | boolean | readonly string[]

/** A candidate: its fields by the names that filters and orders use, and what it becomes in the answer. */
export interface Row<T> {
  fields: Readonly<Record<string, Cell>>
  value: T
}

/** A row whose fields are the scalar members of its value, with more, and the exact time of its last change. */
export function rowOf<T extends object>(value: T, changedAt: number, more: Row<T>['fields'] = {}): Row<T> {
  const cells = Object.entries(value).filter(([, cell]) => typeof cell !== 'object' && cell !== undefined)
  return { fields: { ...Object.fromEntries(cells), changeDate: changedAt, ...more }, value }
}

interface Defaults {
  attribute: string
  direction: 'ASC' | 'DESC'
}

/**
 * Filter, order, then page. `total` counts what matches before paging. A string, number or list that is empty is no constraint;
 * an attribute that rows do not have leaves the default order.
 */
export function runQuery<T>(
  rows: Iterable<Row<T>>,
  query: ListQuery | undefined,
  defaults: Defaults,
): { values: T[]; total: number } {
  const best = new BestRows<T>(query, defaults)
  for (const row of rows) best.add(row)
  return best.result()
}

/** The same for rows that come one by one, of which only those that may be in the answer are kept. */
export class BestRows<T> {
  readonly #query: ListQuery | undefined
  readonly #defaults: Defaults
  readonly #tests: ((fields: Row<T>['fields']) => boolean)[]
  readonly #start: number
  readonly #end: number
  #rows: Row<T>[] = []
  #order: ((a: Row<T>, b: Row<T>) => number) | undefined
  #total = 0

  constructor(query: ListQuery | undefined, defaults: Defaults) {
    this.#query = query
    this.#defaults = defaults
    this.#tests = Object.entries(query?.filter ?? {}).flatMap(([field, wanted]) => constraint(field, wanted))
    const count = query?.range?.count
    this.#start = Math.max(0, query?.range?.start ?? 0)
    this.#end = this.#start + (count !== undefined && count > 0 ? Math.min(count, limits.rowsMax) : limits.rowsMax)
  }

  add(row: Row<T>): void {
    // The first row says what there is to order by.
    this.#order ??= this.#orderOf(row)
    if (!this.#tests.every((test) => test(row.fields))) return
    this.#total++
    this.#rows.push(row)
    if (this.#rows.length > 2 * this.#end + limits.rowsMax) this.#cut()
  }

  result(): { values: T[]; total: number } {
    this.#cut()
    return { values: this.#rows.slice(this.#start).map(({ value }) => value), total: this.#total }
  }

  /** Rows come in order of their address, and sorting is stable: equal ones stay in that order. */
  #cut(): void {
    if (this.#order) this.#rows.sort(this.#order)
    this.#rows.length = Math.min(this.#rows.length, this.#end)
  }

  #orderOf({ fields }: Row<T>): (a: Row<T>, b: Row<T>) => number {
    const { orderBy } = this.#query ?? {}
    const known = orderBy?.attribute !== undefined && Object.hasOwn(fields, orderBy.attribute)
    const attribute = known ? (orderBy.attribute as string) : this.#defaults.attribute
    const direction = (known ? orderBy.direction : undefined)?.toUpperCase() ?? this.#defaults.direction
    const sign = direction === 'DESC' ? -1 : 1
    return (a, b) => sign * compare(a.fields[attribute], b.fields[attribute])
  }
}

function compare(a: Cell | undefined, b: Cell | undefined): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [left, right] = [String(a ?? ''), String(b ?? '')]
  return left < right ? -1 : left > right ? 1 : 0
}

function constraint(field: string, wanted: unknown): ((fields: Readonly<Record<string, Cell>>) => boolean)[] {
  if (typeof wanted === 'string' && wanted !== '') {
    const pattern = wanted.toLowerCase()
    return [(fields) => like(String(fields[field] ?? '').toLowerCase(), pattern)]
  }
  if (typeof wanted === 'number' && wanted !== 0) return [(fields) => fields[field] === wanted]
  if (wanted === true) return [(fields) => fields[field] === true]
  if (Array.isArray(wanted)) {
    const names = wanted.filter((name): name is string => typeof name === 'string' && name !== '')
    return names.map((name) => (fields) => {
      const has = fields[field]
      return Array.isArray(has) && has.includes(name)
    })
  }
  return []
}

/** SQL LIKE: `%` is any run, `_` any one character, a backslash takes the next one as it is. Time ∝ text × pattern. */
export function like(text: string, pattern: string): boolean {
  let at = 0
  let p = 0
  let retryAt = 0
  let retryP = -1
  while (at < text.length) {
    const escaped = pattern[p] === '\\' && p + 1 < pattern.length
    const character = escaped ? pattern[p + 1] : pattern[p]
    if (!escaped && character === '%') {
      p += 1
      retryP = p
      retryAt = at
    } else if (character !== undefined && ((!escaped && character === '_') || character === text[at])) {
      p += escaped ? 2 : 1
      at += 1
    } else if (retryP >= 0) {
      retryAt += 1
      at = retryAt
      p = retryP
    } else {
      return false
    }
  }
  while (pattern[p] === '%') p += 1
  return p === pattern.length
}
