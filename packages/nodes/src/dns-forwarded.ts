import type { DnsContract } from './control/dns-contract.ts'

/** What is asked about zones and numbers goes to the part that knows them. */
export class ForwardedDns implements DnsContract {
  readonly #dns: DnsContract

  constructor(dns: DnsContract) {
    this.#dns = dns
  }

  dnsList: DnsContract['dnsList'] = () => this.#dns.dnsList()
  dnsAdd: DnsContract['dnsAdd'] = (query) => this.#dns.dnsAdd(query)
  dnsShow: DnsContract['dnsShow'] = (query) => this.#dns.dnsShow(query)
  dnsRemove: DnsContract['dnsRemove'] = (query) => this.#dns.dnsRemove(query)
  dnsSet: DnsContract['dnsSet'] = (query) => this.#dns.dnsSet(query)
  dnsUnset: DnsContract['dnsUnset'] = (query) => this.#dns.dnsUnset(query)
  dnsImport: DnsContract['dnsImport'] = (query) => this.#dns.dnsImport(query)
  dnsTemplate: DnsContract['dnsTemplate'] = (query) => this.#dns.dnsTemplate(query)
  dnsCheck: DnsContract['dnsCheck'] = (query) => this.#dns.dnsCheck(query)
  enumRanges: DnsContract['enumRanges'] = () => this.#dns.enumRanges()
  enumRangeAdd: DnsContract['enumRangeAdd'] = (query) => this.#dns.enumRangeAdd(query)
  enumRangeRemove: DnsContract['enumRangeRemove'] = (query) => this.#dns.enumRangeRemove(query)
  enumAdd: DnsContract['enumAdd'] = (query) => this.#dns.enumAdd(query)
  enumShow: DnsContract['enumShow'] = (query) => this.#dns.enumShow(query)
  enumRemove: DnsContract['enumRemove'] = (query) => this.#dns.enumRemove(query)
  enumLookup: DnsContract['enumLookup'] = (query) => this.#dns.enumLookup(query)
  enumLoad: DnsContract['enumLoad'] = (query) => this.#dns.enumLoad(query)
}
