import { silentLogger, ThorError } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SoapService } from '../../src/index.ts'
import { limits } from '../../src/limits.ts'
import { makeComponents } from '../support/soap-server.ts'
import { authHeader, phpEnvelope } from '../support/wire.ts'

const test = suite('provision: soap wire')

async function make() {
  const made = await makeComponents()
  const service = new SoapService({ ...made.provisioning, logger: silentLogger })
  const ask = async (body: string, header?: string) => service.answer(Buffer.from(phpEnvelope(body, header)))
  const raw = (text: string) => service.answer(Buffer.from(text))
  return { ...made, ask, raw }
}

async function withAlice() {
  const made = await make()
  await made.directory.addDomain({ domain: 'example.com', customer: 7, reseller: 3 })
  await made.directory.addAccount({ username: 'alice', domain: 'example.com', password: 'pw' })
  return made
}

const HEAD =
  '<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" ' +
  'xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" ' +
  'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ngnpro="urn:AGProjects:NGNPro" ' +
  'SOAP-ENV:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><SOAP-ENV:Body>'
const TAIL = '</SOAP-ENV:Body></SOAP-ENV:Envelope>'

const sipId = (user: string): string =>
  `<sipId xsi:type="ns4:SipId"><username xsi:type="xsd:string">${user}</username>` +
  '<domain xsi:type="xsd:string">example.com</domain></sipId>'

/** As the web form of the portal sends it: booleans as integers, null as empty elements, strangers among the members. */
const phpAccount = `<ns5:addAccount>
<account xsi:type="ns4:SipAccount">
<properties xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="Struct[1]" SOAP-ENC:offset="[0]">
<item><name xsi:type="xsd:string">language</name><value xsi:type="xsd:string">en</value></item></properties>
<id><username xsi:type="xsd:string">bob</username><domain xsi:type="xsd:string">example.com</domain></id>
<firstName xsi:type="xsd:string">Bob &amp; Ünal</firstName>
<lastName xsi:type="xsd:string"></lastName>
<password xsi:type="xsd:string">1234</password>
<owner xsi:type="xsd:string">42</owner>
<prepaid xsi:type="xsd:int">1</prepaid>
<quota xsi:type="xsd:float">10.0</quota>
<region/>
<timeout/>
<groups xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="xsd:string[2]" SOAP-ENC:offset="[0]">
<item xsi:type="xsd:string">free-pstn</item>
<item xsi:type="xsd:string">prepaid</item></groups>
<acl xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="xsd:anyType[0]"/>
<createDate xsi:type="xsd:string">2001-01-01 00:00:00</createDate>
<stranger xsi:type="xsd:string">x</stranger>
</account></ns5:addAccount>`

test(
  'an account as PHP sends it is stored, and answered byte for byte',
  deadline(5_000, async () => {
    const { ask, directory } = await withAlice()
    const { status, body } = await ask(phpAccount)
    const account = [
      '<id><username xsi:type="xsd:string">bob</username><domain xsi:type="xsd:string">example.com</domain></id>',
      '<firstName xsi:type="xsd:string">Bob &amp; Ünal</firstName>',
      '<lastName xsi:type="xsd:string"/>',
      '<email xsi:type="xsd:string"/>',
      '<timezone xsi:type="xsd:string"/>',
      '<owner xsi:type="xsd:int">42</owner>',
      '<customer xsi:type="xsd:int">7</customer>',
      '<reseller xsi:type="xsd:int">3</reseller>',
      '<rpid xsi:type="xsd:string"/>',
      '<groups SOAP-ENC:arrayType="xsd:string[2]"><item xsi:type="xsd:string">free-pstn</item>',
      '<item xsi:type="xsd:string">prepaid</item></groups>',
      '<prepaid xsi:type="xsd:boolean">true</prepaid>',
      '<quota xsi:type="xsd:int">10</quota>',
      '<quickdialPrefix xsi:type="xsd:string"/>',
      '<timeout xsi:type="xsd:int">35</timeout>',
      '<region xsi:type="xsd:string"/>',
      '<callLimit xsi:type="xsd:int">0</callLimit>',
      '<acl SOAP-ENC:arrayType="ngnpro:IPACLEntry[0]"/>',
      '<properties SOAP-ENC:arrayType="ngnpro:SipProperty[1]"><item><name xsi:type="xsd:string">language</name>',
      '<value xsi:type="xsd:string">en</value></item></properties>',
      '<createDate xsi:type="xsd:string">2026-11-23 12:00:00</createDate>',
      '<changeDate xsi:type="xsd:string">2026-11-23 12:00:00</changeDate>',
    ].join('')
    assert.is(
      body,
      `${HEAD}<op:addAccountResponse xmlns:op="urn:AGProjects:NGNPro:Sip"><result>${account}</result></op:addAccountResponse>${TAIL}`,
    )
    assert.is(status, 200)
    assert.is((await directory.getAccount('bob@example.com')).body.owner, 42)
  }),
)

