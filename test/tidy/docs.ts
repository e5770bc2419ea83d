/** What pages say about code, as pure functions: links, paths, methods and kinds that must exist. */
import { posix } from 'node:path'
import { type HouseFile, withoutComments } from './rules.ts'

/** Targets of Markdown links, without those of code blocks. */
export function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/!?\[[^\]]*\]\(([^)\s]+)\)/g)].map((match) => match[1] as string)
}

/** As GitHub makes them of headings. */
export function anchorsOf(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, '')
  return [...prose.matchAll(/^#{1,6}\s+(.*)$/gm)].map((match) =>
    (match[1] as string)
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  )
}

/** Links of one page that lead nowhere. `read`: the text of a file, '' for a folder, undefined for what does not exist. */
export function brokenLinks({ path, text }: HouseFile, read: (path: string) => string | undefined): string[] {
  const wrong: string[] = []
  for (const link of linksOf(text)) {
    if (/^(https?|mailto):/.test(link)) continue
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : posix.join(posix.dirname(path), file)
    const found = file === '' ? text : read(target)
    if (found === undefined) wrong.push(`${path} links to ${link}, which does not exist`)
    else if (anchor && !anchorsOf(found).includes(anchor)) wrong.push(`${path} links to ${link}: no such heading`)
  }
  return wrong
}

/** First cells of table rows of the section below `heading`, as far as they are code. */
export function firstCells(markdown: string, heading: string): string[] {
  const start = markdown.indexOf(`\n## ${heading}\n`)
  if (start < 0) return []
  const end = markdown.indexOf('\n## ', start + 4)
  const section = markdown.slice(start, end < 0 ? undefined : end)
  return [...section.matchAll(/^\|([^|]*)\|/gm)].flatMap((row) =>
    [...(row[1] as string).matchAll(/`([^`]+)`/g)].map((match) => match[1] as string),
  )
}

/** Methods that nodes serve each other. */
export function methodsOf({ path, text }: HouseFile): string[] {
  if (!/^packages\/[^/]+\/src\//.test(path)) return []
  return [...withoutComments(text).matchAll(/\brpc\.serve(?:<[^(]*>)?\(\s*'([a-z]+\.[A-Za-z]+)'/g)].map(
    (match) => match[1] as string,
  )
}

/** Kinds of records: first parts of the names that `recordKey` and templates like `call/${callUuid}` make. */
export function kindsOf({ path, text }: HouseFile): string[] {
  if (!/^packages\/(nodes|provision|accounting|dns|overlay)\/src\//.test(path)) return []
  const code = withoutComments(text)
  const literal = [...code.matchAll(/\brecordKey\('([a-z]+)'/g)].map((match) => match[1] as string)
  const union = /type RegisterKind =((?:\s*\|?\s*'[a-z]+')+)/.exec(code)?.[1] ?? ''
  const template = /\bRecordKey\b/.test(code) ? [...code.matchAll(/(?:inRangeOf\(callUuid,|name:) `([a-z]+)\//g)] : []
  return [
    ...literal,
    ...[...union.matchAll(/'([a-z]+)'/g)].map((match) => match[1] as string),
    ...template.map((match) => match[1] as string),
  ]
}

/** Rows of the table below `heading`: the trimmed cells of each, without the two lines of its head. */
export function rowsOf(markdown: string, heading: string): string[][] {
  const start = markdown.indexOf(`\n## ${heading}\n`)
  if (start < 0) return []
  const end = markdown.indexOf('\n## ', start + 4)
  const lines = markdown.slice(start, end < 0 ? undefined : end).split('\n')
  return lines
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split('|')
        .map((cell) => cell.trim()),
    )
}

/** What stands in code marks. */
export const codeIn = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] as string)

/** Paths in code marks that look like files of packages: `sip/src/proxy`, `packages/core/src/digest.ts`. */
export function pathsIn(markdown: string): string[] {
  const known = /^(packages\/)?(core|overlay|sip|media|accounting|provision|nodes)\/(src|test)(\/[\w./-]*)?$/
  return [...markdown.matchAll(/`([^`\n]+)`/g)]
    .map((match) => match[1] as string)
    .filter((text) => known.test(text))
    .map((text) => (text.startsWith('packages/') ? text : `packages/${text}`))
}
