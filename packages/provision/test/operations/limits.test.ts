import { errorCode } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../src/limits.ts'
import { asker } from '../support/soap-ask.ts'
import { makeComponents } from '../support/soap-server.ts'

const test = suite('provision: limits of records')
const codeOf = (promise: Promise<unknown>): Promise<string | undefined> => promise.then(() => undefined, errorCode)
const sipId = { username: 'alice', domain: 'example.com' }
const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))
const twoDigits = (index: number): string => String(index).padStart(3, '0')

test(
  'as much as fits is kept, one more is refused and changes nothing',
  deadline(20_000, async () => {
    const ask = asker(await makeComponents())
    await ask('Sip.addDomain', { domain: { domain: 'example.com' } })
    await ask('Sip.addAccount', { account: { id: sipId, password: 'pw' } })
    await ask('Sip.addCarrier', { carrier: { name: 'C' } })
    await ask('Enum.addRange', { range: { id: { prefix: '31', tld: 'e164.arpa' } } })
    const number = { number: '31201234567', tld: 'e164.arpa' }
    const rule = { days: 1, start: '08:00', stop: '09:00', groups: ['vip'] }
    const cases: [name: string, most: number, args: (count: number) => Record<string, unknown>][] = [
      [
        'Sip.setBarringPrefixes',
        limits.barringMax,
        (count) => ({ sipId, prefixes: many(count, (i) => `+1${twoDigits(i)}`) }),
      ],
      [
        'Sip.setRejectMembers',
        limits.rejectMembersMax,
        (count) => ({ sipId, members: many(count, (i) => `sip:u${i}@x.example`) }),
      ],
      [
        'Sip.setAcceptRules',
        limits.acceptRulesMax,
        (count) => ({ sipId, rules: { persistent: many(count, () => rule) } }),
      ],
      [
        'Platform.setDialPlan',
        limits.keptNumbersMax,
        (count) => ({ domain: 'example.com', plan: { keep: many(count, (i) => `9${twoDigits(i)}`) } }),
      ],
      [
        'Platform.setEmergencyRegion',
        limits.emergencyNumbersMax,
        (count) => ({ region: { region: 'x', numbers: many(count, (i) => `9${twoDigits(i)}`), gateways: ['a'] } }),
      ],
      [
        'Platform.setEmergencyRegion',
        limits.emergencyGatewaysMax,
        (count) => ({ region: { region: 'x', numbers: ['112'], gateways: many(count, (i) => `gw${i}`) } }),
      ],
      ['Sip.addRoutes', limits.routesAtOnce, (count) => ({ routes: many(count, () => ({ carrier_id: 1 })) })],
      [
        'Enum.addNumber',
        16,
        (count) => ({
          number: { id: number, mappings: many(count, (i) => ({ type: 'sip', mapto: `sip:u${i}@x.example` })) },
        }),
      ],
    ]
    for (const [name, most, args] of cases) {
      assert.is(await codeOf(ask(name, args(most + 1))), 'PROVISION_INVALID_VALUE', name)
      assert.is(await codeOf(ask(name, args(most))), undefined, name)
    }
    assert.is((await ask('Sip.getRoutes')).total, limits.routesAtOnce)
    const entry = (index: number) => ({ sipId, entry: { uri: `sip:u${index}@x.example` } })
    for (let i = 0; i < limits.phonebookMax; i++) await ask('Sip.addPhonebookEntry', entry(i))
    assert.is(await codeOf(ask('Sip.addPhonebookEntry', entry(limits.phonebookMax))), 'PROVISION_INVALID_VALUE')
    assert.is((await ask('Sip.getPhonebookEntries', { sipId })).total, limits.phonebookMax)
    await ask('Dns.addZone', { zone: { name: 'x.example' } })
    await ask('Dns.addRecord', { record: { zone: 'x.example', name: 'www', type: 'A', value: '192.0.2.1' } })
    const cname = { record: { zone: 'x.example', name: 'www', type: 'CNAME', value: 'y.example' } }
    assert.is(await codeOf(ask('Dns.addRecord', cname)), 'PROVISION_RECORD_EXISTS')
    await ask('Voicemail.addAccount', { account: { sipId } })
    const audio = (bytes: number) => ({ sipId, message: Buffer.alloc(bytes, 7).toString('base64') })
    assert.is(
      await codeOf(ask('Voicemail.setAnnouncement', audio(limits.announcementBytesMax + 1))),
      'PROVISION_INVALID_VALUE',
    )
    assert.is(await codeOf(ask('Voicemail.setAnnouncement', audio(limits.announcementBytesMax))), undefined)
  }),
)

