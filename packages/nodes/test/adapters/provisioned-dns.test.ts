/** What portals provision is answered for an instant later, and what cannot be served harms nothing else. */
import { type RecordKey, type RegStore, recordKey, silentLogger } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import { answerQuestion, EnumZones, formatRecord, joined, RCODE, TYPE } from '@thor-node/dns'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ProvisionedDns } from '../../src/adapters/provisioned-dns.ts'

const test = suite('adapters: provisioned dns')

/** Registers that can be set, listed and watched. */
class Registers {
  readonly values = new Map<string, { key: RecordKey; body: unknown }>()
  readonly #watches: { prefix: string; listener: (name: string | undefined) => void }[] = []

  set(kind: string, name: string, body: unknown): void {
    const key = recordKey(kind, name)
    if (body === undefined) this.values.delete(key.name)
    else this.values.set(key.name, { key, body })
    for (const { prefix, listener } of this.#watches) if (key.name.startsWith(prefix)) listener(key.name)
  }

  missNews(): void {
    for (const { listener } of this.#watches) listener(undefined)
  }

  get reg(): RegStore {
    const versioned = (body: unknown) => ({ rev: 1, etag: '1', body })
    return {
      read: async (key: RecordKey) => {
        const found = this.values.get(key.name)
        return found && versioned(found.body)
      },
      list: async (prefix: string) =>
        [...this.values.values()]
          .filter(({ key }) => key.name.startsWith(prefix))
          .map(({ key, body }) => ({ key, value: versioned(body) })),
      watch: (prefix: string, listener: (name: string | undefined) => void) => {
        this.#watches.push({ prefix, listener })
        return () => undefined
      },
    } as unknown as RegStore
  }
}

async function stage() {
  const registers = new Registers()
  const clock = new SimClock()
  const nameservers = () => ['n1.thor.local']
  const dns = new ProvisionedDns({ store: { reg: registers.reg }, clock, logger: silentLogger, nameservers })
  const zones = joined(new EnumZones({ index: dns.index, clock, nameservers, ready: () => dns.ready }), dns.zones)
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 10; turns++) await clock.advance(1)
  }
  const ask = (name: string, type: keyof typeof TYPE): string[] => {
    const { rcode, answers } = answerQuestion(zones, { name, type: TYPE[type], class: 1 }, new SimRandom(1))
    if (rcode !== RCODE.NOERROR) return [`rcode ${rcode}`]
    return answers.map((one) => formatRecord(one).replace(/^\S+ /, '')).sort()
  }
  await dns.start()
  await settle()
  return { registers, clock, dns, settle, ask }
}

const zone = { name: 'example.com', email: '', ttl: 60, nameservers: [], serial: 5, changedAt: 1 }
const record = (id: number, name: string, type: string, value: string, more = {}) => ({
  id,
  zone: 'example.com',
  name,
  type,
  value,
  changedAt: 1,
  ...more,
})

test('zones and records', async () => {
  const { registers, settle, ask, dns } = await stage()
  registers.set('zone', 'example.com', zone)
  registers.set('zonename', 'www.example.com', {
    records: [record(1, 'www', 'A', '192.0.2.1'), record(2, 'www', 'URL', 'https://x/')],
  })
  registers.set('zonename', 'example.com', {
    records: [
      record(3, '', 'MX', 'mail.example.net', { priority: 10, ttl: 5 }),
      record(4, '@', 'TXT', 'v=spf1 "x"'),
      record(5, 'example.com', 'LOC', 'nonsense'),
    ],
  })
  registers.set('zonename', '_sip._udp.example.com', {
    records: [record(6, '_sip._udp', 'SRV', '0 5060 proxy.example.net', { priority: 1 })],
  })
  await settle()
  assert.equal(ask('www.example.com', 'A'), ['60 IN A 192.0.2.1'])
  assert.equal(ask('example.com', 'MX'), ['5 IN MX 10 mail.example.net.'])
  assert.equal(ask('example.com', 'TXT'), ['60 IN TXT "v=spf1 \\"x\\""'])
  assert.equal(ask('_sip._udp.example.com', 'SRV'), ['60 IN SRV 1 0 5060 proxy.example.net.'])
  assert.equal(ask('example.com', 'NS'), ['60 IN NS n1.thor.local.'])
  assert.match(ask('example.com', 'SOA')[0] as string, /SOA n1\.thor\.local\. hostmaster\.example\.com\. 5 /)
  registers.set('zonename', 'www.example.com', undefined)
  await settle()
  assert.equal(ask('www.example.com', 'A'), ['rcode 3'])
  registers.set('zone', 'example.com', undefined)
  await settle()
  assert.equal(ask('example.com', 'MX'), ['rcode 5'])
  await dns.stop()
})

test('ranges and numbers', async () => {
  const { registers, settle, ask, dns } = await stage()
  registers.set('enumrange', '3120/e164.arpa', { prefix: '3120', tld: 'e164.arpa', serial: 1, changedAt: 1 })
  const mappings = [
    { id: 1, type: 'sip', mapto: 'sip:a@b', priority: 5, ttl: 60 },
    { id: 2, type: 'telepathy', mapto: 'x:y' },
  ]
  registers.set('enum', '31208005100/e164.arpa', {
    number: '31208005100',
    tld: 'e164.arpa',
    range: '3120',
    mappings,
    changedAt: 1,
  })
  await settle()
  const name = '0.0.1.5.0.0.8.0.2.1.3.e164.arpa'
  assert.equal(ask(name, 'NAPTR'), ['60 IN NAPTR 100 5 "u" "E2U+sip" "!^.*$!sip:a@b!" .'])
  assert.equal(ask('1.0.2.1.3.e164.arpa', 'NAPTR'), ['rcode 3'])
  registers.set('enum', '31208005100/e164.arpa', undefined)
  await settle()
  assert.equal(ask(name, 'NAPTR'), ['rcode 3'])
  registers.set('enumrange', '3120/e164.arpa', undefined)
  await settle()
  assert.equal(ask(name, 'NAPTR'), ['rcode 5'])
  await dns.stop()
})

test('missed news are made up for', async () => {
  const { registers, clock, settle, ask, dns } = await stage()
  registers.set('zone', 'example.com', zone)
  await settle()
  const key = recordKey('zonename', 'www.example.com')
  registers.values.set(key.name, { key, body: { records: [record(1, 'www', 'A', '192.0.2.1')] } })
  assert.equal(ask('www.example.com', 'A'), ['rcode 3'])
  registers.missNews()
  await clock.advance(1_000)
  await settle()
  assert.equal(ask('www.example.com', 'A'), ['60 IN A 192.0.2.1'])
  await dns.stop()
  assert.is(clock.armed, 0)
})

test.run()
