/** Values of records: text to octets and back, and what is refused. */
import { ThorError } from '@thor-node/core'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { typeNumber } from '../../src/wire/codes.ts'
import { canonicalName, labelsOf, nameFromMessage, nameFromWire, nameOf, nameToWire } from '../../src/wire/names.ts'
import { formatRdata, parseRdata } from '../../src/wire/rdata.ts'
import { quote, wordsOf } from '../../src/wire/text.ts'

const rdata = suite('dns: values')

const parse = (type: string, text: string): Buffer =>
  parseRdata(typeNumber(type) as number, wordsOf(text), 'example.com')

const good: [type: string, text: string, shown?: string][] = [
  ['A', '192.0.2.1'],
  ['AAAA', '2001:db8::1'],
  ['AAAA', '::'],
  ['AAAA', '::1'],
  ['AAAA', '1::'],
  ['AAAA', '2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['AAAA', '::ffff:192.0.2.1', '::ffff:c000:201'],
  ['AAAA', '10:0:0:0:0:0:0:100', '10::100'],
  ['NS', 'ns1', 'ns1.example.com.'],
  ['NS', 'ns1.example.net.'],
  ['CNAME', '@', 'example.com.'],
  ['MX', '10 mail', '10 mail.example.com.'],
  ['MX', '0 .'],
  ['SRV', '10 20 5060 sip.example.net.'],
  ['SRV', '0 0 0 .'],
  ['NAPTR', '100 10 "u" "E2U+sip" "!^.*$!sip:a@example.com!" .'],
  [
    'NAPTR',
    '100 10 u E2U+sip !^(.*)$!sip:\\\\1@example.com! .',
    '100 10 "u" "E2U+sip" "!^(.*)$!sip:\\\\1@example.com!" .',
  ],
  ['NAPTR', '10 10 "s" "SIP+D2U" "" _sip._udp', '10 10 "s" "SIP+D2U" "" _sip._udp.example.com.'],
  ['PTR', 'host.example.com.'],
  ['TXT', '"v=spf1 mx" "a;b"'],
  ['TXT', 'plain', '"plain"'],
  ['TXT', '"quo\\"te \\\\ \\009"'],
  ['TXT', '"é"', '"\\195\\169"'],
  ['CAA', '0 issue "letsencrypt.org; a=b"'],
  ['CAA', '128 iodef "mailto:a@example.com"'],
  ['LOC', '52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m'],
  ['LOC', '42 21 54 N 71 06 18 W -24m 30m', '42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m'],
  ['LOC', '32 7 19 S 116 2 25 E 10m', '32 7 19.000 S 116 2 25.000 E 10.00m 1.00m 10000.00m 10.00m'],
  [
    'SOA',
    'ns1 hostmaster 2026010101 3600 600 86400 60',
    'ns1.example.com. hostmaster.example.com. 2026010101 3600 600 86400 60',
  ],
  ['TYPE65280', '\\# 4 c0000201'],
]
for (const [type, text, shown = text] of good) {
  rdata(`${type} ${text}`, () => {
    const data = parse(type, text)
    const number = typeNumber(type) as number
    assert.is(formatRdata(number, data), shown)
    assert.equal(parseRdata(number, wordsOf(shown), '.'), data)
  })
}

rdata('LOC has the octets of RFC 1876 appendix A', () => {
  const data = parse('LOC', '42 21 54 N 71 06 18 W -24m 30m')
  assert.is(data.toString('hex'), '00331613' + '89172dd0' + '70be15f0' + '00988d20')
})

const bad: [type: string, text: string, field: string][] = [
  ['A', '192.0.2.256', 'address'],
  ['A', '2001:db8::1', 'address'],
  ['A', '', 'address'],
  ['A', '192.0.2.1 192.0.2.2', 'value'],
  ['AAAA', '192.0.2.1', 'address'],
  ['AAAA', 'fe80::1%eth0', 'address'],
  ['MX', 'mail', 'priority'],
  ['MX', '65536 mail', 'priority'],
  ['MX', '10', 'host'],
  ['MX', '10 a..b', 'host'],
  ['SRV', '10 -1 5060 a', 'weight'],
  ['SRV', '10 1 70000 a', 'port'],
  ['NAPTR', '100 10 "u" "E2U+sip" "!^.*$!sip:a@b!"', 'replacement'],
  ['NS', `${'a'.repeat(64)}.example.com.`, 'nameserver'],
  ['NS', `${'abcdefgh.'.repeat(28)}example.com.`, 'nameserver'],
  ['TXT', `"${'a'.repeat(256)}"`, 'text'],
  ['TXT', '"open', 'value'],
  ['TXT', '\\300', 'text'],
  ['CAA', '256 issue "x"', 'flags'],
  ['CAA', '0 is-sue "x"', 'tag'],
  ['LOC', '91 N 0 E 0', 'latitude'],
  ['LOC', '10 60 0 N 0 E 0', 'latitude'],
  ['LOC', '10 N 181 E 0', 'longitude'],
  ['LOC', '10 N 10 E', 'altitude'],
  ['TYPE65280', 'words', 'value'],
  ['TYPE65280', '\\# 3 c0000201', 'value'],
]
for (const [type, text, field] of bad) {
  rdata(`${type} ${text.slice(0, 40)} is refused, by the name of its field`, () => {
    assert.throws(
      () => parse(type, text),
      (error: unknown) => error instanceof ThorError && error.message.startsWith(field),
    )
  })
}

const label = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)),
  minLength: 1,
  maxLength: 20,
})
rdata('names come back as they were, whatever octets they have', () => {
  fc.assert(
    fc.property(fc.array(label, { maxLength: 8 }), (labels) => {
      const name = nameOf(labels)
      assert.equal(labelsOf(name) ?? [], name === '.' ? [] : labels)
      assert.is(nameFromWire(nameToWire(name))?.name, name)
      const twice = canonicalName(canonicalName(name) as string)
      assert.is(twice, canonicalName(name))
    }),
  )
})

rdata('strings come back as they were', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 255 }), (octets) => {
      const data = parse('TXT', quote(octets))
      assert.equal(data.subarray(1), Buffer.from(octets))
    }),
  )
})

rdata('pointers that lead in circles or forward are no names', () => {
  for (const hex of ['c000', 'c002c000', '0161c000', '0161c0040162c000', 'ff', 'c0', '40']) {
    const bytes = Buffer.from(hex, 'hex')
    assert.is(nameFromMessage(bytes, 0), undefined, hex)
  }
  assert.equal(nameFromMessage(Buffer.from('01620001 61c000'.replaceAll(' ', ''), 'hex'), 3), { name: 'a.b', end: 7 })
})

rdata.run()
