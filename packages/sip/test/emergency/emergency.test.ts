/** SIP-20: which calls are emergencies, and what a gateway is asked. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  emergencyNumber,
  emergencyTarget,
  isGatewayText,
  isSos,
  mayBeEmergency,
} from '../../src/emergency/emergency.ts'
import { parseUri } from '../../src/message/index.ts'
import type { TrunkState } from '../../src/trunk/trunk.ts'

const test = suite('sip: emergency calls')

const region = { numbers: ['112', '110'], gateways: [] }

test('services of RFC 5031 and numbers of the region', () => {
  const cases: [uri: string, forms: string[], number: string | undefined][] = [
    ['sip:112@example.com', ['112'], '112'],
    ['tel:110', ['110'], '110'],
    ['urn:service:sos', [], '112'],
    ['urn:service:sos.fire', [], '112'],
    ['URN:service:SOS.animal-control', [], '112'],
    ['urn:service:counseling', [], undefined],
    ['urn:service:sosx', [], undefined],
    ['sip:999@example.com', ['999'], undefined],
    ['sip:1120@example.com', ['1120'], undefined],
    ['sip:sos@example.com', [], undefined],
  ]
  for (const [uri, forms, number] of cases) assert.is(emergencyNumber(parseUri(uri), forms, region), number, uri)
  assert.not(isSos(parseUri('sip:service:sos@example.com')))
  assert.is(emergencyNumber(parseUri('urn:service:sos'), [], { numbers: [], gateways: [] }), undefined)
})

test('what a gateway is asked: a trunk, a host, an address, a proxy that knows services', () => {
  const trunk = { name: 'rescue', target: 'sip:192.0.2.1:5080;transport=tcp' } as TrunkState
  const named = (name: string) => (name === 'rescue' ? trunk : undefined)
  const cases: [gateway: string, asked: string, uri: string, route?: string][] = [
    ['rescue', 'tel:112', 'sip:112@192.0.2.1:5080;transport=tcp;user=phone'],
    ['sip:psap.example', 'urn:service:sos', 'sip:112@psap.example;user=phone'],
    ['sip:desk@psap.example', 'tel:112', 'sip:desk@psap.example'],
    ['sip:esrp.example;lr', 'tel:112', 'urn:service:sos', '<sip:esrp.example;lr>'],
    ['sip:esrp.example;lr', 'urn:service:sos.fire', 'urn:service:sos.fire', '<sip:esrp.example;lr>'],
  ]
  for (const [gateway, asked, uri, route] of cases) {
    const target = emergencyTarget(gateway, parseUri(asked), '112', named)
    assert.is(target.uri, uri, gateway)
    assert.is(target.routes?.[0], route, gateway)
  }
  assert.is(emergencyTarget('rescue', parseUri('tel:112'), '112', named).trunk, trunk)
  assert.throws(() => emergencyTarget('unknown', parseUri('tel:112'), '112', named))
  for (const text of ['rescue', 'sip:psap.example', 'sip:a@[2001:db8::1]:5070;lr']) assert.ok(isGatewayText(text), text)
  for (const text of ['', '-x', 'sip:', 'tel:112', 'a b', 'sip:a@b c']) assert.not(isGatewayText(text), text)
})

test('told by the first line, ahead of parsing', () => {
  const has = (number: string): boolean => number === '112'
  const yes = [
    'sip:112@example.com',
    'tel:112',
    'sips:1-1-2@x;user=phone',
    'urn:service:sos',
    'urn:service:sos.fire',
    'tel:112;phone-context=+31',
  ]
  for (const uri of yes) assert.ok(mayBeEmergency(Buffer.from(`INVITE ${uri} SIP/2.0\r\nVia: x\r\n`), has), uri)
  const no = ['sip:1120@example.com', 'sip:bob@example.com', 'sip:112.example.com', 'urn:service:x']
  for (const uri of no) assert.not(mayBeEmergency(Buffer.from(`INVITE ${uri} SIP/2.0\r\n`), has), uri)
  assert.not(mayBeEmergency(Buffer.from('MESSAGE sip:112@x SIP/2.0\r\n'), has))
  assert.not(mayBeEmergency(Buffer.from(''), has))
})

test.run()
