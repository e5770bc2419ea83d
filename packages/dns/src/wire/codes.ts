/** Numbers of the protocol (IANA, "Domain Name System (DNS) Parameters"). */

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  LOC: 29,
  SRV: 33,
  NAPTR: 35,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const

export const CLASS = { IN: 1, ANY: 255 } as const

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  NOTAUTH: 9,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const
export type Rcode = (typeof RCODE)[keyof typeof RCODE]

export const OPCODE = { QUERY: 0, NOTIFY: 4 } as const

/** The types that a zone may hold. */
export const ZONE_TYPES = ['SOA', 'NS', 'A', 'AAAA', 'CNAME', 'MX', 'SRV', 'NAPTR', 'PTR', 'TXT', 'CAA', 'LOC'] as const
export type ZoneType = (typeof ZONE_TYPES)[number]

const names = new Map<number, string>(Object.entries(TYPE).map(([name, type]) => [type, name]))

/** `MX`, or `TYPE65280` (RFC 3597 §5) for what has no name here. */
export const typeName = (type: number): string => names.get(type) ?? `TYPE${type}`

export function typeNumber(name: string): number | undefined {
  const upper = name.toUpperCase()
  const unknown = /^TYPE(\d{1,5})$/.exec(upper)
  if (unknown) return Number(unknown[1]) < 65_536 ? Number(unknown[1]) : undefined
  return Object.hasOwn(TYPE, upper) ? TYPE[upper as keyof typeof TYPE] : undefined
}

export const isZoneType = (name: string): name is ZoneType => (ZONE_TYPES as readonly string[]).includes(name)
