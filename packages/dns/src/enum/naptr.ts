/** NAPTR as ENUM uses them: from mappings to octets and back. */
import { TYPE } from '../wire/codes.ts'
import { nameToWire } from '../wire/names.ts'
import { partsOf } from '../wire/rdata.ts'

export interface Naptr {
  order: number
  preference: number
  flags: string
  service: string
  regexp: string
  /** `.` where the expression says all. */
  replacement: string
}

const raw = (text: string): Buffer => Buffer.concat([Buffer.of(Buffer.byteLength(text)), Buffer.from(text, 'utf8')])

export function naptrData({ order, preference, flags, service, regexp, replacement }: Naptr): Buffer {
  const numbers = Buffer.alloc(4)
  numbers.writeUInt16BE(order, 0)
  numbers.writeUInt16BE(preference, 2)
  return Buffer.concat([numbers, raw(flags), raw(service), raw(regexp), nameToWire(replacement)])
}

export function readNaptr(data: Buffer): Naptr | undefined {
  const parts = partsOf(TYPE.NAPTR, data)
  if (!parts) return undefined
  const [order, preference, flags, service, regexp, replacement] = parts as [
    number,
    number,
    Buffer,
    Buffer,
    Buffer,
    string,
  ]
  const text = (bytes: Buffer): string => bytes.toString('utf8')
  return { order, preference, flags: text(flags), service: text(service), regexp: text(regexp), replacement }
}

/** Does an expression fit into a record? */
export const fitsString = (text: string): boolean => Buffer.byteLength(text) <= 255
