/** What a record says, from the text of a zone file to octets and back. Names inside are whole: the writer compresses. */
import { isIPv4, isIPv6 } from 'node:net'
import { invalid, missing } from '../errors.ts'
import { TYPE, typeName } from './codes.ts'
import { formatLoc, parseLoc } from './loc.ts'
import { canonicalName, labelsOf, lowerCase, nameFromWire, nameToWire } from './names.ts'
import { characterString, quote, type Word } from './text.ts'

/** A record of a zone. */
export interface DnsRecord {
  /** Canonical. */
  name: string
  type: number
  /** Seconds. */
  ttl: number
  /** RDATA, names without compression. */
  data: Buffer
}

export const TTL_MAX = 0x7fffffff

/** The words of a value, read one after the other; errors name the field. */
class Reading {
  readonly #words: readonly Word[]
  readonly #origin: string
  #at = 0

  constructor(words: readonly Word[], origin: string) {
    this.#words = words
    this.#origin = origin
  }

  get left(): number {
    return this.#words.length - this.#at
  }

  word(field: string): Word {
    const word = this.#words[this.#at++]
    if (!word) throw missing(field)
    return word
  }

  number(field: string, max = 65_535): Buffer {
    const { text } = this.word(field)
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
    if (!(value <= max)) throw invalid(field, `is not a number from 0 to ${max}`)
    const bytes = Buffer.alloc(max > 65_535 ? 4 : max > 255 ? 2 : 1)
    bytes.writeUIntBE(value, 0, bytes.length)
    return bytes
  }

