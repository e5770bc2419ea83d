import { spawnSync } from 'node:child_process'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openApi, operations } from '../../src/index.ts'
import { startServer } from '../support/soap-server.ts'

const test = suite('provision: rest')
const HOST = '127.6.0.3'
const admin = `Basic ${Buffer.from('admin:secret').toString('base64')}`

async function start() {
  const made = await startServer(HOST)
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`http://${HOST}:${made.port}/api/v1${path}`, {
      method,
      headers: { Authorization: admin, ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      json: text === '' ? undefined : JSON.parse(text),
      text,
    }
  }
  return { ...made, ask }
}

const alice = { id: { username: 'alice', domain: 'example.com' }, password: 'pw' }

test(
  'accounts are made, read, changed, listed and deleted',
  deadline(10_000, async () => {
    const { ask, server } = await start()
    try {
      assert.is((await ask('POST', '/sip/domains', { domain: 'example.com', customer: 7 })).status, 204)
      const made = await ask('POST', '/sip/accounts', { ...alice, groups: ['sms'], quota: 3 })
      assert.is(made.status, 201)
      assert.is(made.json.customer, 7)
      assert.is(made.json.password, undefined)
      await ask('POST', '/sip/accounts', { id: 'bob@example.com', password: 'pw' })
      const read = await ask('GET', '/sip/accounts/alice@example.com')
      assert.is(read.status, 200)
      assert.is(read.json.quota, 3)
      const page = await ask('GET', '/sip/accounts?domain=example.com&sort=-username&count=1')
      assert.equal([page.json.total, page.json.accounts[0].id.username], [2, 'bob'])
      assert.is(
        page.headers.get('link'),
        '</api/v1/sip/accounts?domain=example.com&sort=-username&count=1&start=1>; rel="next"',
      )
      const last = await ask('GET', '/sip/accounts?domain=example.com&sort=-username&count=1&start=1')
      assert.is(last.json.accounts[0].id.username, 'alice')
      assert.is(last.headers.get('link'), null)
      assert.equal((await ask('GET', '/sip/accounts?groups=sms')).json.total, 1)
      const changed = await ask('PATCH', '/sip/accounts/alice@example.com', { firstName: 'Alice' })
      assert.equal([changed.status, changed.json.firstName, changed.json.quota], [200, 'Alice', 3])
      assert.is((await ask('PUT', '/sip/accounts/alice@example.com/groups/free-pstn')).status, 204)
      assert.equal((await ask('GET', '/sip/accounts/alice@example.com/groups')).json, ['sms', 'free-pstn'])
      const diversions = { FUNC: 'sip:bob@example.com' }
      assert.is((await ask('PUT', '/sip/accounts/alice@example.com/diversions', diversions)).status, 204)
      assert.equal((await ask('GET', '/sip/accounts/alice@example.com/diversions')).json, diversions)
      assert.is((await ask('GET', '/sip/locations?sipIds=alice@example.com,bob@example.com')).json.length, 2)
      assert.is(
        (await ask('PUT', '/rating/profiles', { entity: 'domain://example.com', profileWeekday: '7' })).status,
        204,
      )
      assert.is((await ask('GET', '/rating/profiles/domain%3A%2F%2Fexample.com')).json.profileWeekday, '7')
      assert.is((await ask('DELETE', '/sip/accounts/alice@example.com')).status, 204)
      assert.is((await ask('GET', '/sip/accounts/alice@example.com')).status, 404)
    } finally {
      await server.stop()
    }
  }),
)

