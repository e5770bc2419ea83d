import { errorCode, ThorError } from '@thor-node/core'
import {
  type EnumDirectory,
  type EnumNumber,
  type EnumRange,
  enumName,
  type NumberInput,
  readZoneFile,
  writeZoneFile,
  type ZoneDirectory,
  type ZoneFields,
  type ZoneRecord,
} from '@thor-node/dns'
import { type DialPlan, normalise } from '@thor-node/sip'
import type { DnsParts } from './compose/dns.ts'
import type { DnsContract, EnumRow, NumberView, RangeView, RecordView, ZoneView } from './control/dns-contract.ts'
import { checkDomain } from './dns/check.ts'
import { customerTemplate } from './dns/template.ts'

const zoneView = ({ name, serial, count, nameservers, changedAt }: ZoneFields): ZoneView => ({
  zone: name,
  serial,
  records: count,
  nameservers,
  changedAt,
})
const recordView = ({ id, name, type, value, priority, ttl }: ZoneRecord): RecordView => ({
  id,
  name,
  type,
  value,
  priority,
  ttl,
})
const numberView = ({ number, tld, owner, info, mappings }: EnumNumber): NumberView => ({
  number: `+${number}`,
  tree: tld,
  owner,
  info,
  mappings,
})

/** The part of the operations that is about zones and numbers. */
export class DnsOperations implements DnsContract {
  readonly #zones: ZoneDirectory
  readonly #numbers: EnumDirectory
  readonly #planOf: (domain: string) => DialPlan
  readonly #dns: DnsParts
  readonly #ringDomain: string

  constructor(
    components: { zones: ZoneDirectory; numbers: EnumDirectory; dns: DnsParts; planOf(domain: string): DialPlan },
    init: { domain: string },
  ) {
    this.#planOf = components.planOf
    this.#zones = components.zones
    this.#numbers = components.numbers
    this.#dns = components.dns
    this.#ringDomain = init.domain
  }

  async dnsList() {
    return { zones: (await this.#zones.zones()).map(zoneView) }
  }

  async dnsAdd({ zone, ...fields }: Parameters<DnsContract['dnsAdd']>[0]) {
    const { name } = await this.#zones.addZone({ name: zone, ...fields })
    return { zone: name }
  }

  async dnsShow({ zone }: { zone: string }) {
    const { body } = await this.#zones.getZone(zone)
    const file = writeZoneFile(body, this.#dns.nameservers())
    return { zone: zoneView(body), records: body.records.map(recordView), file }
  }

  async dnsRemove({ zone }: { zone: string }) {
    await this.#zones.deleteZone(zone)
    return { removed: zone }
  }

  async dnsSet(query: Parameters<DnsContract['dnsSet']>[0]) {
    return { record: recordView(await this.#zones.addRecord(query)) }
  }

  async dnsUnset({ id }: { id: number }) {
    await this.#zones.deleteRecord(id)
    return { removed: id }
  }

  async dnsImport({ zone, text }: { zone: string; text: string }) {
    const file = readZoneFile(text, zone.toLowerCase().replace(/\.$/, ''))
    const fields = { ...file.zone, name: zone }
    await this.#zones.addZone(fields).catch((error) => {
      if (errorCode(error) !== 'DNS_ZONE_EXISTS') throw error
      return this.#zones.updateZone(fields)
    })
    const { name } = await this.#zones.replaceRecords(zone, file.records)
    return { zone: name, records: file.records.length }
  }

  async dnsTemplate({ zone }: { zone: string }) {
    const { body } = await this.#zones.getZone(zone)
    const added: RecordView[] = []
    for (const record of customerTemplate(body.name, this.#ringDomain, this.#dns.nodes())) {
      try {
        added.push(recordView(await this.#zones.addRecord(record)))
      } catch (error) {
        if (errorCode(error) !== 'DNS_RECORD_EXISTS') throw error
      }
    }
    return { added }
  }

  async dnsCheck({ domain }: { domain: string }) {
    const name = domain.toLowerCase().replace(/\.$/, '')
    const zone = this.#dns.zones.find(name)
    if (zone?.apex !== name) throw new ThorError('DNS_ZONE_UNKNOWN', `${name} is no zone of this ring`)
    return checkDomain(this.#dns.check, zone, this.#dns.nodes())
  }

  async enumRanges() {
    return { ranges: (await this.#numbers.ranges()).map((range) => this.#rangeView(range)) }
  }

  async enumRangeAdd({ tree, ...fields }: Parameters<DnsContract['enumRangeAdd']>[0]) {
    return { range: this.#rangeView(await this.#numbers.addRange({ tld: tree, ...fields })) }
  }

  async enumRangeRemove({ tree, prefix }: { tree: string; prefix: string }) {
    await this.#numbers.deleteRange({ tld: tree, prefix })
    return { removed: prefix }
  }

  async enumAdd({ tree, ...fields }: Parameters<DnsContract['enumAdd']>[0]) {
    return { number: numberView(await this.#numbers.addNumber({ tld: tree, ...fields })) }
  }

  async enumShow({ tree, number }: { tree: string; number: string }) {
    return numberView((await this.#numbers.getNumber({ tld: tree, number })).body)
  }

  async enumRemove({ tree, number }: { tree: string; number: string }) {
    await this.#numbers.deleteNumber({ tld: tree, number })
    return { removed: number }
  }

  async enumLookup({ number }: { number: string }) {
    const normal = normalise(number, this.#planOf(this.#ringDomain))
    const found = await this.#dns.numbers.find({ number: normal, method: 'INVITE' })
    return { uris: [...(found?.uris ?? [])] }
  }

  async enumLoad({ tree, rows }: { tree: string; rows: EnumRow[] }) {
    const { numbers } = await this.#numbers.load(tree, numbersOf(rows))
    return { numbers }
  }

  #rangeView({ tld, prefix, minDigits, maxDigits }: EnumRange): RangeView {
    const tree = this.#dns.index.tree(tld)
    return {
      tree: tld,
      prefix,
      minDigits,
      maxDigits,
      zone: enumName(prefix, tld),
      numbers: tree?.used(prefix) ?? 0,
      serial: this.#dns.enumZones.find(enumName(prefix, tld))?.serial ?? 0,
    }
  }
}

/** Rows of one number that follow each other are its mappings. */
function numbersOf(rows: readonly EnumRow[]): NumberInput[] {
  const numbers: (NumberInput & { mappings: NonNullable<NumberInput['mappings']>[number][] })[] = []
  for (const [number, type, mapto, priority, ttl, owner] of rows) {
    const mapping = { type, mapto, ...(priority !== undefined && { priority }), ...(ttl !== undefined && { ttl }) }
    const last = numbers.at(-1)
    if (last?.number === number) last.mappings.push(mapping)
    else numbers.push({ number, ...(owner !== undefined && { owner }), mappings: [mapping] })
  }
  return numbers
}
