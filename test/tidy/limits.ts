/**
 * The numbers of all `limits.ts` as docs/LIMITS.md lists them. Run as a program it writes them there:
 *
 *     npx node test/tidy/limits.ts
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { HouseFile } from './rules.ts'

const HEADING = '## Numbers in the code'

export interface Limit {
  name: string
  /** Products are worked out; what is not a number stays as it is written. */
  value: string
  /** From the comment above; empty where the neighbour's comment speaks for both. */
  says: string
}

/** `export const X = 1`, fields of exported tables, and defaults of interfaces that are called limits. */
export function limitsOf(text: string): Limit[] {
  const found: Limit[] = []
  const pattern =
    /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^(?:export const ([A-Z][A-Z0-9_]*) =| {2}(\w+):) ([^\n]*?),?$/gm
  for (const [, comment = '', constant, field, written = ''] of text.matchAll(pattern)) {
    const name = constant ?? field
    if (name === undefined || !/^[-\w. *]+$/.test(written) || /^(number|string|boolean)$/.test(written)) continue
    found.push({ name, value: worth(written), says: comment.replace(/\s*\n\s*\*\s?/g, ' ').trim() })
  }
  return found
}

function worth(written: string): string {
  const factors = written.split('*').map((part) => Number(part.replaceAll('_', '').trim() || Number.NaN))
  const product = factors.reduce((all, one) => all * one, 1)
  return Number.isNaN(product) ? written : product.toLocaleString('en')
}

/** The page with its list of numbers as the files have them. */
export function withNumbers(page: string, files: readonly HouseFile[]): string {
  const start = page.indexOf(HEADING)
  const prose = start < 0 ? `${page.trimEnd()}\n\n` : page.slice(0, start)
  const tables = files.map(({ path, text }) => {
    const rows = limitsOf(text).map(({ name, value, says }) => `| \`${name}\` | ${value} | ${says} |`)
    return `### ${path}\n\n| Number | Value | |\n|---|---|---|\n${rows.join('\n')}\n`
  })
  const intro =
    'Every number that bounds something, by file. Written by `npx node test/tidy/limits.ts`, compared by a test.'
  return `${prose}${HEADING}\n\n${intro}\n\n${tables.join('\n')}`
}

/** All files of limits, in the order of their paths. */
export function limitFiles(root: string): HouseFile[] {
  return globSync('packages/*/src/**/*limits.ts', { cwd: root })
    .sort()
    .map((path) => ({ path, text: readFileSync(resolve(root, path), 'utf8') }))
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '../..')
  const path = resolve(root, 'docs/LIMITS.md')
  writeFileSync(path, withNumbers(readFileSync(path, 'utf8'), limitFiles(root)))
}
