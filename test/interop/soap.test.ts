/** Provisioning over SOAP at a real ring: what one node writes, the next one reads at once; devices that are online (SIP-24). */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { deadline, eventually } from '@thor-node/core/testing'
import { operations } from '@thor-node/provision'
import { suite } from 'uvu'
import { type Cluster, ports, startCluster } from '../support/cluster.ts'
import { Phone } from '../support/phone.ts'
import { type Answer, askZeep, runZeep, type Step, zeepAvailable } from '../support/zeep.ts'

const net = '127.22.1'
const hasZeep = zeepAvailable()

const test = suite('interop: soap')
const onlyWithZeep = hasZeep ? test : test.skip
let cluster: Cluster
let password = ''
const phones: Phone[] = []
const url = (number: number): string => `http://${net}.${number}:${ports.soap}/`

const zeep = (steps: readonly Step[]): ReturnType<typeof askZeep> => askZeep(password, [url(1), url(2), url(3)], steps)

/** Bytes to a node and all that comes back until it closes. */
function raw(number: number, request: string): Promise<string> {
  return new Promise((done, fail) => {
    const socket = connect(ports.soap, `${net}.${number}`, () => socket.write(request))
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString()
    })
    socket.on('end', () => done(text))
    socket.on('error', fail)
  })
}

test.before(async () => {
  cluster = await startCluster({ net, nodes: 3 })
  password = (await cluster.nodes[1]?.operations.adminPassword({}))?.password ?? ''
})
test.after(async () => {
  for (const phone of phones) await phone.stop()
  await cluster?.stop()
})

const domain = 'example.com'
const id = (username: string): { username: string; domain: string } => ({ username, domain })