test(
  'errors are problem details with the codes of the platform and of NGNPro',
  deadline(10_000, async () => {
    const { ask, server, port } = await start()
    try {
      await ask('POST', '/sip/domains', { domain: 'example.com' })
      await ask('POST', '/sip/accounts', alice)
      const again = await ask('POST', '/sip/accounts', alice)
      assert.is(again.headers.get('content-type'), 'application/problem+json')
      assert.equal(again.json, {
        type: 'urn:thor-node:error:PROVISION_ACCOUNT_EXISTS',
        title: 'SIP account already exists',
        status: 409,
        detail: 'SIP account alice@example.com exists already',
        code: 'PROVISION_ACCOUNT_EXISTS',
        number: 1011,
      })
      const cases: [status: number, method: string, path: string, body?: unknown, detail?: RegExp][] = [
        [404, 'GET', '/sip/accounts/carol@example.com'],
        [404, 'GET', '/nothing'],
        [404, 'GET', '/sip/accounts/%ff'],
        [405, 'PUT', '/sip/accounts'],
        [422, 'POST', '/sip/accounts', '{"id":'],
        [422, 'POST', '/sip/accounts', { ...alice, nickname: 'A' }, /^nickname: is not a member of SipAccount/],
        [422, 'POST', '/sip/accounts', { ...alice, quota: '7' }, /^quota: is not of the type int/],
        [422, 'POST', '/sip/accounts', { ...alice, quota: 1.5 }, /^quota: is not a whole number/],
        [422, 'POST', '/sip/accounts', { ...alice, prepaid: 1 }, /^prepaid: is not of the type boolean/],
        [422, 'POST', '/sip/accounts', { ...alice, groups: 'sms' }, /^groups: is not an array/],
        [422, 'POST', '/sip/accounts', '[]', /^body: is not an object/],
        [422, 'POST', '/sip/accounts', { password: 'x' }, /^id is missing/],
        [422, 'GET', '/sip/accounts?nickname=x', undefined, /^nickname: is not a parameter/],
        [422, 'GET', '/sip/accounts?count=x', undefined, /^count: is not a whole number/],
        [422, 'DELETE', '/sip/accounts/alice', undefined, /^sipId: is not an address/],
        [422, 'DELETE', '/sip/accounts/alice@example.com', {}, /^body: is not taken/],
      ]
      for (const [status, method, path, body, detail] of cases) {
        const answer = await ask(method, path, body)
        assert.is(answer.status, status, `${method} ${path} ${answer.text}`)
        assert.is(answer.json.status, status)
        if (detail) assert.match(answer.json.detail, detail)
      }
      const wrong = await ask('GET', '/sip/domains', undefined, {
        Authorization: `Basic ${Buffer.from('admin:no').toString('base64')}`,
      })
      assert.is(wrong.status, 401)
      assert.match(wrong.headers.get('www-authenticate') ?? '', /^Basic realm=/)
      assert.is((await fetch(`http://${HOST}:${port}/api/v1/sip/domains`)).status, 401)
    } finally {
      await server.stop()
    }
  }),
)

test(
  'an ETag says whether what was read is still so',
  deadline(10_000, async () => {
    const { ask, server } = await start()
    try {
      await ask('POST', '/sip/domains', { domain: 'example.com' })
      await ask('POST', '/sip/accounts', alice)
      const path = '/sip/accounts/alice@example.com'
      const etag = (await ask('GET', path)).headers.get('etag') ?? ''
      assert.match(etag, /^"\d+-[0-9a-f]{8}"$/)
      assert.is((await ask('GET', path, undefined, { 'If-None-Match': etag })).status, 304)
      assert.is((await ask('PATCH', path, { quota: 1 }, { 'If-Match': etag })).status, 200)
      const lost = await ask('PATCH', path, { quota: 2 }, { 'If-Match': etag })
      assert.equal([lost.status, lost.json.code], [412, 'PROVISION_CONFLICT'])
      assert.is((await ask('DELETE', path, undefined, { 'If-Match': etag })).status, 412)
      assert.is((await ask('GET', path)).json.quota, 1)
      const list = await ask('GET', '/sip/accounts')
      const weak = list.headers.get('etag') ?? ''
      assert.is((await ask('GET', '/sip/accounts', undefined, { 'If-None-Match': weak })).status, 304)
    } finally {
      await server.stop()
    }
  }),
)