test(
  'an operation without result answers an empty response',
  deadline(5_000, async () => {
    const { ask } = await withAlice()
    const { body } = await ask(
      `<ns5:addToGroup>${sipId('alice')}<group xsi:type="xsd:string">sms</group></ns5:addToGroup>`,
    )
    assert.is(body, `${HEAD}<op:addToGroupResponse xmlns:op="urn:AGProjects:NGNPro:Sip"/>${TAIL}`)
  }),
)

test(
  'a fault carries the code that portals act on, byte for byte',
  deadline(5_000, async () => {
    const { ask } = await withAlice()
    const { status, body } = await ask(`<ns5:getAccount>${sipId('carol')}</ns5:getAccount>`)
    assert.is(status, 500)
    assert.is(
      body,
      `${HEAD}<SOAP-ENV:Fault><faultcode xsi:type="xsd:QName">SOAP-ENV:Client</faultcode>` +
        '<faultstring xsi:type="xsd:string">SIP account not found</faultstring><detail><exception>' +
        '<name xsi:type="xsd:string">PROVISION_ACCOUNT_UNKNOWN</name><errorcode xsi:type="xsd:int">1010</errorcode>' +
        '<errorstring xsi:type="xsd:string">SIP account carol@example.com does not exist</errorstring>' +
        `</exception></detail></SOAP-ENV:Fault>${TAIL}`,
    )
  }),
)

const query = (inner: string) => `<ns5:getAccounts><query xsi:type="ns4:SipQuery">${inner}</query></ns5:getAccounts>`

test(
  'lists take empty filters as no constraint and say how many match',
  deadline(5_000, async () => {
    const { ask, directory } = await withAlice()
    for (const username of ['bob', 'carol']) {
      await directory.addAccount({ username, domain: 'example.com', password: 'pw', groups: ['sms'] })
    }
    const names = (body: string) =>
      [...body.matchAll(/<username xsi:type="xsd:string">(\w+)</g)].map((match) => match[1])
    const all = await ask(
      query(`<filter><username xsi:type="xsd:string"></username><owner xsi:type="xsd:int">0</owner>
        <groups xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="xsd:string[1]" SOAP-ENC:offset="[0]"><item xsi:type="xsd:string"></item></groups></filter>
        <orderBy><attribute xsi:type="xsd:string">username</attribute><direction xsi:type="xsd:string">DESC</direction></orderBy>
        <range><start xsi:type="xsd:int">1</start><count xsi:type="xsd:int">1</count></range>`),
    )
    assert.equal(names(all.body), ['bob'])
    assert.match(all.body, '<total xsi:type="xsd:int">3</total>')
    const like = await ask(query('<filter><username xsi:type="xsd:string">%O%</username></filter>'))
    assert.equal(names(like.body), ['bob', 'carol'])
    const exact = await ask(query('<filter><username>bob</username><domain>example.com</domain></filter>'))
    assert.equal(names(exact.body), ['bob'])
    const none = await ask(query('<filter><username>zz</username></filter>'))
    assert.match(none.body, '<accounts SOAP-ENC:arrayType="ngnpro:SipAccount[0]"/><total xsi:type="xsd:int">0</total>')
    assert.equal(names((await ask('<ns5:getAccounts><query/></ns5:getAccounts>')).body).length, 3)
  }),
)

test(
  'multi-reference values are followed, wherever they stand',
  deadline(5_000, async () => {
    const { raw } = await withAlice()
    const text = phpEnvelope(
      `<multiRef id="u" SOAP-ENC:root="0" xsi:type="xsd:string">alice</multiRef>
       <ns5:getGroups SOAP-ENC:root="1"><sipId href="#i"/></ns5:getGroups>
       <multiRef id="i" SOAP-ENC:root="0"><username href="#u"/><domain xsi:type="xsd:string">example.com</domain></multiRef>`,
    )
    const { body } = await raw(text)
    assert.match(body, '<result SOAP-ENC:arrayType="xsd:string[0]"/>')
    const dangling = await raw(text.replace('id="u"', 'id="v"'))
    assert.match(dangling.body, /<errorcode xsi:type="xsd:int">101</)
    assert.match(dangling.body, 'sipId.username: refers to #u')
    const loop = await raw(text.replace('id="u"', 'id="u" href="#u"'))
    assert.match(loop.body, /<errorcode xsi:type="xsd:int">101</)
  }),
)

