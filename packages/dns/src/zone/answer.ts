/** From a question to what is to be said. Pure, but for the order of records, which is by chance. */
import { type Random, shuffled } from '@thor-node/core'
import { ADDITIONAL_HOSTS_MAX, ANSWER_NODES_MAX, CNAMES_MAX } from '../limits.ts'
import { CLASS, RCODE, TYPE } from '../wire/codes.ts'
import { noRecords, type Sections } from '../wire/message.ts'
import { isWithin, lowerCase, nameFromWire } from '../wire/names.ts'
import type { Question } from '../wire/query.ts'
import { type DnsRecord, targetOf } from '../wire/rdata.ts'
import type { Found, Zone } from './tree.ts'
import type { ZoneSource } from './zones.ts'

/** RFC 8482 §4.2 */
const HINFO_DATA = Buffer.from('\u0007RFC8482\u0000', 'latin1')
/** Which of several is taken is left to chance: clients take the first. */
const BY_CHANCE = new Set<number>([TYPE.A, TYPE.AAAA, TYPE.SRV, TYPE.NS])
const LED_TO = new Set<number>([TYPE.SRV, TYPE.MX, TYPE.NS])

/** SOA of a negative answer lives as long as that (RFC 2308 §3). */
export function negativeSoa({ soa }: Zone): DnsRecord {
  return { ...soa, ttl: Math.min(soa.ttl, soa.data.readUInt32BE(soa.data.length - 4)) }
}

export function answerQuestion(
  zones: ZoneSource,
  question: Pick<Question, 'name' | 'type' | 'class'>,
  random: Random,
): Sections {
  const { name, type } = question
  const inClass = question.class === CLASS.IN || question.class === CLASS.ANY
  const zone = inClass ? zones.find(name) : undefined
  if (!zone) return noRecords(RCODE.REFUSED)
  // Over TCP and to whom they are allowed transfers are another thing (transfer.ts).
  if (type === TYPE.AXFR || type === TYPE.IXFR) return noRecords(RCODE.REFUSED)
  const sections = noRecords(RCODE.NOERROR, true)
  let at: Zone = zone
  let wanted = name
  for (let aliases = 0; ; aliases++) {
    const found = at.lookup(wanted, type)
    if (found.kind === 'alias' && aliases < CNAMES_MAX) {
      sections.answers.push(found.record)
      wanted = lowerCase(nameFromWire(found.record.data)?.name ?? '.')
      const next = zones.find(wanted)
      // Who asked goes on by himself where others know more.
      if (!next || sections.answers.some((record) => record.name === wanted)) return sections
      at = next
      continue
    }
    return finish(sections, found, { zones, zone: at, wanted, type, random })
  }
}

/**
 * May the same be said again as long as this zone is the same? Not what other zones say; what is left to chance in one order out
 * of many.
 */
export function repeatable(
  { answers, authorities, additionals, rcode }: Sections,
  zone: Zone,
): 'always' | 'by chance' | undefined {
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return undefined
  if (![...answers, ...authorities, ...additionals].every(({ name }) => isWithin(name, zone.apex))) return undefined
  return answers.length > 1 && answers.some(({ type }) => BY_CHANCE.has(type)) ? 'by chance' : 'always'
}

interface Asked {
  zones: ZoneSource
  zone: Zone
  wanted: string
  type: number
  random: Random
}

function finish(sections: Sections, found: Found, { zones, zone, wanted, type, random }: Asked): Sections {
  if (found.kind === 'records') {
    const records =
      type === TYPE.ANY
        ? [{ name: wanted, type: TYPE.HINFO, ttl: found.records[0]?.ttl ?? 0, data: HINFO_DATA }]
        : inOrder(found.records, random)
    sections.answers.push(...records)
    if (LED_TO.has(type)) sections.additionals = addressesOf(records, zones)
    return sections
  }
  if (found.kind === 'referral') {
    if (sections.answers.length === 0) sections.authoritative = false
    sections.authorities.push(...found.records)
    sections.additionals = glueOf(found.records, zone)
    return sections
  }
  if (found.kind === 'failure') return noRecords(RCODE.SERVFAIL)
  if (found.kind === 'no-name') sections.rcode = RCODE.NXDOMAIN
  if (found.kind !== 'alias') sections.authorities.push(negativeSoa(zone))
  return sections
}

function inOrder(records: readonly DnsRecord[], random: Random): readonly DnsRecord[] {
  if (records.length < 2 || !BY_CHANCE.has((records[0] as DnsRecord).type)) return records
  const mixed = shuffled(random, records)
  if (mixed.length <= ANSWER_NODES_MAX) return mixed
  // Of SRV those that clients try first are left (RFC 2782).
  const isSrv = (records[0] as DnsRecord).type === TYPE.SRV
  const ranked = isSrv ? mixed.sort((a, b) => a.data.readUInt16BE(0) - b.data.readUInt16BE(0)) : mixed
  return ranked.slice(0, ANSWER_NODES_MAX)
}

const ADDRESS_TYPES = [TYPE.A, TYPE.AAAA]

/** The addresses of hosts that the answer names, as far as they are served here, each once. */
function addressesOf(records: readonly DnsRecord[], zones: ZoneSource): DnsRecord[] {
  const hosts = new Set<string>()
  for (const record of records) {
    const host = targetOf(record)
    if (host !== undefined && hosts.size < ADDITIONAL_HOSTS_MAX) hosts.add(host)
  }
  const additionals: DnsRecord[] = []
  for (const host of hosts) {
    const zone = zones.find(host)
    if (!zone) continue
    for (const type of ADDRESS_TYPES) {
      const found = zone.lookup(host, type)
      if (found.kind === 'records') additionals.push(...found.records)
    }
  }
  return additionals
}

/** Addresses of nameservers below a cut: they are ours to tell, not ours to own. */
function glueOf(records: readonly DnsRecord[], zone: Zone): DnsRecord[] {
  const hosts = records.flatMap((record) => targetOf(record) ?? [])
  if (!zone.records || !hosts.some((host) => isWithin(host, zone.apex))) return []
  const wanted = new Set(hosts)
  const glue: DnsRecord[] = []
  for (const record of zone.records()) {
    if (wanted.has(record.name) && (record.type === TYPE.A || record.type === TYPE.AAAA)) glue.push(record)
  }
  return glue
}
