import { ThorError } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ZoneDirectory } from '../../src/records/directory.ts'
import { readZoneFile, seconds, writeZoneFile } from '../../src/zone/master-file.ts'
import { MemoryReg } from '../memory-reg.ts'

const test = suite('dns: zone files')

const FILE = `
; a comment
$ORIGIN example.com.
$TTL 1h
@ IN SOA ns1 admin\\.x ( 2026010101 ; serial
      2h 10m
      1w 5m )
      NS ns1
   300 IN NS ns2.example.net.
www   A 192.0.2.1
      AAAA 2001:db8::1
mail  IN 60 MX 10 mx
$ORIGIN sub.example.com.
_sip._udp 10 SRV 10 20 5060 proxy
@ TXT "one; two" ( "three" )
naptr NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m
`

test('a zone file is read as it is meant', () => {
  const { zone, records } = readZoneFile(FILE, 'example.com')
  assert.equal(zone, {
    name: 'example.com',
    email: 'admin.x@example.com',
    ttl: 3_600,
    refresh: 7_200,
    retry: 600,
    expire: 604_800,
    minimum: 300,
  })
  assert.equal(
    records.map(({ name, ttl, type, value }) => `${name} ${ttl} ${type} ${value}`),
    [
      'example.com. 3600 NS ns1.example.com.',
      'example.com. 300 NS ns2.example.net.',
      'www.example.com. 3600 A 192.0.2.1',
      'www.example.com. 3600 AAAA 2001:db8::1',
      'mail.example.com. 60 MX 10 mx.example.com.',
      '_sip._udp.sub.example.com. 10 SRV 10 20 5060 proxy.sub.example.com.',
      'sub.example.com. 3600 TXT "one; two" "three"',
      'naptr.sub.example.com. 3600 NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .',
      'loc.sub.example.com. 3600 LOC 52 22 23.000 N 4 53 32.000 E -2.00m',
    ],
  )
})

test('what was written is read again', async () => {
  const components = { store: { reg: new MemoryReg() }, clock: new SimClock(), random: new SimRandom(1) }
  const zones = new ZoneDirectory(components)
  const { zone, records } = readZoneFile(FILE, 'example.com')
  await zones.addZone(zone!)
  await zones.replaceRecords('example.com', records)
  const first = writeZoneFile((await zones.getZone('example.com')).body, [])
  const again = readZoneFile(first, 'example.com')
  await zones.replaceRecords('example.com', again.records)
  const second = writeZoneFile((await zones.getZone('example.com')).body, [])
  const withoutSerial = (text: string) => text.replace(/ SOA (\S+ \S+) \d+/, ' SOA $1 n')
  assert.is(withoutSerial(second), withoutSerial(first))
  assert.is(first.split('\n').length, 12)
})

const wrong: [text: string, line: RegExp][] = [
  ['www A', /value/],
  ['\n\nwww FOO bar', /^line 3: FOO/],
  ['www', /^line 1: has no type/],
  ['$INCLUDE other', /^line 1: \$INCLUDE/],
  ['@ SOA ns1 admin (1 2', /^line 1: opens/],
  ['@ SOA ns1 admin 1 2 3', /^line 1: is no SOA/],
  ['www CH A 192.0.2.1', /^line 1: class CH/],
  ['www TXT "open', /^line 1: has a quote/],
  ['a..b A 192.0.2.1', /^line 1: a\.\.b/],
  [') A', /^line 1: has a parenthesis/],
]
for (const [text, line] of wrong) {
  test(`${JSON.stringify(text)} is refused by its line`, async () => {
    const zones = new ZoneDirectory({
      store: { reg: new MemoryReg() },
      clock: new SimClock(),
      random: new SimRandom(1),
    })
    await zones.addZone({ name: 'example.com' })
    try {
      await zones.replaceRecords('example.com', readZoneFile(text, 'example.com').records)
      assert.unreachable()
    } catch (error) {
      assert.ok(error instanceof ThorError && line.test(error.message), String(error))
    }
  })
}

test('times have units', () => {
  const cases: [text: string, value: number | undefined][] = [
    ['60', 60],
    ['1h30m', 5_400],
    ['1W', 604_800],
    ['x', undefined],
    ['1y', undefined],
    ['', undefined],
  ]
  for (const [text, value] of cases) assert.is(seconds(text), value, text)
})

test.run()