  name(field: string): Buffer {
    return nameToWire(absolute(this.word(field).text, this.#origin, field))
  }

  string(field: string): Buffer {
    return characterString(this.word(field).text, field)
  }

  end(): void {
    if (this.left > 0) throw invalid('value', `goes on where it should end: ${this.word('value').text}`)
  }
}

/** A name of a zone file: without a final dot it is below the origin. Throws `DNS_INVALID_VALUE`. */
export function absolute(text: string, origin: string, field: string): string {
  if (text === '@') return origin
  const below = text.endsWith('.') && !text.endsWith('\\.') ? text : origin === '.' ? text : `${text}.${origin}`
  const name = canonicalName(below)
  if (name === undefined || labelsOf(below) === undefined) throw invalid(field, `${text} is not a domain name`)
  return name
}

const address6 = (text: string): Buffer => {
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  const groups = tail
    ? `${tail[1]}${hex(Number(tail[2]) * 256 + Number(tail[3]))}:${hex(Number(tail[4]) * 256 + Number(tail[5]))}`
    : text
  const [head = '', rest] = groups.split('::')
  const first = head === '' ? [] : head.split(':')
  const last = rest === undefined || rest === '' ? [] : rest.split(':')
  const zeros = rest === undefined ? [] : Array.from({ length: 8 - first.length - last.length }, () => '0')
  const data = Buffer.alloc(16)
  for (const [index, group] of [...first, ...zeros, ...last].entries()) {
    data.writeUInt16BE(Number.parseInt(group, 16), index * 2)
  }
  return data
}
const hex = (value: number): string => value.toString(16)

/** RDATA of an address that is known to be one. */
export const addressData = (host: string): { type: number; data: Buffer } =>
  isIPv4(host)
    ? { type: TYPE.A, data: Buffer.from(host.split('.').map(Number)) }
    : { type: TYPE.AAAA, data: address6(host) }

type Parser = (reading: Reading) => Buffer

const parsers: Readonly<Record<number, Parser>> = {
  [TYPE.A]: (reading) => {
    const { text } = reading.word('address')
    if (!isIPv4(text)) throw invalid('address', `${text} is no IPv4 address`)
    return addressData(text).data
  },
  [TYPE.AAAA]: (reading) => {
    const { text } = reading.word('address')
    if (!isIPv6(text) || text.includes('%')) throw invalid('address', `${text} is no IPv6 address`)
    return addressData(text).data
  },
  [TYPE.NS]: (reading) => reading.name('nameserver'),
  [TYPE.CNAME]: (reading) => reading.name('target'),
  [TYPE.PTR]: (reading) => reading.name('target'),
  [TYPE.SOA]: (reading) =>
    Buffer.concat([
      reading.name('primary'),
      reading.name('email'),
      ...['serial', 'refresh', 'retry', 'expire', 'minimum'].map((field) => reading.number(field, 0xffffffff)),
    ]),
  [TYPE.MX]: (reading) => Buffer.concat([reading.number('priority'), reading.name('host')]),
  [TYPE.TXT]: (reading) => {
    const strings: Buffer[] = [reading.string('text')]
    while (reading.left > 0) strings.push(reading.string('text'))
    return Buffer.concat(strings)
  },
  [TYPE.SRV]: (reading) =>
    Buffer.concat([...['priority', 'weight', 'port'].map((field) => reading.number(field)), reading.name('target')]),
  [TYPE.NAPTR]: (reading) =>
    Buffer.concat([
      ...['order', 'preference'].map((field) => reading.number(field)),
      ...['flags', 'service', 'regexp'].map((field) => reading.string(field)),
      reading.name('replacement'),
    ]),
  [TYPE.CAA]: (reading) => {
    const flags = reading.number('flags', 255)
    const tag = reading.word('tag').text
    if (!/^[A-Za-z0-9]{1,15}$/.test(tag)) throw invalid('tag', 'is 1 to 15 letters and digits')
    const value = characterString(reading.word('value').text, 'value').subarray(1)
    return Buffer.concat([flags, characterString(tag, 'tag'), value])
  },
  [TYPE.LOC]: (reading) => {
    const words: string[] = []
    while (reading.left > 0) words.push(reading.word('value').text)
    return parseLoc(words)
  },
  [TYPE.HINFO]: (reading) => Buffer.concat([reading.string('cpu'), reading.string('os')]),
}

/** RFC 3597 §5: `\# 4 c0000201`. */
function parseUnknown(words: readonly Word[]): Buffer {
  const [mark, length, ...rest] = words.map(({ text }) => text)
  const digits = rest.join('')
  if (mark !== '\\#' || !/^\d{1,5}$/.test(length ?? '') || !/^([0-9a-fA-F]{2})*$/.test(digits)) {
    throw invalid('value', 'is not \\# length hex-digits')
  }
  if (digits.length !== Number(length) * 2) throw invalid('value', `is not ${length} octets long`)
  return Buffer.from(digits, 'hex')
}

/** Throws `DNS_INVALID_VALUE` or `DNS_MISSING_VALUE` that name the field. `origin`: where relative names are. */
export function parseRdata(type: number, words: readonly Word[], origin: string): Buffer {
  const parser = parsers[type]
  if (!parser || words[0]?.text === '\\#') return parseUnknown(words)
  const reading = new Reading(words, origin)
  const data = parser(reading)
  reading.end()
  return data
}

/** How a value is laid out: numbers by their octets, names, strings to the end. */
const layouts: Readonly<Record<number, readonly (1 | 2 | 4 | 'name' | 'string' | 'strings')[]>> = {
  [TYPE.NS]: ['name'],
  [TYPE.CNAME]: ['name'],
  [TYPE.PTR]: ['name'],
  [TYPE.SOA]: ['name', 'name', 4, 4, 4, 4, 4],
  [TYPE.MX]: [2, 'name'],
  [TYPE.TXT]: ['strings'],
  [TYPE.SRV]: [2, 2, 2, 'name'],
  [TYPE.NAPTR]: [2, 2, 'string', 'string', 'string', 'name'],
  [TYPE.HINFO]: ['string', 'string'],
}

export const dotted = (name: string): string => (name === '.' ? '.' : `${name}.`)

function address6Text(data: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => hex(data.readUInt16BE(index * 2)))
  const longest = groups
    .join(':')
    .match(/\b0(:0)+\b/g)
    ?.reduce((best, run) => (run.length > best.length ? run : best), '')
  if (!longest) return groups.join(':')
  return groups.join(':').replace(new RegExp(`(^|:)${longest}(:|$)`), '::')
}

/** The text of a zone file. Undefined when the octets are no such value. */
export function formatRdata(type: number, data: Buffer): string | undefined {
  if (type === TYPE.A) return data.length === 4 ? data.join('.') : undefined
  if (type === TYPE.AAAA) return data.length === 16 ? address6Text(data) : undefined
  if (type === TYPE.LOC) return data.length === 16 ? formatLoc(data) : undefined
  if (type === TYPE.CAA) {
    const length = data[1] ?? 0
    if (data.length < 2 + length) return undefined
    const tag = data.toString('latin1', 2, 2 + length)
    return `${data[0]} ${tag} ${quote(data.subarray(2 + length))}`
  }
  const parts = partsOf(type, data)
  if (!parts) return `\\# ${data.length} ${data.toString('hex')}`.trimEnd()
  return parts
    .map((part) => (typeof part === 'string' ? dotted(part) : part instanceof Buffer ? quote(part) : `${part}`))
    .join(' ')
}

/** Numbers, names (text) and strings (octets) of a value; undefined when it is not laid out so. */
export function partsOf(type: number, data: Buffer): (number | string | Buffer)[] | undefined {
  const layout = layouts[type]
  if (!layout) return undefined
  const parts: (number | string | Buffer)[] = []
  let at = 0
  for (const kind of layout) {
    if (kind === 'name') {
      const found = nameFromWire(data, at)
      if (!found) return undefined
      parts.push(found.name)
      at = found.end
    } else if (kind === 'string' || kind === 'strings') {
      do {
        const length = data[at]
        if (length === undefined || at + 1 + length > data.length) return undefined
        parts.push(data.subarray(at + 1, at + 1 + length))
        at += 1 + length
      } while (kind === 'strings' && at < data.length)
    } else {
      if (at + kind > data.length) return undefined
      parts.push(data.readUIntBE(at, kind))
      at += kind
    }
  }
  return at === data.length ? parts : undefined
}

/** The name that this record leads to, whose addresses a client will ask for next. */
export function targetOf({ type, data }: Pick<DnsRecord, 'type' | 'data'>): string | undefined {
  const from = type === TYPE.SRV ? 6 : type === TYPE.MX ? 2 : type === TYPE.NS || type === TYPE.CNAME ? 0 : undefined
  return from === undefined ? undefined : lowerOf(nameFromWire(data, from)?.name)
}

const lowerOf = (name: string | undefined): string | undefined => name && lowerCase(name)

/** One line of a zone file. */
export const formatRecord = ({ name, type, ttl, data }: DnsRecord): string =>
  `${dotted(name)} ${ttl} IN ${typeName(type)} ${formatRdata(type, data) ?? ''}`