test(
  'references that multiply are cut off',
  deadline(10_000, async () => {
    const { ask } = await withAlice()
    const request = (count: number) =>
      `<ns5:getSipDeviceLocations><sipIds>${'<item href="#i"/>'.repeat(count)}</sipIds></ns5:getSipDeviceLocations>
       <m id="i" SOAP-ENC:root="0"><username>alice</username><domain>example.com</domain></m>`
    assert.is((await ask(request(limits.locationsMax))).status, 200)
    assert.match((await ask(request(limits.locationsMax + 1))).body, 'sipIds: has more than 1000 entries')
    assert.match((await ask(request(20_000))).body, 'the request has more than 50000 values')
  }),
)

test(
  'document/literal requests, and operations without a namespace of their own, are understood',
  deadline(5_000, async () => {
    const { raw } = await withAlice()
    const body = (operation: string) =>
      `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><auth xmlns="urn:AGProjects:NGNPro"><username>admin</username><password>secret</password><admin>1</admin></auth></s:Header><s:Body>${operation}</s:Body></s:Envelope>`
    const id = '<sipId><username>alice</username><domain>example.com</domain></sipId>'
    for (const namespace of ['urn:AGProjects:NGNPro:Sip', 'urn:AGProjects:NGNPro', '']) {
      const { status } = await raw(body(`<getGroups xmlns="${namespace}">${id}</getGroups>`))
      assert.is(status, 200, namespace)
    }
    const other = await raw(body(`<getGroups xmlns="urn:AGProjects:NGNPro:Voicemail">${id}</getGroups>`))
    assert.match(other.body, /<errorcode xsi:type="xsd:int">900</)
  }),
)

const refused: [what: string, body: string, header: string | undefined, side: string, code: number | undefined][] = [
  ['a wrong password', '<ns5:getDomains/>', authHeader('admin', 'no'), 'Client', 901],
  ['an unknown name', '<ns5:getDomains/>', authHeader('nobody', 'secret'), 'Client', 901],
  ['no auth header', '<ns5:getDomains/>', '', 'Client', 901],
  ['an empty auth header', '<ns5:getDomains/>', '<auth/>', 'Client', 901],
  ['a customer log-in', '<ns5:getDomains/>', authHeader().replace('>true<', '>false<'), 'Client', 901],
  ['an unknown operation', '<ns5:sing/>', undefined, 'Client', 900],
  ['an operation called like a property of objects', '<ns5:constructor/>', undefined, 'Client', 900],
  ['a missing argument', '<ns5:getAccount/>', undefined, 'Client', 102],
  [
    'half an address',
    '<ns5:getAccount><sipId><username>a</username></sipId></ns5:getAccount>',
    undefined,
    'Client',
    102,
  ],
  ['text for a structure', '<ns5:getAccount><sipId>alice</sipId></ns5:getAccount>', undefined, 'Client', 100],
  ['a structure for text', '<ns5:deleteDomain><domain><a/></domain></ns5:deleteDomain>', undefined, 'Client', 100],
  ['a word for a number', query('<filter><owner>me</owner></filter>'), undefined, 'Client', 100],
  ['a number out of range', query('<filter><owner>1e99</owner></filter>'), undefined, 'Client', 100],
  ['an unknown domain', '<ns5:deleteDomain><domain>other.org</domain></ns5:deleteDomain>', undefined, 'Client', 1000],
  [
    'a header that must be understood',
    '<ns5:getDomains/>',
    '<x SOAP-ENV:mustUnderstand="1"/>',
    'MustUnderstand',
    undefined,
  ],
  ['an empty body', '', undefined, 'Client', undefined],
]

for (const [what, body, header, side, code] of refused) {
  test(
    `${what} is a fault`,
    deadline(5_000, async () => {
      const { ask } = await withAlice()
      const answer = await ask(body, header)
      assert.is(answer.status, 500)
      assert.match(answer.body, `>SOAP-ENV:${side}<`)
      assert.is(
        /<errorcode xsi:type="xsd:int">(\d+)</.exec(answer.body)?.[1],
        code === undefined ? undefined : String(code),
      )
    }),
  )
}

