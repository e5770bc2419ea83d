/** The 26 service types: the right schemes are taken and served, wrong ones are refused by the name of the field. */
import { ThorError } from '@thor-node/core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packEntry, recordsOf } from '../../src/enum/entry.ts'
import { ENUM_SERVICES, enumService } from '../../src/enum/services.ts'
import { mappings } from '../../src/enum/validate.ts'
import { formatRdata } from '../../src/wire/rdata.ts'

const services = suite('dns: ENUM services')

const uris: Readonly<Record<string, string>> = {
  sip: 'sip:alice@example.com',
  sips: 'sips:alice@example.com',
  h323: 'h323:alice@example.com',
  tel: 'tel:+31208005100',
  mailto: 'mailto:alice@example.com',
  http: 'http://www.example.com/a?b=c',
  https: 'https://www.example.com/',
  ftp: 'ftp://ftp.example.com/pub',
  pres: 'pres:alice@example.com',
  iax: 'iax:example.com/alice',
  iax2: 'iax2:example.com/alice',
  im: 'im:alice@example.com',
}
/** Row of the list of capabilities, type and its schemes, as the standards have them. */
const table: [row: string, type: string, schemes: string[]][] = [
  ['EN-05', 'sip', ['sip', 'sips']],
  ['EN-06', 'h323', ['h323']],
  ['EN-07', 'voice:tel', ['tel']],
  ['EN-08', 'email:mailto', ['mailto']],
  ['EN-09', 'fax:tel', ['tel']],
  ['EN-10', 'mms:tel', ['tel']],
  ['EN-11', 'sms:tel', ['tel']],
  ['EN-12', 'ems:tel', ['tel']],
  ['EN-13', 'mms:mailto', ['mailto']],
  ['EN-14', 'sms:mailto', ['mailto']],
  ['EN-15', 'ems:mailto', ['mailto']],
  ['EN-16', 'web:http', ['http']],
  ['EN-17', 'web:https', ['https']],
  ['EN-18', 'ft:ftp', ['ftp']],
  ['EN-19', 'pres', ['pres', 'sip']],
  ['EN-20', 'ifax:mailto', ['mailto']],
  ['EN-21', 'pstn:tel', ['tel']],
  ['EN-22', 'pstn:sip', ['sip']],
  ['EN-23', 'void:mailto', ['mailto']],
  ['EN-24', 'void:http', ['http']],
  ['EN-25', 'void:https', ['https']],
  ['EN-26', 'iax', ['iax']],
  ['EN-27', 'iax2', ['iax2']],
  ['EN-28', 'im', ['im']],
  ['EN-29', 'loc:http', ['http']],
  ['EN-30', 'loc:https', ['https']],
]

const refused = (field: string) => (error: unknown) =>
  error instanceof ThorError && error.code === 'DNS_INVALID_VALUE' && error.message.startsWith(`${field}:`)

services('are these 26 and no others', () => {
  assert.equal(
    ENUM_SERVICES.map(({ type }) => type),
    table.map(([, type]) => type),
  )
})

for (const [row, type, schemes] of table) {
  services(`${row}: E2U+${type} takes ${schemes.join(' and ')} alone`, () => {
    for (const [scheme, mapto] of Object.entries(uris)) {
      if (!schemes.includes(scheme)) {
        assert.throws(() => mappings([{ type, mapto }], []), refused('mappings[0].mapto'), `${type} ${mapto}`)
        continue
      }
      const [mapping] = mappings([{ type, mapto, priority: 10, ttl: 60 }], [])
      assert.equal(mapping, { id: 1, type, mapto, priority: 10, ttl: 60 })
      const [served] = recordsOf(packEntry([mapping!]), '1.e164.arpa')
      const delimiter = mapto.includes('!') ? '/' : '!'
      const text = `100 10 "u" "E2U+${type}" "${delimiter}^.*$${delimiter}${mapto}${delimiter}" .`
      assert.is(formatRdata(served!.type, served!.data), text)
    }
    assert.is(enumService(`e2u+${type.toUpperCase()}`).type, type)
  })
}

const bad: [mapping: { type?: string; mapto?: string; priority?: number; ttl?: number }, field: string][] = [
  [{ type: 'telepathy', mapto: 'sip:a@b' }, 'mappings[0].type'],
  [{ type: 'sms', mapto: 'http://example.com/' }, 'mappings[0].mapto'],
  [{ type: 'web:http', mapto: 'www.example.com' }, 'mappings[0].mapto'],
  [{ type: 'sip', mapto: 'sip:al ice@example.com' }, 'mappings[0].mapto'],
  [{ type: 'sip', mapto: `sip:${'a'.repeat(250)}@b` }, 'mappings[0].mapto'],
  [{ type: 'voice:tel', mapto: 'tel:alice' }, 'mappings[0].mapto'],
  [{ type: 'email:mailto', mapto: 'mailto:alice' }, 'mappings[0].mapto'],
  [{ type: 'web:http', mapto: 'http:/www' }, 'mappings[0].mapto'],
  [{ type: 'sip', mapto: 'sip:a@b', priority: 65_536 }, 'mappings[0].priority'],
  [{ type: 'sip', mapto: 'sip:a@b', ttl: -1 }, 'mappings[0].ttl'],
  [{ type: 'sip', mapto: '!^(.*)$!sip:\\2@b!' }, 'mappings[0].mapto'],
  [{ type: 'sip', mapto: '!^(.*$!sip:a@b!' }, 'mappings[0].mapto'],
  [{ type: 'sip', mapto: '!^.*$!sip:a@b!x' }, 'mappings[0].mapto'],
  [{ type: 'sip', mapto: '!^.*$!tel:+1!' }, 'mappings[0].mapto'],
  [{ type: 'pstn:tel', mapto: 'tel:+31208005100;npdi;rn=' }, 'mappings[0].mapto'],
  [{ type: 'pstn:tel', mapto: 'tel:+31208005100;npdi;rn=1234' }, 'mappings[0].mapto'],
  [{ type: 'pstn:tel', mapto: 'tel:+31208005100;npdi=1' }, 'mappings[0].mapto'],
]
for (const [mapping, field] of bad) {
  services(`EN-31: ${JSON.stringify(mapping).slice(0, 70)} is refused for ${field}`, () => {
    assert.throws(() => mappings([mapping], []), refused(field))
  })
}