test(
  'so many accounts are traced at once, each begun anew as often as one likes',
  deadline(5_000, async () => {
    const ask = asker(await makeComponents())
    await ask('Sip.addDomain', { domain: { domain: 'example.com' } })
    const ids = many(limits.tracesMax + 1, (index) => ({ username: `u${index}`, domain: 'example.com' }))
    for (const id of ids) await ask('Sip.addAccount', { account: { id, password: 'pw' } })
    const begin = (id: (typeof ids)[number]) => codeOf(ask('Platform.startSipTrace', { sipId: id, seconds: 60 }))
    for (const id of ids.slice(0, limits.tracesMax)) assert.is(await begin(id), undefined)
    assert.is(await begin(ids.at(-1) as (typeof ids)[number]), 'PROVISION_TRACES_FULL')
    assert.is(await begin(ids[0] as (typeof ids)[number]), undefined)
  }),
)

test(
  'an announcement comes back as it was sent',
  deadline(5_000, async () => {
    const made = await makeComponents()
    const ask = asker(made)
    await ask('Sip.addDomain', { domain: { domain: 'example.com' } })
    await ask('Sip.addAccount', { account: { id: sipId, password: 'pw' } })
    await ask('Voicemail.addAccount', { account: { sipId } })
    const audio = Buffer.from(many(150_000, (index) => index % 251))
    await ask('Voicemail.setAnnouncement', { sipId, message: audio.toString('base64') })
    const kept = await made.provisioning.records.mailboxes.announcementOf('alice@example.com')
    assert.ok(kept && audio.equals(kept))
  }),
)

const enumCases: [type: string, mapto: string, accepted: string | undefined][] = [
  ['sip', 'sip:a@x.example', 'sip:a@x.example'],
  ['sip', 'a@x.example', 'sip:a@x.example'],
  ['SIP', 'sips:a@x.example', 'sips:a@x.example'],
  ['sip', 'mailto:a@x.example', undefined],
  ['mailto', 'mailto:a@x.example', 'mailto:a@x.example'],
  ['tel', 'tel:+31201234567', 'tel:+31201234567'],
  ['web:http', 'http://x.example/', 'http://x.example/'],
  ['web:http', 'https://x.example/', undefined],
  ['web:https', 'https://x.example/', 'https://x.example/'],
  ['h323', 'h323:a@x.example', 'h323:a@x.example'],
  ['ft:ftp', 'ftp://x.example/f', 'ftp://x.example/f'],
  ['ft:ftp', 'http://x.example/f', undefined],
  ['teleport', 'sip:a@x.example', undefined],
  ['sip', 'sip:a b@x.example', undefined],
  ['sip', 'sip:a!b@x.example', 'sip:a!b@x.example'],
]
test(
  'mappings are of services that exist, with URIs of their schemes',
  deadline(5_000, async () => {
    const ask = asker(await makeComponents())
    await ask('Enum.addRange', { range: { id: { prefix: '31', tld: 'e164.arpa' } } })
    for (const [index, [type, mapto, accepted]] of enumCases.entries()) {
      const id = { number: `3120${twoDigits(index)}`, tld: 'e164.arpa' }
      const code = await codeOf(ask('Enum.addNumber', { number: { id, mappings: [{ type, mapto }] } }))
      assert.is(code, accepted === undefined ? 'PROVISION_INVALID_VALUE' : undefined, `${type} ${mapto}`)
      if (accepted !== undefined) {
        assert.is((await ask('Enum.getNumber', { enumId: id })).mappings[0].mapto, accepted)
      }
    }
  }),
)

const dnsCases: [type: string, value: string, accepted: boolean][] = [
  ['A', '192.0.2.1', true],
  ['A', '192.0.2.256', false],
  ['AAAA', '2001:db8::1', true],
  ['AAAA', '192.0.2.1', false],
  ['CNAME', 'x.example.', true],
  ['CNAME', 'a b', false],
  ['MX', 'mail.x.example', true],
  ['SRV', '0 5060 sip.x.example', true],
  ['SRV', 'sip.x.example', false],
  ['NAPTR', '10 "u" "E2U+sip" "!^.*$!sip:a@x.example!" .', true],
  ['NAPTR', 'u E2U+sip', false],
  ['TXT', 'v=spf1 -all', true],
  ['SPF', 'v=spf1 -all', false],
  ['A', '', false],
]
test(
  'records have values of their type',
  deadline(5_000, async () => {
    const ask = asker(await makeComponents())
    await ask('Dns.addZone', { zone: { name: 'x.example' } })
    for (const [index, [type, value, accepted]] of dnsCases.entries()) {
      const code = await codeOf(ask('Dns.addRecord', { record: { zone: 'x.example', name: `n${index}`, type, value } }))
      assert.is(code === undefined, accepted, `${type} ${value}: ${code}`)
    }
  }),
)

test.run()
