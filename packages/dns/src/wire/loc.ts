/** LOC (RFC 1876): where a host stands, in 16 octets. */
import { invalid } from '../errors.ts'

const EQUATOR = 2 ** 31
const ARC_MS = { degree: 3_600_000, minute: 60_000, second: 1_000 } as const
/** Centimetres below the reference at which altitudes begin. */
const ALTITUDE_BASE_CM = 10_000_000
const DEFAULTS = { size: 100, horizontal: 1_000_000, vertical: 1_000 } as const

const NUMBER = /^\d+(\.\d{1,3})?$/
const METRES = /^-?\d+(\.\d{1,2})?m?$/

interface Reading {
  tokens: readonly string[]
  at: number
}

function angle(reading: Reading, letters: 'NS' | 'EW', degreesMax: number): number {
  const parts: number[] = []
  const field = letters === 'NS' ? 'latitude' : 'longitude'
  for (;;) {
    const token = reading.tokens[reading.at++]
    if (token === undefined) throw invalid(field, `ends with ${letters[0]} or ${letters[1]}`)
    const letter = token.toUpperCase()
    if (letter.length === 1 && letters.includes(letter)) {
      const [degrees = -1, minutes = 0, seconds = 0] = parts
      const ms = degrees * ARC_MS.degree + minutes * ARC_MS.minute + Math.round(seconds * ARC_MS.second)
      const whole = Number.isInteger(degrees) && Number.isInteger(minutes)
      if (degrees < 0 || !whole || minutes > 59 || seconds >= 60 || ms > degreesMax * ARC_MS.degree) {
        throw invalid(field, `is not within ${degreesMax} degrees`)
      }
      return letter === letters[0] ? EQUATOR + ms : EQUATOR - ms
    }
    if (!NUMBER.test(token) || parts.length === 3) throw invalid(field, 'is degrees, minutes and seconds')
    parts.push(Number(token))
  }
}

function centimetres(token: string, field: string): number {
  if (!METRES.test(token)) throw invalid(field, 'is a number of metres')
  return Math.round(Number.parseFloat(token) * 100)
}

/** Base and power of ten in four bits each. */
function precision(cm: number, field: string): number {
  if (cm < 0 || cm > 9_000_000_000) throw invalid(field, 'is more than 90,000,000 metres')
  let power = 0
  let base = cm
  while (base > 9) {
    base = Math.floor(base / 10)
    power++
  }
  return (base << 4) | power
}

/** `52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m` */
export function parseLoc(tokens: readonly string[]): Buffer {
  const reading = { tokens, at: 0 }
  const latitude = angle(reading, 'NS', 90)
  const longitude = angle(reading, 'EW', 180)
  const [altitude, size, horizontal, vertical, more] = tokens.slice(reading.at)
  if (altitude === undefined) throw invalid('altitude', 'is a number of metres')
  if (more !== undefined) throw invalid('value', 'goes on after a LOC')
  const data = Buffer.alloc(16)
  data[1] = precision(size === undefined ? DEFAULTS.size : centimetres(size, 'size'), 'size')
  data[2] = precision(
    horizontal === undefined ? DEFAULTS.horizontal : centimetres(horizontal, 'horizontal'),
    'horizontal',
  )
  data[3] = precision(vertical === undefined ? DEFAULTS.vertical : centimetres(vertical, 'vertical'), 'vertical')
  data.writeUInt32BE(latitude, 4)
  data.writeUInt32BE(longitude, 8)
  const above = centimetres(altitude, 'altitude') + ALTITUDE_BASE_CM
  if (above < 0 || above > 0xffffffff) throw invalid('altitude', 'is out of reach')
  data.writeUInt32BE(above, 12)
  return data
}

function angleText(value: number, letters: 'NS' | 'EW'): string {
  const ms = Math.abs(value - EQUATOR)
  const degrees = Math.floor(ms / ARC_MS.degree)
  const minutes = Math.floor((ms % ARC_MS.degree) / ARC_MS.minute)
  const seconds = ((ms % ARC_MS.minute) / ARC_MS.second).toFixed(3)
  return `${degrees} ${minutes} ${seconds} ${value >= EQUATOR ? letters[0] : letters[1]}`
}

const metres = (cm: number): string => `${(cm / 100).toFixed(2)}m`

export function formatLoc(data: Buffer): string {
  const precisions = [1, 2, 3].map((at) => {
    const octet = data[at] as number
    return metres((octet >>> 4) * 10 ** (octet & 0xf))
  })
  const altitude = metres(data.readUInt32BE(12) - ALTITUDE_BASE_CM)
  const place = `${angleText(data.readUInt32BE(4), 'NS')} ${angleText(data.readUInt32BE(8), 'EW')}`
  return [place, altitude, ...precisions].join(' ')
}
