/** SIP-21: what is dialled, as a number of the world. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseUri } from '../../src/message/index.ts'
import { type DialPlan, formsOf, noPlan, normalise } from '../../src/numbers/dial-plan.ts'
import { dialledIn, numberOf } from '../../src/numbers/dialled.ts'

const test = suite('sip: dial plans')

const plans = {
  none: noPlan,
  ring: { ...noPlan, international: '00' },
  dutch: {
    ...{ country: '31', area: '20', international: '00', national: '0', nationalDigits: 9 },
    keep: ['112', '0800*', '0900*', '14*'],
  },
  german: { country: '49', area: '30', international: '00', national: '0', nationalDigits: 0, keep: ['110', '112'] },
  spanish: { country: '34', area: '', international: '00', national: '', nationalDigits: 9, keep: ['112'] },
  italian: { country: '39', area: '', international: '00', national: '', nationalDigits: 0, keep: ['112'] },
  american: { country: '1', area: '212', international: '011', national: '1', nationalDigits: 10, keep: ['911'] },
} as const satisfies Record<string, DialPlan>

test('a number that is dialled becomes one of the world, or stays as it is', () => {
  const cases: [keyof typeof plans, dialled: string, normal: string][] = [
    ['none', '0031201234567', '0031201234567'],
    ['none', '+31201234567', '+31201234567'],
    ['ring', '0031201234567', '+31201234567'],
    ['ring', '0201234567', '0201234567'],
    ['ring', '1001', '1001'],
    ['dutch', '+31201234567', '+31201234567'],
    ['dutch', '0031201234567', '+31201234567'],
    ['dutch', '0201234567', '+31201234567'],
    ['dutch', '1234567', '+31201234567'],
    ['dutch', '0612345678', '+31612345678'],
    ['dutch', '004930123456', '+4930123456'],
    ['dutch', '201234567', '+31201234567'],
    ['dutch', '112', '112'],
    ['dutch', '14020', '14020'],
    ['dutch', '08001234', '08001234'],
    ['dutch', '09001234', '09001234'],
    ['dutch', '1001', '1001'],
    ['dutch', '020123', '020123'],
    ['dutch', '00', '00'],
    ['dutch', '000031', '000031'],
    ['dutch', '0012345678901234567', '0012345678901234567'],
    ['german', '03012345', '+493012345'],
    ['german', '1234567', '+49301234567'],
    ['german', '123456', '123456'],
    ['german', '110', '110'],
    ['german', '0', '0'],
    ['spanish', '912345678', '+34912345678'],
    ['spanish', '1234', '1234'],
    ['italian', '0612345678', '+390612345678'],
    ['italian', '3331234567', '+393331234567'],
    ['italian', '1530', '1530'],
    ['american', '2125551234', '+12125551234'],
    ['american', '12125551234', '+12125551234'],
    ['american', '5551234', '+12125551234'],
    ['american', '01131201234567', '+31201234567'],
    ['american', '911', '911'],
    ['american', '411', '411'],
  ]
  for (const [plan, dialled, normal] of cases) assert.is(normalise(dialled, plans[plan]), normal, `${plan} ${dialled}`)
})

const digits = (most: number) => fc.stringMatching(new RegExp(`^[0-9]{0,${most}}$`))
const anyPlan: fc.Arbitrary<DialPlan> = fc.record({
  country: fc.constantFrom('', '1', '31', '353'),
  area: digits(3),
  international: digits(3),
  national: digits(1),
  nationalDigits: fc.nat({ max: 12 }),
  keep: fc.array(fc.tuple(digits(4), fc.constantFrom('', '*')).map(([number, star]) => number + star)),
})
const anyNumber = fc.stringMatching(/^\+?[0-9]{1,20}$/)

test('doing it twice changes nothing, and all forms of a number of the world mean the same', () => {
  fc.assert(
    fc.property(anyNumber, anyPlan, (dialled, plan) => {
      const once = normalise(dialled, plan)
      assert.is(normalise(once, plan), once)
      assert.match(once, /^(\+[0-9]+|[0-9]+)$/)
      const forms = formsOf(dialled, plan)
      assert.is(forms[0], once)
      assert.ok(forms.includes(dialled))
      assert.is(new Set(forms).size, forms.length)
    }),
  )
})

test('numbers in URIs: what stands between digits, context, extension', () => {
  const planOf = (domain: string | undefined): DialPlan => (domain === 'nl.example' ? plans.dutch : plans.ring)
  const cases: [uri: string, number: string | undefined, kept?: string, context?: string][] = [
    ['tel:+31-20-1234567', '+31201234567'],
    ['tel:+31(20)1234567;ext=22', '+31201234567', ';ext=22'],
    ['tel:+31201234567;isub=12345;x=y', '+31201234567', ';isub=12345'],
    ['tel:020-123.4567', '+31201234567'],
    ['tel:7042;phone-context=pbx.example', '7042', '', 'pbx.example'],
    ['tel:0201234567;phone-context=NL.example', '+31201234567', '', 'nl.example'],
    ['tel:0201234567;phone-context=+31', '+31201234567'],
    ['tel:201234567;phone-context=+31', '+31201234567'],
    ['tel:1234567;phone-context=+31-20', '+31201234567'],
    ['tel:5551234;phone-context=+1-212', '+12125551234'],
    ['tel:112;phone-context=+31', '112'],
    ['tel:112', '112'],
    ['tel:*21*020', undefined],
    ['sip:0201234567@nl.example', '+31201234567'],
    ['sip:020-1234567@nl.example', undefined],
    ['sip:020-1234567@nl.example;user=phone', '+31201234567'],
    ['sip:+31-20-123.4567@x.example', '+31201234567'],
    ['sip:+31201234567;ext=9@x.example;user=phone', '+31201234567', ';ext=9'],
    ['sip:1234567;phone-context=+3120@x.example;user=phone', '+31201234567'],
    ['sip:%2b31201234567@x.example', '+31201234567'],
    ['sip:bob@nl.example', undefined],
    ['urn:service:sos', undefined],
  ]
  for (const [text, number, kept = '', context] of cases) {
    const found = dialledIn(parseUri(text), 'nl.example', planOf)
    assert.is(found?.number, number, text)
    if (number === undefined) continue
    assert.is(found?.kept, kept, text)
    assert.is(found?.context, context, text)
  }
  assert.equal(dialledIn(parseUri('tel:020-1234567'), 'nl.example', planOf)?.forms, [
    '+31201234567',
    '0201234567',
    '0031201234567',
  ])
})

test('what is a number, and what is not', () => {
  const cases: [string, string | undefined][] = [
    ['sip:+31201234567@thor.local', '+31201234567'],
    ['sip:+31-20-123.4567;phone-context=x@thor.local;user=phone', '+31201234567'],
    ['sip:0031201234567@127.0.0.1', '0031201234567'],
    ['sip:%2b3120@thor.local', '+3120'],
    ['tel:+31-20-1234567', '+31201234567'],
    ['tel:112', '112'],
    ['sip:12@thor.local', undefined],
    ['sip:alice@thor.local', undefined],
    ['sip:1-2-3-4@thor.local', undefined],
    ['sip:+31201234567890123456789@thor.local', undefined],
    ['sip:thor.local', undefined],
  ]
  for (const [uri, number] of cases) assert.is(numberOf(parseUri(uri)), number, uri)
})

test.run()