onlyWithZeep(
  'domains, accounts and what is theirs, written through one node and read through the next',
  deadline(90_000, async () => {
    let turn = 0
    /** A write and what the following node then reads. */
    const expected = new Map<number, (answer: Answer) => void>()
    const steps: Step[] = []
    const step = (name: string, args: Record<string, unknown>, check: (value: never) => void): void => {
      expected.set(steps.length, (answer) => {
        assert.equal(answer.fault, undefined, `${name}: ${answer.fault}`)
        check(answer.value as never)
      })
      steps.push({ node: turn++ % 3, name, arguments: args })
    }
    const fails = (code: number, name: string, args: Record<string, unknown>, wrong?: string): void => {
      expected.set(steps.length, (answer) => assert.equal(answer.code, code, `${name}: ${JSON.stringify(answer)}`))
      steps.push({ node: turn++ % 3, name, arguments: args, password: wrong })
    }
    const done = (value: unknown): void => assert.equal(value, null)

    step('addDomain', { domain: { domain, customer: 7, reseller: 3 } }, done)
    fails(1001, 'addDomain', { domain: { domain } })
    step(
      'getDomains',
      { query: { filter: { domain } } },
      ({ total, domains }: { total: number; domains: { customer: number }[] }) =>
        assert.deepEqual([total, domains[0]?.customer], [1, 7]),
    )
    step('updateDomain', { domain: { domain, match_ip_address: '192.0.2.1' } }, done)
    step('getDomains', { query: {} }, ({ domains }: { domains: { domain: string; match_ip_address: string }[] }) =>
      assert.equal(domains.find((entry) => entry.domain === domain)?.match_ip_address, '192.0.2.1'),
    )
    const account = {
      id: id('alice'),
      password: 'pw-alice',
      firstName: 'Ålice',
      email: 'alice@example.com',
      groups: ['sms'],
    }
    step('addAccount', { account }, (made: { id: { username: string } }) => assert.equal(made.id.username, 'alice'))
    step('getAccount', { sipId: id('alice') }, (found: { firstName: string; groups: string[] }) =>
      assert.deepEqual([found.firstName, found.groups], ['Ålice', ['sms']]),
    )
    fails(1011, 'addAccount', { account })
    fails(1010, 'getAccount', { sipId: id('nobody') })
    step('addAccount', { account: { id: id('bob'), password: 'pw-bob' } }, () => undefined)
    step('updateAccount', { account: { id: id('alice'), quota: 12 } }, () => undefined)
    step('getAccount', { sipId: id('alice') }, (found: { quota: number }) => assert.equal(found.quota, 12))
    step(
      'getAccounts',
      {
        query: {
          filter: { domain },
          orderBy: { attribute: 'username', direction: 'DESC' },
          range: { start: 0, count: 1 },
        },
      },
      ({ accounts, total }: { accounts: { id: { username: string } }[]; total: number }) =>
        assert.deepEqual([total, accounts.map((entry) => entry.id.username)], [2, ['bob']]),
    )
    step('addAlias', { alias: { id: id('sales'), target: id('alice') } }, () => undefined)
    step('getAlias', { id: id('sales') }, (found: { target: { username: string } }) =>
      assert.equal(found.target.username, 'alice'),
    )
    fails(1021, 'addAlias', { alias: { id: id('sales'), target: id('bob') } })
    step('updateAlias', { alias: { id: id('sales'), target: id('bob') } }, done)
    step(
      'getAliases',
      { query: { filter: { targetUsername: 'bob' } } },
      ({ aliases }: { aliases: { id: { username: string } }[] }) =>
        assert.deepEqual(
          aliases.map((entry) => entry.id.username),
          ['sales'],
        ),
    )
    step('deleteAlias', { id: id('sales') }, done)
    fails(1020, 'getAlias', { id: id('sales') })
    step('addToGroup', { sipId: id('alice'), group: 'prepaid' }, done)
    step('getGroups', { sipId: id('alice') }, (groups) => assert.deepEqual(groups, ['sms', 'prepaid']))
    fails(1030, 'addToGroup', { sipId: id('alice'), group: 'prepaid' })
    step('removeFromGroup', { sipId: id('alice'), group: 'prepaid' }, done)
    fails(1031, 'removeFromGroup', { sipId: id('alice'), group: 'prepaid' })
    step('getSipDeviceLocations', { sipIds: [id('alice'), id('bob')] }, (entries: { locations: unknown[] }[]) =>
      assert.deepEqual(
        entries.map(({ locations }) => locations.length),
        [0, 0],
      ),
    )
    step('getCalls', { sipId: id('alice'), query: { placed: { limit: 5 }, received: { limit: 5 } } }, (calls) =>
      assert.deepEqual(calls, { placed: [], received: [] }),
    )
    fails(1002, 'deleteDomain', { domain })
    step('deleteAccount', { sipId: id('bob') }, done)
    fails(1010, 'deleteAccount', { sipId: id('bob') })
    step('deleteAccount', { sipId: id('alice') }, done)
    step('deleteDomain', { domain }, done)
    step('getDomains', { query: { filter: { domain } } }, ({ total }: { total: number }) => assert.equal(total, 0))
    for (let node = 0; node < 3; node++) fails(901, 'getDomains', { query: {} }, 'wrong')

    const { answers } = await zeep(steps)
    assert.equal(answers.length, steps.length)
    for (const [index, answer] of answers.entries()) expected.get(index)?.(answer)
  }),
)

onlyWithZeep(
  'all operations of all ports, over the nodes in turn, answer what was written through the others',
  deadline(120_000, async () => {
    const script = 'packages/provision/test/soap/zeep-all.py'
    const got = await runZeep(script, [password, url(1), url(2), url(3)])
    const { wrong, missed, perNode, ...rest } = got as {
      wrong: unknown[]
      missed: string[]
      perNode: number[]
      operations: number
    }
    assert.deepEqual(wrong, [])
    // There was no call yet whose media could be told; the next test has one.
    assert.deepEqual(missed, ['Sip.getMediaTrace'])
    assert.equal(rest.operations, operations.length)
    assert.equal(perNode.length, 3)
    assert.ok(Math.min(...perNode) > 60 && Math.max(...perNode) - Math.min(...perNode) <= 1, `${perNode}`)
  }),
)

