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
  [
    'a structure of which nothing is set stays one: its members are there, empty and without a type',
    'Sip.getCallDiversions',
    id('sipId', 'alice'),
    '<result><FUNC/><FNOL/><FBUS/><FNOA/><FUNV/></result>',
  ],
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
    'before 2009 the aliases of an account were a list of addresses',
    'Sip.addAlias',
    `<alias xsi:type="ns4:SipAlias">${id('id', 'sa_les')}${id('target', 'bob')}</alias>`,
    'contains <username xsi:type="xsd:string">sa_les</username>',
  ],
  [
    'which had an operation of its own',
    'Sip.getAliasesForAccount',
    id('target', 'bob'),
    `<result SOAP-ENC:arrayType="ngnpro:SipId[1]"><item>${text('username', 'sa_les')}${text('domain', 'example.com')}</item></result>`,
  ],
  [
    'where no name is a pattern',
    'Sip.getAliasesForAccount',
    id('target', 'b_b'),
    '<result SOAP-ENC:arrayType="ngnpro:SipId[0]"/>',
  ],
  [
    'and a trace was asked for by three arguments',
    'Sip.getTrace',
    text('nodeIP', '192.0.2.1') + text('callID', 'call-1') + text('fromTag', 'f'),
    'contains INVITE sip:bob@example.com SIP/2.0',
  ],
  [
    'which are needed now as then',
    'Sip.getTrace',
    text('nodeIP', '192.0.2.1'),
    fault(102, 'PROVISION_MISSING_VALUE', 'Missing input', 'filter.callId is missing'),
  ],
  [
    'a word for a number',
    'Sip.deleteGateway',
    text('id', 'first'),
    fault(100, 'PROVISION_INVALID_TYPE', 'Invalid type', 'id: is not a whole number'),
  ],
  [
    'no argument at all',
    'Sip.getAccount',
    VOID,
    fault(102, 'PROVISION_MISSING_VALUE', 'Missing input', 'sipId is missing'),
  ],
  [
    'an operation that nobody knows',
    'Sip.sing',
    VOID,
    fault(
      900,
      'NOT_IMPLEMENTED',
      'Not implemented',
      'urn:AGProjects:NGNPro:Sip sing is not an operation of this service',
    ),
  ],
  [
    'of a call that nobody traced there are no messages',
    'Sip.getSipTrace',
    `<filter xsi:type="ns4:SipTraceFilter">${text('callId', 'x')}</filter>`,
    '<result xsi:type="xsd:string">[]</result>',
  ],
]

/** PHP 7 and older say whom the header is for, PHP 8 does not. */
const headers: [client: string, header: string][] = [
  ['PHP 8', authHeader().replace(/ SOAP-ENV:\w+="0"/g, '')],
  ['PHP 7', authHeader()],
]

for (const [client, header] of headers)
  test(
    `requests as ${client} makes them are answered byte for byte`,
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
    }),
  )

test.run()
