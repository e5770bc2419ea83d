import type { DnsContract, NumberView, RangeView, RecordView, ZoneView } from '../../src/control/dns-contract.ts'

const AT = Date.UTC(2026, 10, 23, 12)

/** What a node says of zones and numbers. */
export class FakeDns implements DnsContract {
  readonly asked: [operation: string, query: unknown][] = []

  zone: ZoneView = { zone: 'example.com', serial: 7, records: 1, nameservers: [], changedAt: AT }
  record: RecordView = {
    id: 16_385,
    name: 'example.com',
    type: 'MX',
    value: 'mail.example.com.',
    priority: 10,
    ttl: 60,
  }
  range: RangeView = {
    tree: 'e164.arpa',
    prefix: '3120',
    minDigits: 11,
    maxDigits: 11,
    zone: '0.2.1.3.e164.arpa',
    numbers: 2,
    serial: 9,
  }
  number: NumberView = {
    number: '+31208005100',
    tree: 'e164.arpa',
    owner: 0,
    info: '',
    mappings: [{ id: 1, type: 'sip', mapto: 'sip:alice@example.com', priority: 5, ttl: 3_600 }],
  }

  #say<T>(operation: keyof DnsContract, query: unknown, answer: T): Promise<T> {
    this.asked.push([operation, query])
    return Promise.resolve(answer)
  }

  dnsList = () => this.#say('dnsList', {}, { zones: [this.zone] })
  dnsAdd: DnsContract['dnsAdd'] = (query) => this.#say('dnsAdd', query, { zone: query.zone })
  dnsShow: DnsContract['dnsShow'] = (query) =>
    this.#say('dnsShow', query, { zone: this.zone, records: [this.record], file: '$ORIGIN example.com.\n' })
  dnsRemove: DnsContract['dnsRemove'] = (query) => this.#say('dnsRemove', query, { removed: query.zone })
  dnsSet: DnsContract['dnsSet'] = (query) => this.#say('dnsSet', query, { record: this.record })
  dnsUnset: DnsContract['dnsUnset'] = (query) => this.#say('dnsUnset', query, { removed: query.id })
  dnsImport: DnsContract['dnsImport'] = (query) => this.#say('dnsImport', query, { zone: query.zone, records: 3 })
  dnsTemplate: DnsContract['dnsTemplate'] = (query) => this.#say('dnsTemplate', query, { added: [this.record] })
  dnsCheck: DnsContract['dnsCheck'] = (query) =>
    this.#say('dnsCheck', query, {
      delegate: ['example.com. NS n1.example.com.'],
      findings: [{ ok: true, text: 'n1.example.com (192.0.2.1) answers for example.com' }],
    })
  enumRanges = () => this.#say('enumRanges', {}, { ranges: [this.range] })
  enumRangeAdd: DnsContract['enumRangeAdd'] = (query) => this.#say('enumRangeAdd', query, { range: this.range })
  enumRangeRemove: DnsContract['enumRangeRemove'] = (query) =>
    this.#say('enumRangeRemove', query, { removed: query.prefix })
  enumAdd: DnsContract['enumAdd'] = (query) => this.#say('enumAdd', query, { number: this.number })
  enumShow: DnsContract['enumShow'] = (query) => this.#say('enumShow', query, this.number)
  enumRemove: DnsContract['enumRemove'] = (query) => this.#say('enumRemove', query, { removed: query.number })
  enumLookup: DnsContract['enumLookup'] = (query) => this.#say('enumLookup', query, { uris: ['sip:alice@example.com'] })
  enumLoad: DnsContract['enumLoad'] = (query) => this.#say('enumLoad', query, { numbers: query.rows.length })
}