onlyWithZeep(
  'devices and calls of the ring are seen by every node',
  deadline(60_000, async () => {
    for (const user of ['carol', 'dave']) {
      await cluster.nodes[0]?.operations.accountAdd({ aor: `${user}@thor.local`, password: `pw-${user}` })
    }
    const made = ['carol', 'dave'].map(
      (user, index) =>
        new Phone({ user, password: `pw-${user}`, address: `127.22.2.${index + 1}`, proxy: `${net}.${index + 1}` }),
    )
    phones.push(...made)
    const [carol, dave] = made as [Phone, Phone]
    for (const phone of made) await (await phone.start()).register()
    const { dialog } = await carol.call('dave')
    assert.ok(dialog)
    assert.equal(await carol.bye(dialog), 200)
    await eventually(async () => (await cluster.nodes[2]?.operations.calls({}))?.calls[0]?.endedAt, 10_000, 'the end')
    const ids = ['carol', 'dave'].map((username) => ({ username, domain: 'thor.local' }))
    const query = { placed: { limit: 5 }, received: { limit: 5 } }
    const steps = [0, 1, 2].flatMap((node): Step[] => [
      { node, name: 'getSipDeviceLocations', arguments: { sipIds: ids } },
      { node, name: 'getCalls', arguments: { sipId: ids[0], query } },
      { node, name: 'getCalls', arguments: { sipId: ids[1], query } },
      { node, name: 'getMediaTrace', arguments: { filter: { callId: dialog.callId } } },
    ])
    const { answers } = await zeep(steps)
    type Calls = { placed: Record<string, unknown>[]; received: Record<string, unknown>[] }
    for (let node = 0; node < 3; node++) {
      const [devices, placed, received, media] = answers.slice(node * 4).map(({ value }) => value)
      const trace = JSON.parse(String(media)) as { from_uri: string; streams: unknown[] }
      assert.deepEqual([trace.from_uri, trace.streams.length], ['carol@thor.local', 1])
      const locations = (devices as { locations: Record<string, unknown>[] }[]).map((entry) => entry.locations)
      assert.deepEqual(
        locations.map((list) => list.map(({ publicAddress }) => publicAddress)),
        [['127.22.2.1'], ['127.22.2.2']],
      )
      assert.equal(locations[1]?.[0]?.userAgent, 'scripted phone')
      const [call] = (placed as Calls).placed
      assert.equal(call?.sessionId, dialog.callId)
      assert.match(String(call?.toURI), /dave@thor\.local/)
      assert.ok(Number(call?.stopTime) >= Number(call?.startTime) && Number(call?.startTime) > 1e9)
      assert.equal((received as Calls).received[0]?.sessionId, call?.sessionId)
      assert.deepEqual((placed as Calls).received, [])
    }
    await dave.register({ expires: 0 })
  }),
)

test(
  'a client of PHP speaks HTTP/1.0: a plain answer, its length, and the end of the connection',
  deadline(20_000, async () => {
    const body = `<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns4="urn:AGProjects:NGNPro"
 SOAP-ENV:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">
<SOAP-ENV:Header><auth SOAP-ENV:actor="0" SOAP-ENV:mustUnderstand="0"><username xsi:type="xsd:string">admin</username>
<password xsi:type="xsd:string">PASSWORD</password><admin xsi:type="xsd:boolean">true</admin></auth></SOAP-ENV:Header>
<SOAP-ENV:Body><ns5:getAccount xmlns:ns5="urn:AGProjects:NGNPro:Sip"><sipId xsi:type="ns4:SipId">
<username xsi:type="xsd:string">USER</username><domain xsi:type="xsd:string">thor.local</domain></sipId></ns5:getAccount>
</SOAP-ENV:Body></SOAP-ENV:Envelope>`
    await cluster.nodes[0]?.operations.accountAdd({ aor: 'erin@thor.local' })
    for (const number of [1, 2, 3]) {
      const ask = (user: string, secret: string): Promise<string> => {
        const text = body.replace('USER', user).replace('PASSWORD', secret)
        const head = [
          'POST / HTTP/1.0',
          'User-Agent: PEAR-SOAP 0.11.0-beta',
          `Host: ${net}.${number}:${ports.soap}`,
          'Content-Type: text/xml; charset=UTF-8',
          `Content-Length: ${Buffer.byteLength(text)}`,
          'SOAPAction: ""',
          'Connection: close',
        ]
        return raw(number, `${head.join('\r\n')}\r\n\r\n${text}`)
      }
      const good = await ask('erin', password)
      assert.match(good, /^HTTP\/1\.[01] 200 /)
      assert.match(good, /content-type: text\/xml/i)
      assert.doesNotMatch(good, /transfer-encoding/i)
      assert.match(good, /<username xsi:type="xsd:string">erin<\/username>/)
      assert.doesNotMatch(good, /SOAP-ENC:offset/)
      const unknown = await ask('nobody', password)
      assert.match(unknown, /^HTTP\/1\.[01] 500 /)
      assert.match(unknown, /<errorcode[^>]*>1010</)
      assert.match(await ask('erin', 'wrong'), /<errorcode[^>]*>901</)
    }
    assert.match(
      await raw(1, 'POST / HTTP/1.0\r\nContent-Type: text/xml\r\nContent-Length: 9\r\n\r\n<unclosed'),
      /Fault/,
    )
  }),
)