test(
  'what is no SOAP 1.1 is refused in its own words',
  deadline(5_000, async () => {
    const { raw } = await make()
    for (const text of [
      '',
      'hello',
      '<a/>',
      phpEnvelope('<ns5:getDomains>'),
      '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    ]) {
      const { status, body } = await raw(text)
      assert.is(status, 500)
      assert.match(body, '>SOAP-ENV:Client<')
    }
    const twelve = '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body/></e:Envelope>'
    assert.match((await raw(twelve)).body, '>SOAP-ENV:VersionMismatch<')
  }),
)

test(
  'trouble of the store is a server fault that says whether something happened',
  deadline(5_000, async () => {
    const { ask, store } = await withAlice()
    const request = `<ns5:addToGroup>${sipId('alice')}<group>sms</group></ns5:addToGroup>`
    await ask('<ns5:getDomains/>')
    store.reg.before = () => {
      throw new ThorError('STORE_UNAVAILABLE', 'range 7 has no quorum')
    }
    const { status, body } = await ask(request)
    assert.is(status, 500)
    assert.match(body, '>SOAP-ENV:Server<')
    assert.match(body, 'nothing was changed, try again later')
    store.reg.before = () => {
      throw new TypeError('secret inside')
    }
    const internal = await ask(request)
    assert.match(internal.body, /<errorcode xsi:type="xsd:int">200</)
    assert.not.match(internal.body, 'secret inside')
  }),
)

test(
  'whom somebody impersonates sees and changes their own domains only',
  deadline(5_000, async () => {
    const { ask, directory } = await withAlice()
    await directory.addDomain({ domain: 'other.org', customer: 8, reseller: 8 })
    const as = (id: number) => authHeader('admin', 'secret', `<impersonate xsi:type="xsd:int">${id}</impersonate>`)
    const get = `<ns5:getAccount>${sipId('alice')}</ns5:getAccount>`
    for (const id of [0, 3, 7]) assert.is((await ask(get, as(id))).status, 200, String(id))
    assert.match((await ask(get, as(8))).body, /<errorcode xsi:type="xsd:int">902</)
    assert.match((await ask('<ns5:getDomains/>', as(8))).body, '<total xsi:type="xsd:int">1</total>')
    assert.match((await ask('<ns5:getAccounts/>', as(8))).body, '<total xsi:type="xsd:int">0</total>')
    assert.match((await ask('<ns5:getAccounts/>', as(7))).body, '<total xsi:type="xsd:int">1</total>')
    const add = (domain: string, more = '') =>
      `<ns5:addDomain><domain><domain>${domain}</domain>${more}</domain></ns5:addDomain>`
    assert.is((await ask(add('mine.org'), as(8))).status, 200)
    assert.is((await directory.getDomain('mine.org')).body.reseller, 8)
    const foreign = add('theirs.org', '<customer>7</customer><reseller>3</reseller>')
    assert.match((await ask(foreign, as(8))).body, /<errorcode xsi:type="xsd:int">902</)
    const give =
      '<ns5:updateDomain><domain><domain>mine.org</domain><customer>7</customer><reseller>3</reseller></domain></ns5:updateDomain>'
    assert.match((await ask(give, as(8))).body, /<errorcode xsi:type="xsd:int">902</)
    const remove = '<ns5:deleteDomain><domain>example.com</domain></ns5:deleteDomain>'
    assert.match((await ask(remove, as(8))).body, /<errorcode xsi:type="xsd:int">902</)
  }),
)

test(
  'device locations come in the order asked for, and calls with Unix times and quoted URIs',
  deadline(5_000, async () => {
    const { ask, asked } = await withAlice()
    const ids = ['carol', 'alice'].map(
      (user) => `<item><username>${user}</username><domain>example.com</domain></item>`,
    )
    const { body } = await ask(
      `<ns5:getSipDeviceLocations><sipIds>${ids.join('')}</sipIds></ns5:getSipDeviceLocations>`,
    )
    assert.match(body, /carol.*SipDeviceLocation\[0\].*alice.*SipDeviceLocation\[1\].*<expires xsi:type="xsd:int">600</)
    const received =
      '<received><limit xsi:type="xsd:int">5000</limit><fromDate>10</fromDate><toDate>20</toDate></received>'
    await ask(`<ns5:getCalls>${sipId('alice')}<query>${received}</query></ns5:getCalls>`)
    assert.equal(asked, [
      { aor: 'alice@example.com', query: { direction: 'received', from: 10_000, to: 20_999, limit: limits.callsMax } },
    ])
    const both = (await ask(`<ns5:getCalls>${sipId('alice')}</ns5:getCalls>`)).body
    assert.match(both, '<fromTag xsi:type="xsd:string">a=3D1</fromTag>')
    assert.match(both, '<startTime xsi:type="xsd:int">1795435200</startTime>')
    assert.match(both, '<received SOAP-ENC:arrayType="ngnpro:Call[0]"/>')
    assert.match(
      (await ask(`<ns5:getCalls>${sipId('carol')}</ns5:getCalls>`)).body,
      /<errorcode xsi:type="xsd:int">1010</,
    )
  }),
)

test.run()
