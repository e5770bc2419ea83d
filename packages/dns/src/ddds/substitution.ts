/**
 * The substitution expression of a DDDS rule (RFC 3402 §3.2): `!ERE!replacement!flags`. Pure. The extended regular expression is
 * that of POSIX; what ECMAScript reads otherwise is refused, so that nothing means one thing here and another elsewhere.
 */

export interface Substitution {
  ere: string
  replacement: string
  ignoreCase: boolean
}

/** Longest expression that is tried: the length of a character-string. */
const EXPRESSION_MAX = 255

export type Parsed = { ok: true; substitution: Substitution } | { ok: false; why: string }

const wrong = (why: string): Parsed => ({ ok: false, why })

/** Splits at the delimiter, which `\` hides. */
export function parseSubstitution(text: string): Parsed {
  if (text.length > EXPRESSION_MAX) return wrong(`is longer than ${EXPRESSION_MAX} octets`)
  const delimiter = text[0]
  if (delimiter === undefined) return wrong('is empty')
  if (/[0-9i\\]/.test(delimiter)) return wrong(`${delimiter} cannot be a delimiter`)
  const parts: string[] = ['']
  for (let at = 1; at < text.length; at++) {
    const character = text[at] as string
    if (character === '\\' && text[at + 1] === delimiter) {
      parts[parts.length - 1] += delimiter
      at++
    } else if (character === '\\') {
      parts[parts.length - 1] += character + (text[at + 1] ?? '')
      at++
    } else if (character === delimiter) parts.push('')
    else parts[parts.length - 1] += character
  }
  const [ere = '', replacement = '', flags, ...more] = parts
  if (flags === undefined || more.length > 0) return wrong(`has ${parts.length - 1} delimiters, not three`)
  if (flags !== '' && flags !== 'i') return wrong(`has the flag ${flags}, there is only i`)
  const why = whyNoEre(ere)
  if (why) return wrong(why)
  const groups = groupsOf(ere)
  for (const [, digit] of replacement.matchAll(/\\([\s\S]?)/g)) {
    if (!/^[1-9\\]$/.test(digit ?? '')) return wrong('has a backslash in its replacement that is no back-reference')
    if (digit !== '\\' && Number(digit) > groups) {
      return wrong(`refers back to group ${digit}, and has ${groups}`)
    }
  }
  return { ok: true, substitution: { ere, replacement, ignoreCase: flags === 'i' } }
}

/** Groups that back-references may name. */
function groupsOf(ere: string): number {
  return [...ere.replace(/\\[\s\S]|\[\^?\]?[^\]]*\]/g, '').matchAll(/\(/g)].length
}

/** `(?`, lazy and possessive repetition and letters behind a backslash are ECMAScript's own. */
function whyNoEre(ere: string): string | undefined {
  if (ere === '') return 'has an empty expression'
  const bare = ere.replace(/\[\^?\]?(\[:[a-z]+:\]|[^\]])*\]/g, 'x')
  if (/\\[^.[\]()*+?{}|^$\\/!~#%&@=:;,"'<>_ -]/.test(bare))
    return 'has a backslash before a letter or digit, which no ERE has'
  if (/\(\?/.test(bare) || /[*+?}][*+?]/.test(bare.replace(/\\[\s\S]/g, 'x')))
    return 'is no extended regular expression'
  // Nested repetition takes for ever on the wrong number.
  if (/[*+}]\)[*+{]/.test(bare.replace(/\\[\s\S]/g, 'x'))) return 'repeats what is repeated'
  try {
    new RegExp(toEcma(ere))
    return undefined
  } catch {
    return 'is no extended regular expression'
  }
}

const CLASSES: Readonly<Record<string, string>> = {
  digit: '0-9',
  alpha: 'A-Za-z',
  alnum: '0-9A-Za-z',
  upper: 'A-Z',
  lower: 'a-z',
  xdigit: '0-9A-Fa-f',
  space: '\\s',
}

/** Bracket expressions: a backslash in them is itself, `]` may come first, `[:digit:]` is a class. */
function toEcma(ere: string): string {
  return ere.replace(
    /\\[\s\S]|\[(\^?)(\]?(?:\[:[a-z]+:\]|[^\]])*)\]/g,
    (whole, not: string | undefined, inner?: string) => {
      if (inner === undefined) return whole
      const body = inner
        .split(/(\[:[a-z]+:\])/)
        .map((part) => {
          const name = /^\[:([a-z]+):\]$/.exec(part)?.[1]
          return name === undefined ? part.replace(/[\\\][]/g, '\\$&') : (CLASSES[name] ?? '')
        })
        .join('')
      return `[${not ?? ''}${body}]`
    },
  )
}

/** What becomes of `text`; undefined when the expression does not match. */
export function substitute({ ere, replacement, ignoreCase }: Substitution, text: string): string | undefined {
  const match = new RegExp(toEcma(ere), ignoreCase ? 'i' : '').exec(text)
  if (!match) return undefined
  return replacement.replace(/\\([1-9\\])/g, (_, digit: string) =>
    digit === '\\' ? '\\' : (match[Number(digit)] ?? ''),
  )
}

/** An expression that turns any number into this URI. The delimiter is one that the URI has not. */
export function expressionFor(uri: string): string {
  const delimiter = [...'!/~|#'].find((one) => !uri.includes(one)) ?? '!'
  const escaped = uri.replaceAll('\\', '\\\\').replaceAll(delimiter, `\\${delimiter}`)
  return `${delimiter}^.*$${delimiter}${escaped}${delimiter}`
}