/** What portals offer (`npd:tel` is the draft that became RFC 4769), and what is served for it. */
const portal: [type: string, mapto: string, service: string][] = [
  ['sip', 'sip:a@b', 'E2U+sip'],
  ['sip', 'a@b', 'E2U+sip'],
  ['mailto', 'mailto:a@b', 'E2U+email:mailto'],
  ['mailto', 'a@b', 'E2U+email:mailto'],
  ['web:http', 'http://b/', 'E2U+web:http'],
  ['web:https', 'https://b/', 'E2U+web:https'],
  ['x-skype:callto', 'callto:a', 'E2U+x-skype:callto'],
  ['h323', 'h323:a@b', 'E2U+h323'],
  ['iax', 'iax:b/a', 'E2U+iax'],
  ['iax2', 'iax2:b/a', 'E2U+iax2'],
  ['mms', 'tel:+1', 'E2U+mms:tel'],
  ['mms', 'mailto:a@b', 'E2U+mms:mailto'],
  ['sms', 'tel:+1', 'E2U+sms:tel'],
  ['sms', 'mailto:a@b', 'E2U+sms:mailto'],
  ['ems', 'tel:+1', 'E2U+ems:tel'],
  ['ems', '!^.*$!mailto:a@b!', 'E2U+ems:mailto'],
  ['im', 'im:a@b', 'E2U+im'],
  ['npd:tel', 'tel:+1;npdi', 'E2U+pstn:tel'],
  ['void:mailto', 'mailto:a@b', 'E2U+void:mailto'],
  ['void:http', 'http://b/', 'E2U+void:http'],
  ['void:https', 'https://b/', 'E2U+void:https'],
  ['voice', 'tel:+1', 'E2U+voice:tel'],
  ['tel', 'tel:+1', 'E2U+voice:tel'],
  ['fax:tel', 'tel:+1', 'E2U+fax:tel'],
  ['ifax:mailto', 'mailto:a@b', 'E2U+ifax:mailto'],
  ['pres', 'pres:a@b', 'E2U+pres'],
  ['ft:ftp', 'ftp://b/', 'E2U+ft:ftp'],
  ['loc:http', 'http://b/', 'E2U+loc:http'],
  ['key:http', 'http://b/', 'E2U+key:http'],
  ['key:https', 'https://b/', 'E2U+key:https'],
]
for (const [type, mapto, service] of portal) {
  services(`${type} of a portal with ${mapto} stays what it is and is served as ${service}`, () => {
    const [mapping] = mappings([{ type, mapto }], [])
    assert.is(mapping?.type, type)
    const [served] = recordsOf(packEntry([mapping!]), '1.e164.arpa')
    assert.is(formatRdata(served!.type, served!.data)?.split('"')[3], service)
  })
}

services('without priorities the order of the list is that of the records; the same place twice is refused', () => {
  const sip = (user: string, priority?: number) => ({
    type: 'sip',
    mapto: `sip:${user}@b`,
    ...(priority !== undefined && { priority }),
  })
  const order = mappings([sip('a'), sip('b', 5), sip('c'), { type: 'tel', mapto: 'tel:+1' }], [])
  assert.equal(
    order.map(({ priority }) => priority),
    [6, 5, 7, 5],
  )
  assert.throws(() => mappings([sip('a', 9), sip('b', 9)], []), refused('mappings[1].priority'))
  const twice = [
    { type: 'voice', mapto: 'tel:+1', priority: 9 },
    { type: 'voice:tel', mapto: 'tel:+2', priority: 9 },
  ]
  assert.throws(() => mappings(twice, []), refused('mappings[1].priority'), 'by two names of one type')
})

services('EN-35: portability is taken: a routing number, the look-up done (RFC 4694)', () => {
  for (const mapto of [
    'tel:+31208005100;npdi',
    'tel:+31208005100;npdi;rn=+31970',
    'tel:+31208005100;rn=970;rn-context=+31;npdi',
  ]) {
    assert.is(mappings([{ type: 'pstn:tel', mapto }], [])[0]?.mapto, mapto)
  }
  const sip = 'sip:+31208005100;npdi;rn=+31970@carrier.example;user=phone'
  assert.is(mappings([{ type: 'pstn:sip', mapto: sip }], [])[0]?.mapto, sip)
})

services('two of one type and priority clash; ids are kept by those that had them', () => {
  const sip = (id: number | undefined, priority: number) => ({ id, type: 'sip', mapto: `sip:a${priority}@b`, priority })
  assert.throws(() => mappings([sip(undefined, 5), sip(undefined, 5)], []), refused('mappings[1].priority'))
  const first = mappings([sip(undefined, 5), sip(undefined, 6)], [])
  assert.equal(
    first.map(({ id }) => id),
    [1, 2],
  )
  const next = mappings([sip(undefined, 1), sip(2, 6), sip(9, 7)], first)
  assert.equal(
    next.map(({ id }) => id),
    [3, 2, 4],
  )
})

services.run()
