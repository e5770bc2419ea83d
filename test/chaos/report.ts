/** What a scenario gave, for people. Pure. */
import type { Violation } from './checker.ts'
import { type Measured, type Spread, spreadOf } from './measure.ts'

export interface Result {
  scenario: string
  nodes: number
  times: number
  seed: number
  seconds: number
  /** The network: namespaces or loopback. */
  isolated: boolean
  violations: Violation[]
  measured: Measured
  /** Why it did not run to its end. */
  error?: string
}

const kinds = ['lost', 'doubled', 'stale', 'invented', 'unequal'] as const
const SHOWN_MAX = 20
const figure = (ms: number): string => Math.round(ms).toString()
const row = (cells: string[], widths: number[]): string =>
  cells
    .map((cell, index) => (index < 2 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)))
    .join('  ')
const spread = ({ count, median, p99, max }: Spread): string[] => [
  String(count),
  figure(median),
  figure(p99),
  figure(max),
]

export function render(result: Result): string {
  const { measured, violations } = result
  const counted = (kind: Violation['kind']): number => violations.filter((one) => one.kind === kind).length
  const widths = [18, 10, 7, 8, 8, 8, 8]
  const operations = Object.entries(measured.operations).map(
    ([name, { ok, failed }]) => `${name} ${ok} (${failed} not)`,
  )
  return [
    '',
    `${result.scenario} ×${measured.faults}, ${result.nodes} nodes, seed ${result.seed}, ${result.seconds.toFixed(0)} s, ` +
      `${result.isolated ? 'network namespaces' : 'loopback'}`,
    ...(result.error ? [`  DID NOT END: ${result.error}`] : []),
    `  ${kinds.map((kind) => `${kind} ${counted(kind)}`).join(', ')}`,
    `  ${operations.join(', ')}`,
    '',
    `  ${row(['ms without', 'victim is', 'struck', 'faults', 'median', 'p99', 'worst'], widths)}`,
    ...measured.gaps.map((gap) => `  ${row([gap.kind, gap.position, String(gap.struck), ...spread(gap)], widths)}`),
    ...measured.figures.map((one) => `  ${row([one.name, '', '', ...spread(one)], widths)}`),
    ...violations.slice(0, SHOWN_MAX).map(({ kind, text }) => `  ${kind.toUpperCase()} ${text}`),
    ...(violations.length > SHOWN_MAX ? [`  … and ${violations.length - SHOWN_MAX} more`] : []),
  ].join('\n')
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(2)
const cell = ({ count, median, p99, max }: Spread): string =>
  count === 0 ? '–' : `${seconds(median)} / ${seconds(p99)} / ${seconds(max)}`

/** Rows of the tables of docs/TAKEOVER.md: median / p99 / worst over the faults, in seconds. */
export function renderMarkdown(results: readonly Result[]): string {
  const lines = [
    '| scenario | faults | lost, doubled, stale, unequal | look-ups | bindings | REG writes | REGISTER | writes of its own clients | CPU wanted |',
    '|---|---|---|---|---|---|---|---|---|',
  ]
  for (const { scenario, nodes, error, violations, measured } of results) {
    const of = (kind: string): Measured['whole'][number] | undefined => measured.whole.find((one) => one.kind === kind)
    const survivors = ['lookup', 'binding', 'write', 'register'].map((kind) =>
      cell(of(kind)?.survivors ?? spreadOf([])),
    )
    const counts = ['lost', 'doubled', 'stale', 'unequal'].map(
      (kind) => violations.filter((one) => one.kind === kind).length,
    )
    const wanted = measured.figures.find(({ name }) => name === 'CPU wanted %')?.median ?? 0
    const cells = [
      `${scenario}, ${nodes} nodes${error ? ' **did not end**' : ''}`,
      String(measured.faults),
      counts.join(', '),
      ...survivors,
      cell(of('write')?.clients ?? spreadOf([])),
      `${wanted.toFixed(0)} %`,
    ]
    lines.push(`| ${cells.join(' | ')} |`)
  }
  lines.push('', '| scenario | what else was measured | median / p99 / worst |', '|---|---|---|')
  for (const { scenario, nodes, measured } of results) {
    const minority = measured.whole.filter((one) => one.minority.count > 0)
    for (const one of minority) {
      lines.push(
        `| ${scenario}, ${nodes} nodes | ${one.kind}: time to an answer where no majority is | ${cell(one.minority)} |`,
      )
    }
    for (const one of measured.figures.filter(({ name }) => name !== 'CPU wanted %')) {
      lines.push(`| ${scenario}, ${nodes} nodes | ${one.name} | ${cell(one)} |`)
    }
  }
  return lines.join('\n')
}