test(
  'a request with an Idempotency-Key is done once',
  deadline(10_000, async () => {
    const { ask, server } = await start()
    try {
      await ask('POST', '/sip/domains', { domain: 'example.com' })
      const key = { 'Idempotency-Key': 'order-0001' }
      const body = { id: { username: '<autoincrement>', domain: 'example.com' }, password: 'pw' }
      const first = await ask('POST', '/sip/accounts', body, key)
      const again = await ask('POST', '/sip/accounts', body, key)
      assert.equal([first.status, again.status], [201, 201])
      assert.equal(again.json, first.json)
      assert.is(again.headers.get('idempotency-replayed'), 'true')
      assert.is((await ask('GET', '/sip/accounts')).json.total, 1)
      assert.is((await ask('POST', '/sip/accounts', { ...body, quota: 1 }, key)).status, 412)
      const aor = `${first.json.id.username}@example.com`
      const money = { 'Idempotency-Key': 'payment-0001' }
      const paid = [1, 2, 3].map(() =>
        ask('POST', `/sip/accounts/${aor}/balance`, { value: 5, description: 'CC' }, money),
      )
      const statuses = (await Promise.all(paid)).map(({ status }) => status)
      assert.ok(statuses.includes(201), `${statuses}`)
      assert.is((await ask('GET', `/sip/prepaid?sipIds=${aor}`)).json[0].balance, 5)
      // What is refused may be tried again under the same key.
      const retry = { 'Idempotency-Key': 'alias-0001' }
      const alias = { id: 'sales@example.com', target: 'nobody@example.com' }
      assert.is((await ask('POST', '/sip/aliases', alias, retry)).status, 404)
      assert.is((await ask('POST', '/sip/aliases', { ...alias, target: aor }, retry)).status, 201)
    } finally {
      await server.stop()
    }
  }),
)

test(
  'tokens let in as far as their scopes say, users to their own account',
  deadline(10_000, async () => {
    const { ask, server, provisioning } = await start()
    try {
      await ask('POST', '/sip/domains', { domain: 'example.com' })
      await ask('POST', '/sip/accounts', alice)
      const as = async (scopes: string[]) => {
        const { token } = await provisioning.tokens.create({ name: 'portal', scopes })
        return { Authorization: `Bearer ${token}` }
      }
      const cases: [scopes: string[], method: string, path: string, status: number][] = [
        [['*'], 'GET', '/dns/zones', 200],
        [['read'], 'GET', '/dns/zones', 200],
        [['read'], 'DELETE', '/dns/zones/example.com', 403],
        [['Sip'], 'PUT', '/sip/accounts/alice@example.com/groups/sms', 204],
        [['Sip'], 'GET', '/dns/zones', 403],
        [['Dns:read'], 'GET', '/dns/zones', 200],
        [['Dns:read'], 'DELETE', '/dns/zones/example.com', 403],
      ]
      for (const [scopes, method, path, status] of cases) {
        assert.is((await ask(method, path, undefined, await as(scopes))).status, status, `${scopes} ${method} ${path}`)
      }
      const wrong = { Authorization: 'Bearer thor_000000000000_000000000000000000000000000000000000000000000000' }
      assert.is((await ask('GET', '/dns/zones', undefined, wrong)).status, 401)
      const gone = await as(['*'])
      for (const { id } of await provisioning.tokens.list()) await provisioning.tokens.remove(id)
      assert.is((await ask('GET', '/dns/zones', undefined, gone)).status, 401)
      const user = { Authorization: `Basic ${Buffer.from('alice@example.com:pw').toString('base64')}` }
      assert.is((await ask('GET', '/sip/accounts/alice@example.com', undefined, user)).status, 200)
      assert.is((await ask('GET', '/sip/accounts', undefined, user)).status, 403)
    } finally {
      await server.stop()
    }
  }),
)

