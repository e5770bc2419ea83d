/**
 * The rules of the house as pure functions from (path, text) to sentences about what is wrong. `tidy.test.ts` runs them over
 * every file, and over small strings to prove that each rule can fail.
 */

/** A file of the repository: path from its root, with `/`. */
export interface HouseFile {
  path: string
  text: string
}

export type Rule = (file: HouseFile) => string[]

/** What a package's `src` may import of ours. `nodes` sees everyone. */
export const ALLOWED_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  overlay: ['core'],
  sip: ['core'],
  media: ['core'],
  accounting: ['core'],
  dns: ['core'],
  provision: ['core', 'accounting', 'dns'],
  nodes: ['core', 'overlay', 'sip', 'media', 'accounting', 'dns', 'provision'],
}

/** Files longer than this are split by noun. */
export const LINES_MAX = 400

/** Text without comments; lines stay where they are. Good enough for code that Biome has formatted. */
export function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[\s;{}(),])\/\/[^\n]*/g, '$1')
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/** Specifiers that a file imports, statically, by `import()` or by re-export. */
export function importsOf(text: string): { specifier: string; line: number }[] {
  const code = withoutComments(text)
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)['"]([^'"\n]+)['"]/g
  return [...code.matchAll(pattern)].map((match) => ({
    specifier: match[1] as string,
    line: lineOf(code, match.index),
  }))
}

const isTypeScript = (path: string): boolean => path.endsWith('.ts')
const packageOf = (path: string): string | undefined => /^packages\/([^/]+)\//.exec(path)?.[1]
const isSource = (path: string): boolean => /^packages\/[^/]+\/src\//.test(path)
const isTest = (path: string): boolean => path.endsWith('.test.ts')

/** Packages see each other as ALLOWED_IMPORTS says, and only through their doors. */
export const importRule: Rule = ({ path, text }) => {
  if (!isTypeScript(path)) return []
  const wrong: string[] = []
  for (const { specifier, line } of importsOf(text)) {
    const say = (what: string): void => void wrong.push(`${path}:${line} imports ${specifier}: ${what}`)
    const ours = /^@thor-node\/([^/]+)(\/.*)?$/.exec(specifier)
    const self = packageOf(path)
    if (ours) {
      const [, name, deep] = ours as unknown as [string, string, string | undefined]
      const testing = name === 'core' && deep === '/testing'
      if (deep !== undefined && !testing) say('enter other packages by their door, src/index.ts')
      if (testing && isSource(path) && self !== 'core') say('simulated time and chance are for tests and benchmarks')
      if (isSource(path) && self && name !== self && !ALLOWED_IMPORTS[self]?.includes(name)) {
        say(`${self} may import ${ALLOWED_IMPORTS[self]?.join(', ') || 'none of ours'} (docs/ARCHITECTURE.md)`)
      }
    } else if (specifier.startsWith('.')) {
      const target = new URL(specifier, `file:///${path}`).pathname.slice(1)
      const other = packageOf(target)
      if (self && other && other !== self) say('enter other packages by their name and door')
      if (isSource(path) && !target.startsWith(`packages/${self}/src/`)) say('src stands on src alone')
    }
  }
  return wrong
}

const libp2pHomes = /^packages\/overlay\/(src|test)\/(kad|admission)\//

/** libp2p stays behind `PeerNet`, so that everything above it also runs over the in-memory twin. */
export const libp2pRule: Rule = ({ path, text }) => {
  if (!isTypeScript(path) || libp2pHomes.test(path)) return []
  return importsOf(text)
    .filter(({ specifier }) => /^(libp2p|@libp2p\/.*|@chainsafe\/.*|@multiformats\/.*)(\/|$)/.test(specifier))
    .map(
      ({ specifier, line }) =>
        `${path}:${line} imports ${specifier}: only overlay/src/kad and overlay/src/admission do`,
    )
}

