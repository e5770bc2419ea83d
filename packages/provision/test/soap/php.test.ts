/** Requests as the PHP client of portals encodes them (PEAR SOAP), and the exact answers that it can read. */
import { silentLogger } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SoapService } from '../../src/index.ts'
import { asker } from '../support/soap-ask.ts'
import { makeComponents } from '../support/soap-server.ts'
import { authHeader, phpEnvelope } from '../support/wire.ts'

const test = suite('provision: soap for PHP')

const text = (name: string, value: string) => `<${name} xsi:type="xsd:string">${value}</${name}>`
const int = (name: string, value: number) => `<${name} xsi:type="xsd:int">${value}</${name}>`
const id = (name: string, user: string) =>
  `<${name} xsi:type="ns4:SipId">${text('username', user)}${text('domain', 'example.com')}</${name}>`
/** An array of scalars. */
const list = (name: string, values: string[]) =>
  values.length === 0
    ? `<${name} xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="xsd:anyType[0]"/>`
    : `<${name} xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="xsd:string[${values.length}]" SOAP-ENC:offset="[0]">` +
      `${values.map((value) => text('item', value)).join('')}</${name}>`
/** An array of structures. */
const structs = (name: string, values: string[]) =>
  `<${name} xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="Struct[${values.length}]" SOAP-ENC:offset="[0]">` +
  `${values.map((value) => `<item>${value}</item>`).join('')}</${name}>`
const strings = (values: string[]) =>
  `<result SOAP-ENC:arrayType="xsd:string[${values.length}]"` +
  (values.length === 0 ? '/>' : `>${values.map((value) => text('item', value)).join('')}</result>`)
const fault = (code: number, name: string, title: string, detail: string) =>
  `<SOAP-ENV:Fault><faultcode xsi:type="xsd:QName">SOAP-ENV:Client</faultcode>${text('faultstring', title)}` +
  `<detail><exception>${text('name', name)}${int('errorcode', code)}${text('errorstring', detail)}</exception></detail></SOAP-ENV:Fault>`
const VOID = ''

type Row = [rule: string, operation: string, request: string, result: string]