test(
  'an administrator may take the part of a customer, and what was answered to one is not answered to another',
  deadline(10_000, async () => {
    const { ask, server } = await start()
    try {
      for (const username of ['resell', 'other']) await ask('POST', '/customers', { username, password: 'pw' })
      await ask('POST', '/sip/domains', { domain: 'one.example', customer: 1, reseller: 1 })
      await ask('POST', '/sip/domains', { domain: 'two.example', customer: 2, reseller: 2 })
      const as = (id: string) => ({ 'X-Impersonate': id })
      assert.is((await ask('GET', '/sip/domains')).json.total, 2)
      const own = await ask('GET', '/sip/domains', undefined, as('1'))
      assert.equal(
        own.json.domains.map(({ domain }: { domain: string }) => domain),
        ['one.example'],
      )
      const account = { id: 'alice@one.example', password: 'pw' }
      const key = { 'Idempotency-Key': 'impersonated-1' }
      assert.is((await ask('POST', '/sip/accounts', account, { ...as('2'), ...key })).status, 403)
      assert.is((await ask('POST', '/sip/accounts', account, { ...as('1'), ...key })).status, 201)
      assert.is((await ask('POST', '/sip/accounts', account, { ...as('1'), ...key })).status, 201)
      assert.is((await ask('POST', '/sip/accounts', account, { ...as('2'), ...key })).status, 412)
      for (const wrong of ['x', '-1', '1.5']) {
        assert.is((await ask('GET', '/sip/domains', undefined, as(wrong))).status, 422, wrong)
      }
      // A customer has no other's part to take.
      const customer = { Authorization: `Basic ${Buffer.from('resell:pw').toString('base64')}` }
      assert.is((await ask('GET', '/sip/domains', undefined, { ...customer, ...as('2') })).status, 403)
    } finally {
      await server.stop()
    }
  }),
)

test(
  'OpenAPI and a page describe every operation, with references that exist',
  deadline(10_000, async () => {
    const { server, port } = await start()
    try {
      const document = openApi('http://192.0.2.1:9200/api/v1') as {
        paths: Record<string, Record<string, { operationId: string }>>
        components: { schemas: Record<string, unknown> }
      }
      const ids = Object.values(document.paths).flatMap((methods) =>
        Object.values(methods).map(({ operationId }) => operationId),
      )
      assert.equal(ids.sort(), operations.map(({ port: of, name }) => `${of}.${name}`).sort())
      for (const [, name] of JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)) {
        assert.ok(document.components.schemas[name as string], name)
      }
      for (const [path, methods] of Object.entries(document.paths)) {
        const named = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name)
        for (const one of Object.values(methods)) {
          const { parameters } = one as unknown as { parameters: { name: string; in: string }[] }
          const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)
          assert.equal(inPath.sort(), named.toSorted(), path)
          assert.is(
            new Set(parameters.map((parameter) => `${parameter.in} ${parameter.name}`)).size,
            parameters.length,
            path,
          )
        }
      }
      const response = await fetch(`http://${HOST}:${port}/api/openapi.json`)
      const served = (await response.json()) as { openapi: string }
      assert.is(served.openapi, '3.1.0')
      const page = await (await fetch(`http://${HOST}:${port}/api/`)).text()
      for (const { rest } of operations) assert.ok(page.includes(`${rest.method} ${rest.path}`), rest.path)
    } finally {
      await server.stop()
    }
  }),
)

const VALIDATOR = 'openapi_spec_validator'
const hasValidator = spawnSync('python3', ['-c', `import ${VALIDATOR}`]).status === 0
if (!hasValidator) console.log(`SKIP provision rest test: python3 has no ${VALIDATOR}`)

;(hasValidator ? test : test.skip)(
  'the description is valid OpenAPI 3.1',
  deadline(120_000, async () => {
    const script = `import json, sys
from ${VALIDATOR} import OpenAPIV31SpecValidator
print(json.dumps([error.message for error in OpenAPIV31SpecValidator(json.load(sys.stdin)).iter_errors()]))`
    const faultsOf = (document: unknown): string[] => {
      const { stdout, stderr } = spawnSync('python3', ['-c', script], { input: JSON.stringify(document) })
      return JSON.parse(stdout.toString() || JSON.stringify([stderr.toString()]))
    }
    const document = openApi('http://192.0.2.1:9200/api/v1')
    assert.equal(faultsOf(document), [])
    assert.is.not(faultsOf({ openapi: '3.1.0', info: {}, paths: {} }).length, 0)
  }),
)

test.run()
