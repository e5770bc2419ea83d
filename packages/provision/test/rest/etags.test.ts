/** What is changed only as it was read, operation by operation. */
import { errorCode } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openApi, operations } from '../../src/index.ts'
import { asker } from '../support/soap-ask.ts'
import { makeComponents, startServer } from '../support/soap-server.ts'

const test = suite('provision: etags')
const HOST = '127.6.0.11'
const codeOf = (promise: Promise<unknown>): Promise<string | undefined> => promise.then(() => undefined, errorCode)
const of = (username: string) => ({ username, domain: 'example.com' })
const sipId = of('alice')
const range = { prefix: '31', tld: 'e164.arpa' }
const number = { number: '31201234567', tld: 'e164.arpa' }
const entity = 'domain://example.com'

/** Makes one of everything. */
const made: [name: string, args: Record<string, unknown>][] = [
  ['Sip.addDomain', { domain: { domain: 'example.com' } }],
  ['Sip.addAccount', { account: { id: sipId, password: 'pw' } }],
  ['Sip.addAlias', { alias: { id: of('sales'), target: sipId } }],
  ['Sip.setBarringPrefixes', { sipId, prefixes: ['+1'] }],
  ['Sip.addTrustedPeer', { peer: { ip: '192.0.2.1' } }],
  ['Sip.addCarrier', { carrier: { name: 'C' } }],
  ['Sip.addGateway', { gateway: { name: 'G', ip: '192.0.2.2', carrier_id: 1 } }],
  ['Sip.addGatewayRule', { rule: { gateway_id: 1 } }],
  ['Voicemail.addAccount', { account: { sipId } }],
  ['Enum.addRange', { range: { id: range } }],
  ['Enum.addNumber', { number: { id: number } }],
  ['Dns.addZone', { zone: { name: 'example.com' } }],
  ['Customer.addAccount', { account: { username: 'cust', password: 'pw' } }],
  ['Rating.setEntityProfiles', { profiles: { entity } }],
  ['Platform.setEmergencyRegion', { region: { region: 'x', numbers: ['112'], gateways: ['a'] } }],
]

/** Changes and deletions of it; what is in the way of a deletion goes ahead of it. */
const changes: Record<string, Record<string, unknown>> = {
  'Sip.updateDomain': { domain: { domain: 'example.com' } },
  'Platform.setDialPlan': { domain: 'example.com', plan: { country: '31' } },
  'Platform.deleteDialPlan': { domain: 'example.com' },
  'Sip.updateAccount': { account: { id: sipId, quota: 1 } },
  'Sip.updateAlias': { alias: { id: of('sales'), target: sipId } },
  'Sip.setRejectMembers': { sipId, members: [] },
  'Sip.setAcceptRules': { sipId, rules: {} },
  'Sip.setBarringPrefixes': { sipId, prefixes: [] },
  'Sip.setCallDiversions': { sipId, diversions: {} },
  'Sip.updateTrustedPeer': { peer: { ip: '192.0.2.1', blocked: 1 } },
  'Sip.deleteTrustedPeer': { ip: '192.0.2.1' },
  'Sip.updateGatewayRule': { rule: { id: 1, strip: 1 } },
  'Sip.deleteGatewayRule': { id: 1 },
  'Sip.updateGateway': { gateway: { id: 1, port: 5070 } },
  'Sip.deleteGateway': { id: 1 },
  'Sip.updateCarrier': { carrier: { id: 1, name: 'D' } },
  'Sip.deleteCarrier': { id: 1 },
  'Voicemail.updateAccount': { account: { sipId, name: 'A' } },
  'Voicemail.deleteAccount': { sipId },
  'Enum.updateNumber': { number: { id: number, info: 'x' } },
  'Enum.deleteNumber': { enumId: number },
  'Enum.updateRange': { range: { id: range, info: 'x' } },
  'Enum.deleteRange': { range },
  'Dns.updateZone': { zone: { name: 'example.com', ttl: 60 } },
  'Dns.deleteZone': { zone: 'example.com' },
  'Customer.updateAccount': { account: { id: 1, city: 'Delft' } },
  'Customer.setProperties': { customer: 1, properties: [] },
  'Rating.deleteEntityProfiles': { entity },
  'Platform.setEmergencyRegion': { region: { region: 'x', numbers: ['110'], gateways: ['a'] } },
  'Platform.deleteEmergencyRegion': { region: 'x' },
  'Sip.deleteAlias': { id: of('sales') },
  'Platform.deleteSubscriber': { sipId },
  'Sip.deleteAccount': { sipId },
  'Sip.deleteDomain': { domain: 'example.com' },
}

test(
  'each that takes an etag refuses what is not so any more, and does it without one; what was done is in the audit log',
  deadline(10_000, async () => {
    const components = await makeComponents()
    const ask = asker(components)
    for (const [name, args] of made) await ask(name, args)
    const guarded = operations.filter((one) => one.guarded).map(({ port, name }) => `${port}.${name}`)
    assert.equal(Object.keys(changes).sort(), guarded.toSorted())
    for (const [name, args] of Object.entries(changes)) {
      // Accounts that are in the way of the refusals that follow.
      if (name === 'Sip.deleteAccount') await ask('Sip.addAccount', { account: { id: sipId, password: 'pw' } })
      assert.is(await codeOf(ask(name, args, '1-00000000')), 'PROVISION_CONFLICT', name)
      assert.is(await codeOf(ask(name, args)), undefined, name)
    }
    // Once each: what was refused is no change.
    const lines = await components.provisioning.audit.read({ count: 1_000 })
    const audited = lines.map(({ operation }) => operation).sort()
    const done = [...made.map(([name]) => name), ...Object.keys(changes), 'Sip.addAccount']
    assert.equal(audited, done.sort())
  }),
)

test(
  'who sends one to an operation that does not look at it is told so, and nothing is done',
  deadline(10_000, async () => {
    const { server, port, provisioning } = await startServer(HOST)
    try {
      const ask = asker({ provisioning })
      await ask('Sip.addDomain', { domain: { domain: 'example.com' } })
      await ask('Sip.addAccount', { account: { id: sipId, password: 'pw' } })
      const headers = { Authorization: `Basic ${Buffer.from('admin:secret').toString('base64')}`, 'If-Match': '"1-x"' }
      const url = `http://${HOST}:${port}/api/v1/sip/accounts/alice@example.com/groups/sms`
      const answer = await fetch(url, { method: 'PUT', headers })
      assert.is(answer.status, 422)
      assert.match(((await answer.json()) as { detail: string }).detail, /^If-Match: is not taken by Sip\.addToGroup/)
      assert.equal(await ask('Sip.getGroups', { sipId }), [])
      const any = await fetch(url, { method: 'PUT', headers: { ...headers, 'If-Match': '*' } })
      assert.is(any.status, 204)
    } finally {
      await server.stop()
    }
  }),
)

test('the description names it where it is taken', () => {
  const { paths } = openApi('http://192.0.2.1/') as {
    paths: Record<string, Record<string, { operationId: string; parameters: { name: string }[] }>>
  }
  for (const one of Object.values(paths).flatMap((methods) => Object.values(methods))) {
    const { guarded, changes } = operations.find(({ port, name }) => `${port}.${name}` === one.operationId) ?? {}
    const has = (name: string): boolean => one.parameters.some((parameter) => parameter.name === name)
    assert.is(has('If-Match'), guarded, one.operationId)
    assert.is(has('Idempotency-Key'), changes, one.operationId)
  }
})

test.run()
