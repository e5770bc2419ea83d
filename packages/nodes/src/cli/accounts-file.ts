import { open } from 'node:fs/promises'
import { errorMessage, ThorError } from '@thor-node/core'
import { type AccountRow, columns, formatOf, readAccounts, writeAccount } from './account-file.ts'
import { type Console, type NodeOptions, nodeOf, show } from './console.ts'
import { csvLine } from './csv.ts'
import { cannot } from './files.ts'
import { wholeNumber } from './parse.ts'
import { nodeVerb, type Verb } from './verb.ts'

/** One request to the node: so many rows, and so many bytes, at most. */
const ROWS_AT_ONCE = 200
const BYTES_AT_ONCE = 48 * 1024
const PAGE_ROWS = 1_000
/** Refused rows that are told one by one. */
const FAILURES_SHOWN = 20

interface Progress {
  rows: number
  added: number
  updated: number
  refused: number
}

async function* batches(rows: AsyncIterable<AccountRow>, skip: number): AsyncGenerator<AccountRow[]> {
  let batch: AccountRow[] = []
  let bytes = 0
  let number = 0
  for await (const row of rows) {
    if (number++ < skip) continue
    const size = Buffer.byteLength(JSON.stringify(row))
    if (batch.length >= ROWS_AT_ONCE || (batch.length > 0 && bytes + size > BYTES_AT_ONCE)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(row)
    bytes += size
  }
  if (batch.length > 0) yield batch
}

async function importFile(console: Console, path: string, options: NodeOptions & { from?: number }): Promise<void> {
  const node = nodeOf(console, options)
  const file = await open(path).catch(cannot('read', path))
  const pieces = file.createReadStream({ encoding: 'utf8' })
  const skip = (options.from ?? 1) - 1
  const progress: Progress = { rows: skip, added: 0, updated: 0, refused: 0 }
  const begun = console.clock.now()
  try {
    for await (const rows of batches(readAccounts(pieces, formatOf(path)), skip)) {
      const { added, updated, failures } = await node.accountsImport({ rows })
      for (const { index, code, message } of failures) {
        if (progress.refused++ < FAILURES_SHOWN)
          console.complain(`row ${progress.rows + index + 1}: ${code}: ${message}`)
      }
      progress.rows += rows.length
      progress.added += added
      progress.updated += updated
      if (console.terminal) console.sketch(textOf(progress))
    }
  } catch (error) {
    throw new ThorError(
      'NODE_IMPORT_STOPPED',
      `stopped after row ${progress.rows}: ${errorMessage(error)}. Go on with --from ${progress.rows + 1}; rows that are in already do no harm.`,
      { cause: error },
    )
  }
  const seconds = Math.max(0.001, (console.clock.now() - begun) / 1_000)
  if (progress.refused > 0) console.exitWith(1)
  const rate = Math.round((progress.rows - skip) / seconds)
  show(
    console,
    options,
    { ...progress, seconds },
    () => `${console.terminal ? '\n' : ''}${textOf(progress)}, ${rate} rows/s`,
  )
}

const textOf = ({ rows, added, updated, refused }: Progress): string =>
  `${rows} rows: ${added} added, ${updated} updated, ${refused} refused`

export const importVerb: Verb = (console) =>
  nodeVerb(
    'import <file>',
    'Add accounts from a file: CSV with a header (.csv), or a JSON object per line. What is there already is updated, so the same ' +
      'file may be imported again.',
    `thor-node import accounts.csv
     thor-node import accounts.jsonl --from 40001`,
  )
    .option('--from <row>', 'begin with this row, after one that was stopped', wholeNumber)
    .addHelpText('after', `\nColumns: ${columns.join(', ')}.\nLists (groups, aliases) are words with spaces between.`)
    .action((path: string, options: NodeOptions & { from?: number }) => importFile(console, path, options))

interface ExportOptions extends NodeOptions {
  digests?: boolean
}

async function exportFile(console: Console, path: string, options: ExportOptions): Promise<void> {
  const node = nodeOf(console, options)
  const format = formatOf(path)
  const pageFrom = (start: number): ReturnType<typeof node.accountsExport> =>
    node.accountsExport({ start, count: PAGE_ROWS, digests: options.digests ?? false })
  // Asked first: when nobody answers, what the file held before is still there.
  let page = await pageFrom(0)
  const file = await open(path, 'w', 0o600).catch(cannot('write', path))
  let written = 0
  try {
    if (format === 'csv') await file.write(`${csvLine(columns)}\n`)
    while (page.rows.length > 0) {
      await file.write(`${page.rows.map((row) => writeAccount(row, format)).join('\n')}\n`)
      written += page.rows.length
      if (console.terminal) console.sketch(`${written} of ${page.total} accounts`)
      if (written >= page.total) break
      page = await pageFrom(written)
    }
  } finally {
    await file.close()
  }
  show(
    console,
    options,
    { accounts: written, file: path },
    () => `${console.terminal ? '\n' : ''}${written} accounts in ${path}`,
  )
}

export const exportVerb: Verb = (console) =>
  nodeVerb(
    'export <file>',
    'Write all accounts to a file, as import reads them: CSV (.csv), or a JSON object per line.',
    `thor-node export accounts.jsonl
     thor-node export accounts.csv --digests`,
  )
    .option('--digests', 'with the MD5 digests of the passwords: who has the file can log in as anybody')
    .action((path: string, options: ExportOptions) => exportFile(console, path, options))
