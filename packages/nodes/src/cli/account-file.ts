import { ThorError } from '@thor-node/core'
import { membersOf } from '@thor-node/provision'
import { csvLine, readCsv } from './csv.ts'

export type AccountRow = Record<string, unknown>
export type FileFormat = 'csv' | 'jsonl'

export const formatOf = (path: string): FileFormat => (/\.csv$/i.test(path) ? 'csv' : 'jsonl')

/** Columns of an export, in this order. Lists are words with spaces between. */
export const columns = [
  ...['username', 'domain', 'password', 'firstName', 'lastName', 'email', 'timezone', 'owner', 'rpid', 'groups'],
  ...['prepaid', 'quota', 'quickdialPrefix', 'timeout', 'region', 'enum_trees', 'callLimit', 'aliases', 'balance'],
]

const types = new Map<string, string>([
  ...membersOf('SipAccount').map(({ name, type }): [string, string] => [name, type]),
  ['username', 'string'],
  ['domain', 'string'],
  ['aliases', 'SipIdArray'],
  ['balance', 'float'],
])

/** The rows of a file, as an import takes them. Throws `NODE_BAD_FILE`. */
export async function* readAccounts(pieces: AsyncIterable<string>, format: FileFormat): AsyncGenerator<AccountRow> {
  if (format === 'jsonl') return yield* readLines(pieces)
  let header: string[] | undefined
  for await (const cells of readCsv(pieces)) {
    if (!header) {
      header = cells.map((cell) => cell.trim())
      const strange = header.find((name) => !types.has(name))
      if (strange !== undefined)
        throw new ThorError('NODE_BAD_FILE', `there is no column "${strange}"; there are: ${columns.join(', ')}`)
      continue
    }
    const entries = header.map((name, index): [string, unknown] => [name, cellOf(name, cells[index] ?? '')])
    yield Object.fromEntries(entries.filter(([, value]) => value !== undefined))
  }
}

/** What is empty is not given. */
function cellOf(name: string, cell: string): unknown {
  const text = cell.trim()
  if (text === '') return undefined
  const type = types.get(name)
  if (type === 'boolean') return /^(1|true|yes)$/i.test(text)
  if (type === 'int' || type === 'float') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
  if (type === 'StringArray' || type === 'SipIdArray') return text.split(/[\s;]+/)
  return type === 'string' ? cell : undefined
}

async function* readLines(pieces: AsyncIterable<string>): AsyncGenerator<AccountRow> {
  let rest = ''
  let number = 0
  const parse = (line: string): AccountRow | undefined => {
    number += 1
    if (line.trim() === '') return undefined
    try {
      const value: unknown = JSON.parse(line)
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as AccountRow
    } catch {
      // Said below.
    }
    throw new ThorError('NODE_BAD_FILE', `line ${number} is not a JSON object`)
  }
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const row = parse(line)
      if (row) yield row
    }
  }
  const last = parse(rest)
  if (last) yield last
}

export function writeAccount(row: AccountRow, format: FileFormat): string {
  if (format === 'jsonl') return JSON.stringify(row)
  return csvLine(columns.map((name) => (Array.isArray(row[name]) ? row[name].join(' ') : `${row[name] ?? ''}`)))
}