/** In order: later rows see what earlier ones did. Results are the inside of the response; faults are the whole body. */
const rows: Row[] = [
  ['an array of strings', 'Sip.setBarringPrefixes', id('sipId', 'alice') + list('prefixes', ['+31900', '+1']), VOID],
  ['a list is an array with its length', 'Sip.getBarringPrefixes', id('sipId', 'alice'), strings(['+1', '+31900'])],
  ['an empty array', 'Sip.setBarringPrefixes', id('sipId', 'alice') + list('prefixes', []), VOID],
  ['an empty list says so too', 'Sip.getBarringPrefixes', id('sipId', 'alice'), strings([])],
  ['null is an empty element without a type', 'Sip.setBarringPrefixes', `${id('sipId', 'alice')}<prefixes/>`, VOID],
  [
    'an array type is sent as SOAP-ENC:Array, its items without types',
    'Sip.addRoutes',
    structs('routes', [`${text('prefix', '0031') + int('carrier_id', 1) + text('priority', '5')}<originator/>`]),
    VOID,
  ],
  [
    'lists of structures: numbers that came as text are numbers, null was not stored',
    'Sip.getRoutes',
    `<query xsi:type="ns4:RouteQuery"><filter>${text('prefix', '')}${int('carrier_id', 0)}</filter></query>`,
    '<result><routes SOAP-ENC:arrayType="ngnpro:Route[1]"><item>' +
      int('id', 1) +
      text('prefix', '0031') +
      '<originator xsi:type="xsd:string"/>' +
      int('carrier_id', 1) +
      text('carrier', 'C') +
      int('priority', 5) +
      int('reseller', 0) +
      text('changeDate', '2026-11-23 12:00:00') +
      `</item></routes>${int('total', 1)}</result>`,
  ],
  ['only ids are sent to delete', 'Sip.deleteRoutes', structs('routes', [int('id', 1)]), VOID],
  [
    'a dummy member clears all, what is absent is off',
    'Sip.setCallDiversions',
    `${id('sipId', 'alice')}<diversions xsi:type="ns4:CallDiversions">${text('nocondition', 'empty')}</diversions>`,
    VOID,
  ],
  ['a structure without members', 'Sip.getCallDiversions', id('sipId', 'alice'), '<result></result>'],
  [
    'the mailbox in either spelling, an empty string is off',
    'Sip.setCallDiversions',
    `${id('sipId', 'alice')}<diversions xsi:type="ns4:CallDiversions">${text('FUNC', 'voice-mailbox')}${text('FBUS', '')}${text('FNOA', 'sip:0031201234567@Example.com')}</diversions>`,
    VOID,
  ],
  [
    'members that are nil are left out',
    'Sip.getCallDiversions',
    id('sipId', 'alice'),
    `<result>${text('FUNC', '&lt;voice-mailbox&gt;')}${text('FNOA', 'sip:0031201234567@example.com')}</result>`,
  ],
  [
    'booleans come as integers',
    'Sip.updateAccount',
    `<account xsi:type="ns4:SipAccount">${id('id', 'alice')}${int('prepaid', 1)}</account>`,
    'contains <prepaid xsi:type="xsd:boolean">true</prepaid>',
  ],
  [
    'floats, and a result of two members',
    'Sip.addBalance',
    `${id('sipId', 'alice')}<value xsi:type="xsd:float">12.5</value>${text('description', 'CC transaction 7')}`,
    '<result><old_balance xsi:type="xsd:float">0</old_balance><new_balance xsi:type="xsd:float">12.5</new_balance></result>',
  ],
  [
    'an array of structures as the result, in the order of the request',
    'Sip.getPrepaidStatus',
    structs(
      'sipIds',
      ['alice', 'bob'].map((user) => text('username', user) + text('domain', 'example.com')),
    ),
    '<result SOAP-ENC:arrayType="ngnpro:PrepaidAccount[2]">' +
      [
        ['alice', '12.5'],
        ['bob', '0'],
      ]
        .map(
          ([user, balance]) =>
            `<item><account>${text('username', user as string)}${text('domain', 'example.com')}</account><balance xsi:type="xsd:float">${balance}</balance>${int('callsInProgress', 0)}</item>`,
        )
        .join('') +
      '</result>',
  ],
  ['a portal of 2007 asks for one', 'Sip.getPrepaidStatus', id('sipId', 'bob'), 'contains PrepaidAccount[1]'],
  [
    'a name of 2008',
    'Sip.getPrepaidStatusNew',
    structs('sipIds', [text('username', 'bob') + text('domain', 'example.com')]),
    'contains op:getPrepaidStatusNewResponse',
  ],
  ['an operation without arguments', 'Sip.getMediaSessions', VOID, text('result', '[]')],
  [
    'an id that came from a query string is text',
    'Dns.deleteRecord',
    text('recordId', '77'),
    fault(7002, 'PROVISION_RECORD_UNKNOWN', 'DNS record not found', 'there is no record 77'),
  ],
  [
    'the port decides which addAccount it is',
    'Voicemail.addAccount',
    `<account xsi:type="ns4:VoicemailAccount">${id('sipId', 'alice')}${text('password', '1234')}<options>${int('delete', 1)}</options></account>`,
    `<result><sipId>${text('username', 'alice')}${text('domain', 'example.com')}</sipId>${text('mailbox', '1')}` +
      '<name xsi:type="xsd:string"/><email xsi:type="xsd:string"/><info xsi:type="xsd:string"/>' +
      `<options><delete xsi:type="xsd:boolean">true</delete></options>${text('changeDate', '2026-11-23 12:00:00')}</result>`,
  ],
  [
    'a value that cannot be names its field',
    'Voicemail.updateAccount',
    `<account xsi:type="ns4:VoicemailAccount">${id('sipId', 'alice')}${text('password', 'abc')}</account>`,
    fault(101, 'PROVISION_INVALID_VALUE', 'Invalid value', 'password: is not up to 16 digits'),
  ],
  [
    'not found, as portals act on it',
    'Enum.getNumber',
    `<enumId xsi:type="ns4:EnumId">${text('number', '31201234567')}${text('tld', 'e164.arpa')}</enumId>`,
    fault(3002, 'PROVISION_NUMBER_UNKNOWN', 'ENUM number not found', 'there is no number +31201234567 in e164.arpa'),
  ],
  ['before 2009 a carrier was known by its name', 'Sip.deleteCarrier', text('name', 'C'), VOID],
  [
    'of a call that nobody traced there are no messages',
    'Sip.getSipTrace',
    `<filter xsi:type="ns4:SipTraceFilter">${text('callId', 'x')}</filter>`,
    '<result xsi:type="xsd:string">[]</result>',
  ],
]

test(
  'captured requests are answered byte for byte',
  deadline(20_000, async () => {
    const made = await makeComponents()
    const service = new SoapService({ ...made.provisioning, logger: silentLogger })
    const ask = asker(made)
    await ask('Sip.addDomain', { domain: { domain: 'example.com' } })
    for (const username of ['alice', 'bob']) {
      await ask('Sip.addAccount', { account: { id: { username, domain: 'example.com' }, password: 'pw' } })
    }
    await ask('Sip.addCarrier', { carrier: { name: 'C' } })
    for (const [rule, operation, request, expected] of rows) {
      const [port, name] = operation.split('.') as [string, string]
      const body = request === '' ? `<ns5:${name}/>` : `<ns5:${name}>${request}</ns5:${name}>`
      // PHP 7 and older say whom the header is for, PHP 8 does not.
      for (const header of [authHeader().replace(/ SOAP-ENV:\w+="0"/g, '')]) {
        const envelope = phpEnvelope(body, header).replace('urn:AGProjects:NGNPro:Sip', `urn:AGProjects:NGNPro:${port}`)
        const answer = await service.answer(Buffer.from(envelope))
        const inner = /<SOAP-ENV:Body>(.*)<\/SOAP-ENV:Body>/s.exec(answer.body)?.[1] ?? ''
        const response = (inside: string) => {
          const start = `op:${name}Response xmlns:op="urn:AGProjects:NGNPro:${port}"`
          return inside === '' ? `<${start}/>` : `<${start}>${inside}</op:${name}Response>`
        }
        if (expected.startsWith('contains ')) assert.ok(inner.includes(expected.slice(9)), `${rule}: ${inner}`)
        else assert.is(inner, expected.startsWith('<SOAP-ENV:Fault') ? expected : response(expected), rule)
        assert.is(answer.status, expected.startsWith('<SOAP-ENV:Fault') ? 500 : 200, rule)
        assert.not.match(answer.body, /SOAP-ENC:offset|xsi:nil|SOAP-ENC:Array"/, `${rule}: what PHP cannot read`)
      }
    }
  }),
)

test.run()