test(
  'accounts are imported through one node, a second time without harm, and exported from another',
  deadline(60_000, async () => {
    const [first, second, third] = cluster.nodes.map(({ operations: ofNode }) => ofNode)
    assert.ok(first && second && third)
    const rows = Array.from({ length: 40 }, (_, index) => ({
      username: `im${index}`,
      domain: 'thor.local',
      password: `pw-${index}`,
      quota: index,
      ...(index % 2 === 0 && { aliases: [`ima${index}@thor.local`], balance: 1.5 }),
    }))
    const wrong = { username: 'im x', domain: 'thor.local', password: 'pw' }
    const told = await first.accountsImport({ rows: [...rows, wrong] })
    assert.deepEqual([told.added, told.updated, told.failures.map(({ index }) => index)], [40, 0, [40]])
    const again = await second.accountsImport({ rows: rows.map((row) => ({ ...row, quota: 7 })) })
    assert.deepEqual([again.added, again.updated, again.failures.length], [0, 40, 0])
    const call = async (operation: string, args: Record<string, unknown>): Promise<unknown> =>
      (await third.apiCall({ operation, args })).value
    const sipIds = ['im0@thor.local', 'im1@thor.local']
    const status = (await call('Sip.getPrepaidStatus', { sipIds })) as { balance: number }[]
    assert.deepEqual(
      status.map(({ balance }) => balance),
      [1.5, 0],
    )
    const ours = async (): Promise<Record<string, unknown>[]> => {
      const { rows: all } = await third.accountsExport({ start: 0, count: 1_000, digests: true })
      return all.filter(({ username }) => String(username).startsWith('im'))
    }
    // Lists are near: a moment old.
    const exported = await eventually(async () => {
      const all = await ours()
      return all.length === 40 && all.every(({ quota }) => quota === 7) ? all : undefined
    })
    const secret = (await call('Sip.getAccount', { sipId: 'im4@thor.local' })) as { ha1: string }
    for (const sipId of ['im4@thor.local', 'im5@thor.local']) await call('Sip.deleteAccount', { sipId })
    const back = await first.accountsImport({ rows: exported })
    assert.deepEqual([back.added, back.updated, back.failures], [2, 38, []])
    await eventually(async () => isDeepStrictEqual(await ours(), exported))
    assert.equal(((await call('Sip.getAccount', { sipId: 'im4@thor.local' })) as { ha1: string }).ha1, secret.ha1)
  }),
)

test(
  'logins that failed at one node count at the others',
  deadline(60_000, async () => {
    const ask = async (number: number, name: string, word: string): Promise<number> => {
      const Authorization = `Basic ${Buffer.from(`${name}:${word}`).toString('base64')}`
      const response = await fetch(`${url(number)}api/v1/sip/domains`, { headers: { Authorization } })
      await response.text()
      return response.status
    }
    for (let n = 0; n < 10; n++) assert.equal(await ask(1, 'ghost', `guess ${n}`), 401)
    assert.equal(await ask(1, 'ghost', 'guess'), 429)
    // Guesses of ours that come before the news count, too: fewer than would do without them.
    let guesses = 0
    await eventually(async () => ++guesses < 10 && (await ask(2, 'ghost', 'guess')) === 429)
    assert.equal(await ask(2, 'admin', password), 200)
    assert.equal(await ask(3, 'admin', password), 200)
  }),
)

test.run()
