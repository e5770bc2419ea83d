import { createReadStream, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { ThorError } from '@thor-node/core'
import type { EnumRow, NumberView, RangeView } from '../control/dns-contract.ts'
import type { Paint } from '../status/paint.ts'
import { renderTable } from '../status/table.ts'
import { type Console, type NodeOptions, nodeOf, show } from './console.ts'
import { wholeNumber, wholeNumberOrNone } from './parse.ts'
import { group, nodeVerb, type Verb } from './verb.ts'

const DEFAULT_TREE = 'e164.arpa'
const DEFAULTS = { priority: 5, ttl: 3_600 } as const
/** Rows that are put in order before they are sent: neighbours are stored together. */
const SORTED_ROWS = 200_000
const BATCH_ROWS = 2_000

interface EnumOptions extends NodeOptions {
  tree?: string
  min?: number
  max?: number
  priority?: number
  ttl?: number
}

const treeOf = ({ tree }: EnumOptions): string => tree ?? DEFAULT_TREE
const withTree = (verb: ReturnType<typeof nodeVerb>) =>
  verb.option('--tree <name>', `tree that the number is in; default ${DEFAULT_TREE}`)

function renderRanges(ranges: readonly RangeView[], paint: Paint): string {
  if (ranges.length === 0) return 'There are no ranges of numbers. See: thor-node enum range-add --help'
  const rows = ranges.map(({ prefix, tree, minDigits, maxDigits, numbers, serial, zone }) => [
    paint.bold(`+${prefix}`),
    tree,
    minDigits === maxDigits ? `${minDigits}` : `${minDigits}-${maxDigits}`,
    `${numbers}`,
    `${serial}`,
    zone,
  ])
  const titles = ['RANGE', 'TREE', 'DIGITS', 'NUMBERS', 'SERIAL', 'ZONE TO DELEGATE']
  return renderTable(
    titles.map((title) => ({ title })),
    rows,
    paint,
  )
}

const renderNumber = ({ number, tree, mappings }: NumberView, paint: Paint): string =>
  [
    `${paint.bold(number)} in ${tree}`,
    ...mappings.map(({ priority, type, mapto, ttl }) => `  ${priority}  E2U+${type}  ${mapto}  (${ttl} s)`),
  ].join('\n')

/** `number,type,mapto[,priority[,ttl[,owner]]]`; what has commas stands in quotes. */
export function parseRow(line: string, lineNumber: number): EnumRow {
  const cells = [...line.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*?))\s*(?:,|$)/g)].map(
    ([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain,
  )
  const [number = '', type = '', mapto = '', ...rest] = cells
  const [priority, ttl, owner] = rest.map((cell) => (cell === '' ? undefined : Number(cell)))
  if (number === '' || type === '' || mapto === '') {
    throw new ThorError('DNS_INVALID_VALUE', `line ${lineNumber}: is not number,type,mapto`)
  }
  for (const value of [priority, ttl, owner]) {
    if (Number.isNaN(value))
      throw new ThorError('DNS_INVALID_VALUE', `line ${lineNumber}: has no number where one belongs`)
  }
  return [number, type, mapto, priority, ttl, owner]
}

/** Digits alone, so that forms of the same number are neighbours. */
const sortKey = (number: string): string => number.replace(/\D/g, '')

async function load(console: Console, file: string, options: EnumOptions): Promise<void> {
  const node = nodeOf(console, options)
  const tree = treeOf(options)
  const total = file === '-' ? 0 : statSync(file).size
  const input = file === '-' ? process.stdin : createReadStream(file)
  let rows: EnumRow[] = []
  let numbers = 0
  let bytes = 0
  let line = 0
  const begun = console.clock.now()
  const report = (): void => {
    const share = total > 0 ? `${Math.min(100, Math.floor((bytes * 100) / total))} %, ` : ''
    const rate = Math.round((numbers * 1_000) / Math.max(1, console.clock.now() - begun))
    if (console.terminal) console.sketch(`${share}${numbers} numbers, ${rate} a second`)
  }
  const send = async (): Promise<void> => {
    rows.sort((a, b) => (sortKey(a[0]) < sortKey(b[0]) ? -1 : sortKey(a[0]) > sortKey(b[0]) ? 1 : 0))
    for (let at = 0; at < rows.length; ) {
      let end = Math.min(rows.length, at + BATCH_ROWS)
      // Mappings of one number go together.
      while (end < rows.length && rows[end]?.[0] === rows[end - 1]?.[0]) end++
      numbers += (await node.enumLoad({ tree, rows: rows.slice(at, end) })).numbers
      at = end
      report()
    }
    rows = []
  }
  for await (const text of createInterface({ input })) {
    line++
    bytes += Buffer.byteLength(text) + 1
    if (text.trim() === '' || text.startsWith('#') || (line === 1 && /^number,/i.test(text))) continue
    rows.push(parseRow(text, line))
    if (rows.length >= SORTED_ROWS) await send()
  }
  await send()
  if (console.terminal) console.sketch('')
  const seconds = ((console.clock.now() - begun) / 1_000).toFixed(1)
  show(console, options, { tree, numbers }, () => `${numbers} numbers are in ${tree}, loaded in ${seconds} s.`)
}

export const enumVerb: Verb = (console) => {
  const ranges = nodeVerb('ranges', 'List the ranges of numbers.', 'thor-node enum ranges').action(
    async (options: NodeOptions) => {
      const result = await nodeOf(console, options).enumRanges()
      show(console, options, result, (found) => renderRanges(found.ranges, console.paint))
    },
  )
  const rangeAdd = withTree(
    nodeVerb(
      'range-add <prefix>',
      'Add a range: numbers that begin so may be added then.',
      'thor-node enum range-add +3120800 --min 11 --max 11',
    ),
  )
    .option('--min <digits>', 'the fewest that a number has; default: those of the prefix', wholeNumber)
    .option('--max <digits>', 'the most; default 15', wholeNumber)
    .action(async (prefix: string, options: EnumOptions) => {
      const { min, max } = options
      const query = { tree: treeOf(options), prefix, ...(min && { minDigits: min }), ...(max && { maxDigits: max }) }
      const result = await nodeOf(console, options).enumRangeAdd(query)
      show(console, options, result, ({ range }) => `All nodes answer for ${range.zone}.`)
    })
  const rangeRemove = withTree(
    nodeVerb('range-remove <prefix>', 'Remove a range that has no numbers.', 'thor-node enum range-remove +3120800'),
  ).action(async (prefix: string, options: EnumOptions) => {
    const result = await nodeOf(console, options).enumRangeRemove({ tree: treeOf(options), prefix })
    show(console, options, result, ({ removed }) => `Removed ${removed}.`)
  })
  const add = withTree(
    nodeVerb(
      'add <number> <type> <uri>',
      'Add a number with one mapping.',
      `thor-node enum add +31208005100 sip sip:alice@example.com
       thor-node enum add +31208005101 voice:tel tel:+31201234567 --priority 10`,
    ),
  )
    .option('--priority <number>', `the lowest is tried first; default ${DEFAULTS.priority}`, wholeNumberOrNone)
    .option('--ttl <seconds>', `default ${DEFAULTS.ttl}`, wholeNumberOrNone)
    .action(async (number: string, type: string, mapto: string, options: EnumOptions) => {
      const mapping = { type, mapto, priority: options.priority ?? DEFAULTS.priority, ttl: options.ttl ?? DEFAULTS.ttl }
      const result = await nodeOf(console, options).enumAdd({ tree: treeOf(options), number, mappings: [mapping] })
      show(console, options, result, (done) => renderNumber(done.number, console.paint))
    })
  const showOne = withTree(nodeVerb('show <number>', 'Show a number.', 'thor-node enum show +31208005100')).action(
    async (number: string, options: EnumOptions) => {
      const result = await nodeOf(console, options).enumShow({ tree: treeOf(options), number })
      show(console, options, result, (found) => renderNumber(found, console.paint))
    },
  )
  const remove = withTree(nodeVerb('remove <number>', 'Remove a number.', 'thor-node enum remove +31208005100')).action(
    async (number: string, options: EnumOptions) => {
      const result = await nodeOf(console, options).enumRemove({ tree: treeOf(options), number })
      show(console, options, result, ({ removed }) => `Removed ${removed}.`)
    },
  )
  const lookup = nodeVerb(
    'lookup <number>',
    'Where would a call to this number be led?',
    'thor-node enum lookup +31208005100',
  ).action(async (number: string, options: NodeOptions) => {
    const result = await nodeOf(console, options).enumLookup({ number })
    show(console, options, result, ({ uris }) => uris.join('\n') || 'Nowhere.')
  })
  const loadVerb = withTree(
    nodeVerb(
      'load <file>',
      'Load numbers from a CSV file (- for standard input): number,type,uri[,priority[,ttl[,owner]]]',
      'thor-node enum load numbers.csv --tree e164.arpa',
    ),
  ).action((file: string, options: EnumOptions) => load(console, file, options))
  return group(
    'enum',
    'Telephone numbers in DNS: ranges, and where each number leads.',
    [ranges, rangeAdd, rangeRemove, add, showOne, remove, lookup, loadVerb],
    'thor-node enum range-add +3120800 --min 11 --max 11\nthor-node enum add +31208005100 sip sip:alice@example.com',
  )
}