const bannedCalls: readonly [pattern: RegExp, instead: string][] = [
  [/\bDate\s*\.\s*now\b/g, 'clock.now() or clock.wall()'],
  [/\bnew Date\(\s*\)/g, 'new Date(clock.wall())'],
  [/\bperformance\s*\.\s*now\b/g, 'clock.now()'],
  [/\bset(Timeout|Interval)\b/g, 'clock.after() or every()'],
  [/\bMath\s*\.\s*random\b/g, 'the Random of components'],
  [/\brandom(UUID|Bytes|Int)\b/g, 'the Random of components'],
]
const bannedModules: readonly [specifier: string, instead: string][] = [
  ['node:dgram', 'the Net of components'],
  ['node:net', 'the Net of components'],
  ['node:tls', 'the Net of components'],
  ['node:timers', 'clock.after() or sleep()'],
  ['node:timers/promises', 'clock.after() or sleep()'],
]

/** Where the real clock, chance and sockets are, and what libp2p needs around it. */
const exempt: readonly [path: RegExp, what: RegExp][] = [
  [/^packages\/core\/src\/clock\.ts$/, /./],
  [/^packages\/core\/src\/random\.ts$/, /./],
  [/^packages\/core\/src\/net(-\w+)?\.ts$/, /./],
  [/^packages\/core\/src\/testing\//, /./],
  [/^packages\/overlay\/src\/kad\//, /./],
  [/^packages\/overlay\/src\/admission\//, /^node:(tls|net)$/],
]

/** `isIP` and its friends only look at text. */
const looksOnly = /import\s*\{\s*((isIP|isIPv4|isIPv6|BlockList|SocketAddress)\s*,?\s*)+\}\s*from\s*'node:net'/g

/** Chance and time are arguments; so are sockets. */
export const bannedCallRule: Rule = ({ path, text }) => {
  if (!isSource(path) || !isTypeScript(path)) return []
  const code = withoutComments(text).replace(looksOnly, (found) => found.replace(/[^\n]/g, ' '))
  const allowed = (what: string): boolean => exempt.some(([where, which]) => where.test(path) && which.test(what))
  const wrong: string[] = []
  for (const [pattern, instead] of bannedCalls) {
    for (const match of code.matchAll(pattern)) {
      if (!allowed(match[0])) wrong.push(`${path}:${lineOf(code, match.index)} uses ${match[0]}: use ${instead}`)
    }
  }
  for (const { specifier, line } of importsOf(code)) {
    const banned = bannedModules.find(([name]) => name === specifier)
    if (banned && !allowed(specifier)) wrong.push(`${path}:${line} imports ${specifier}: use ${banned[1]}`)
  }
  return wrong
}

/** uvu passes a file whose suite never runs. A test file may leave that to a shared suite (`*.suite.ts`). */
export const suiteRunsRule: Rule = ({ path, text }) => {
  if (!isTest(path) && !path.endsWith('.suite.ts')) return []
  const code = withoutComments(text)
  if (!/\bsuite\(/.test(code) && importsOf(code).some(({ specifier }) => specifier.endsWith('.suite.ts'))) return []
  const suites = [...code.matchAll(/^ *const\s+(\w+)\s*=\s*suite(?:<[^>]*>)?\(/gm)].map((match) => match[1] as string)
  const names = suites.length > 0 ? suites : ['test']
  return names
    .filter((name) => !new RegExp(`\\b${name}\\.run\\(\\)`).test(code))
    .map((name) => `${path} never calls ${name}.run(), so its tests do not run`)
}

/** A test that is skipped or runs alone hides the others. */
export const loneTestRule: Rule = ({ path, text }) => {
  if (!isTest(path)) return []
  const code = withoutComments(text)
  return [...code.matchAll(/^\s*\w+\.only\(/gm)].map(
    (match) => `${path}:${lineOf(code, match.index)} runs one test alone (${match[0].trim().slice(0, -1)})`,
  )
}

/** Nothing is left half done, and the type checker is never silenced. Spelled so that this file passes its own rules. */
export const leftoverRule: Rule = ({ path, text }) => {
  if (!/\.(ts|js|md)$/.test(path)) return []
  const wrong: string[] = []
  const look = (where: string, pattern: RegExp, what: string): void => {
    for (const match of where.matchAll(pattern)) wrong.push(`${path}:${lineOf(where, match.index)} ${what}`)
  }
  look(text, /\b(T[O]DO|FI[X]ME|X[X]X)\b/g, 'is left to be done: do it, or write down in docs what is missing')
  if (isTypeScript(path)) {
    const code = withoutComments(text)
    look(code, /(: |\bas |<)a[n]y\b(?= *[,;)=>[\]|&\n{}]|$)/g, 'says any: say what it is, or unknown')
    look(text, /@ts-(ignore|expect-error|nocheck)/g, 'silences the type checker')
  }
  return wrong
}

/** Nothing of one machine's folders or of how this was made. */
export const foreignPathRule: Rule = ({ path, text }) => {
  const wrong: string[] = []
  for (const match of text.matchAll(/(?<![\w.-])\/work\/|\.\.\/share[d]\b/g)) {
    wrong.push(`${path}:${lineOf(text, match.index)} names a folder that only one machine has (${match[0]})`)
  }
  return wrong
}

/** Nothing of who made it when, and of lists that readers cannot see. Issues of other projects are named with theirs. */
export const makingRule: Rule = ({ path, text }) => {
  const wrong: string[] = []
  for (const match of text.matchAll(/\bissues?\s+#?\d+\b|\bhelper\s+[A-Z]{3,}\b|\bREVIEW-[A-Z]+\b|\bbrief\.md\b/g)) {
    wrong.push(`${path}:${lineOf(text, match.index)} speaks of how this was made (${match[0]}): say what and why`)
  }
  return wrong
}

export const lengthRule: Rule = ({ path, text }) => {
  if (!isTypeScript(path)) return []
  const lines = text.trimEnd().split('\n').length
  return lines > LINES_MAX ? [`${path} has ${lines} lines, more than ${LINES_MAX}: split it by noun`] : []
}

/**
 * Codes of failures that a source file can raise: arguments of `ThorError`, and look-alikes anywhere whose first word begins
 * known codes (tables of refusals are such). Arguments of `startsWith` are none.
 */
export function errorCodesOf({ path, text }: HouseFile, prefixes: readonly string[]): string[] {
  if (!isSource(path) || !isTypeScript(path)) return []
  const code = withoutComments(text)
  const direct = [...code.matchAll(/\bnew\s+\w*Error\(\s*'([A-Z][A-Z0-9]*_[A-Z0-9_]+)'/g)].map(
    (match) => match[1] as string,
  )
  const tables = [...code.matchAll(/(?<!startsWith\()'([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])'/g)]
    .map((match) => match[1] as string)
    .filter((name) => prefixes.includes(name.split('_')[0] as string))
  return [...new Set([...direct, ...tables])].sort()
}

/** Codes that docs/ERRORS.md explains: table rows that begin with the code. */
export function documentedCodes(markdown: string): string[] {
  return [...markdown.matchAll(/^\|\s*`([A-Z][A-Z0-9_]+)`\s*\|/gm)].map((match) => match[1] as string)
}

/** What is raised and not explained, with the files; and what is explained and never raised. */
export function compareErrorCodes(
  files: readonly HouseFile[],
  markdown: string,
): { missing: string[]; stale: string[] } {
  const documented = new Set(documentedCodes(markdown))
  const direct = files.flatMap((file) => errorCodesOf(file, []))
  const packages = Object.keys(ALLOWED_IMPORTS).map((name) => name.toUpperCase())
  const prefixes = [
    ...new Set([...packages, ...[...documented, ...direct].map((name) => name.split('_')[0] as string)]),
  ]
  const raised = new Map<string, string[]>()
  for (const file of files) {
    for (const name of errorCodesOf(file, prefixes)) raised.set(name, [...(raised.get(name) ?? []), file.path])
  }
  return {
    missing: [...raised]
      .filter(([name]) => !documented.has(name))
      .map(([name, paths]) => `${name} (${paths.join(', ')})`)
      .sort(),
    stale: [...documented].filter((name) => !raised.has(name)).sort(),
  }
}
