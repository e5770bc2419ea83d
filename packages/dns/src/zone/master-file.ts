/** Zone files (RFC 1035 §5, $TTL of RFC 2308 §4): read into records as they are provisioned, and written from them. */
import { invalid } from '../errors.ts'
import type { RecordInput, StoredZone, ZoneInput } from '../records/contract.ts'
import { recordsOf } from '../records/validate.ts'
import { isZoneType } from '../wire/codes.ts'
import { absolute, dotted, formatRecord } from '../wire/rdata.ts'
import { type Word, wordsOf } from '../wire/text.ts'

export interface ZoneFile {
  /** What the SOA says of the zone; absent without one. */
  zone?: ZoneInput
  /** Everything else: values with whole names. */
  records: RecordInput[]
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }

/** `3600`, `1h`, `1h30m`. Undefined: no time. */
export function seconds(text: string): number | undefined {
  if (/^\d{1,10}$/.test(text)) return Number(text)
  if (!/^(\d{1,9}[smhdw])+$/i.test(text)) return undefined
  return [...text.matchAll(/(\d+)([a-z])/gi)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS[(unit as string).toLowerCase()] as number),
    0,
  )
}

interface Entry {
  line: number
  /** The first word stands at the start of the line: it is an owner. */
  owned: boolean
  words: Word[]
}

/** Entries, with what parentheses hold together on one line. */
function* entriesOf(text: string): Iterable<Entry> {
  let waiting = ''
  let from = 0
  for (const [index, line] of text.split('\n').entries()) {
    if (waiting === '') from = index + 1
    waiting += `${waiting === '' ? '' : ' '}${withoutComment(line)}`
    const open = depthOf(waiting)
    if (open > 0) continue
    if (open < 0) throw invalid(`line ${from}`, 'has a parenthesis that nobody opened')
    const words = wordsOf(plain(waiting), `line ${from}`)
    if (words.length > 0) yield { line: from, owned: /^[^\s]/.test(waiting), words }
    waiting = ''
  }
  if (waiting.trim() !== '') throw invalid(`line ${from}`, 'opens a parenthesis that nobody closes')
}

/** Parts of a line: what is quoted or escaped, and single characters. */
const PARTS = /"(?:\\[\s\S]|[^"\\])*"?|\\[\s\S]|[\s\S]/g

function withoutComment(line: string): string {
  let kept = ''
  for (const [part] of line.matchAll(PARTS)) {
    if (part === ';') break
    kept += part
  }
  return kept
}

const depthOf = (text: string): number =>
  [...text.matchAll(PARTS)].reduce((depth, [part]) => depth + (part === '(' ? 1 : part === ')' ? -1 : 0), 0)

const plain = (text: string): string =>
  [...text.matchAll(PARTS)].map(([part]) => (part === '(' || part === ')' ? ' ' : part)).join('')

const written = ({ text, quoted }: Word): string => (quoted ? `"${text}"` : text)

/** `apex`: of the zone. Throws `DNS_INVALID_VALUE` that names the line. */
export function readZoneFile(text: string, apex: string): ZoneFile {
  const file: ZoneFile = { records: [] }
  let origin = apex
  let owner = apex
  let ttl: number | undefined
  for (const { line, owned, words } of entriesOf(text)) {
    const at = `line ${line}`
    const [first, second] = words
    if (first?.text.startsWith('$') && !first.quoted) {
      const name = first.text.toUpperCase()
      if (name === '$ORIGIN' && second) origin = absolute(second.text, origin, at)
      else if (name === '$TTL' && second) ttl = seconds(second.text)
      else throw invalid(at, `${first.text} is not taken here`)
      continue
    }
    if (owned) owner = absolute((words.shift() as Word).text, origin, at)
    let own: number | undefined
    for (let optional = 0; optional < 2; optional++) {
      const word = words[0]?.text ?? ''
      if (/^(IN|CH|HS)$/i.test(word)) {
        if (!/^IN$/i.test(word)) throw invalid(at, `class ${word} is not served`)
      } else if (own === undefined && seconds(word) !== undefined) own = seconds(word)
      else break
      words.shift()
    }
    const type = (words.shift()?.text ?? '').toUpperCase()
    if (type === 'SOA') {
      file.zone = soaOf(words, origin, apex, own ?? ttl, at)
      ttl ??= file.zone.ttl
      continue
    }
    if (!isZoneType(type)) throw invalid(at, type === '' ? 'has no type' : `${type} is not served`)
    const value = words
      .map((word, index) => written(isName(type, index) ? whole(word, origin, at) : ofText(type, word)))
      .join(' ')
    file.records.push({ name: dotted(owner), type, value, ...((own ?? ttl) !== undefined && { ttl: own ?? ttl }) })
  }
  return file
}

/** Texts of a file are apart where they are without quotes, too. */
const ofText = (type: string, word: Word): Word => (type === 'TXT' ? { ...word, quoted: true } : word)

/** Which words of a value are names: they are relative to the origin of their line. */
const NAMES: Readonly<Record<string, number>> = { NS: 0, CNAME: 0, PTR: 0, MX: 1, SRV: 3, NAPTR: 5 }
const isName = (type: string, index: number): boolean => NAMES[type] === index

const whole = (word: Word, origin: string, at: string): Word => ({
  ...word,
  text: word.text === '.' ? '.' : dotted(absolute(word.text, origin, at)),
})

function soaOf(words: readonly Word[], origin: string, apex: string, ttl: number | undefined, at: string): ZoneInput {
  const [, mailbox, serial, ...times] = words.map(({ text }) => text)
  const [refresh, retry, expire, minimum] = times.map(seconds)
  if (!mailbox || !/^\d+$/.test(serial ?? '') || minimum === undefined) throw invalid(at, 'is no SOA')
  const name = absolute(mailbox, origin, at)
  const user = /^((?:\\.|[^.\\])+)\.(.+)$/.exec(name)
  const email = user ? `${(user[1] as string).replace(/\\(.)/g, '$1')}@${user[2]}` : `hostmaster@${apex}`
  return { name: apex, email, ttl: ttl ?? minimum, refresh, retry, expire, minimum }
}

/** The whole zone as a file. `nodes`: name servers where the zone names none. */
export function writeZoneFile(zone: StoredZone, nodes: readonly string[]): string {
  const { soa, records } = recordsOf(zone, nodes)
  return `${[`$ORIGIN ${dotted(zone.name)}`, formatRecord(soa), ...records.map(formatRecord)].join('\n')}\n`
}
