import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AccountView } from '../../src/call-control/account-view.ts'
import { decideAdmission, refuseBind } from '../../src/call-control/admission.ts'
import { planCall } from '../../src/call-control/call-plan.ts'
import type { AdmitQuery, AuthVerdict } from '../../src/delegates.ts'
import type { StoredBinding } from '../../src/registrar/bindings.ts'

const test = suite('sip: admission and call plan')

const NOW = 1_700_000_000_000
const EVERY = ['SHA-512-256', 'SHA-256', 'MD5']
const alice: AccountView = {
  kind: 'account',
  aor: 'alice@example.com',
  aliases: ['sales@example.com'],
  displayName: 'Alice',
  groups: ['free-pstn'],
  callLimit: 3,
  algorithms: ['SHA-256', 'MD5'],
}
const query: AdmitQuery = {
  aor: 'alice@example.com',
  method: 'INVITE',
  from: 'alice@example.com',
  source: { host: '127.0.0.1', port: 5070 },
}
const failed = (cause: Exclude<AuthVerdict, { ok: true }>['cause']): AuthVerdict => ({ ok: false, cause })

test('who may call is admitted with name, groups and limit', () => {
  assert.equal(decideAdmission(alice, query, { ok: true }), {
    verdict: 'admit',
    account: 'alice@example.com',
    identity: 'alice@example.com',
    displayName: 'Alice',
    groups: ['free-pstn'],
    callLimit: 3,
  })
  assert.is(decideAdmission(alice, { ...query, from: 'sales@EXAMPLE.com' }, { ok: true }).verdict, 'admit')
})

test('every refusal has its answer', () => {
  const blocked = { ...alice, groups: ['blocked'] }
  const md5 = { ...alice, algorithms: ['MD5'] }
  const complete = { ...alice, algorithms: EVERY }
  const table: [AccountView | undefined, Partial<AdmitQuery>, AuthVerdict, unknown][] = [
    [alice, {}, failed('no-credentials'), { verdict: 'challenge', stale: false, algorithms: ['SHA-256', 'MD5'] }],
    [undefined, {}, failed('no-credentials'), { verdict: 'challenge', stale: false, algorithms: EVERY }],
    [complete, {}, failed('no-credentials'), { verdict: 'challenge', stale: false, algorithms: EVERY }],
    [md5, {}, failed('no-credentials'), { verdict: 'challenge', stale: false, algorithms: ['SHA-256', 'MD5'] }],
    [md5, {}, failed('unsupported-algorithm'), { verdict: 'challenge', stale: false, algorithms: ['MD5'] }],
    [alice, {}, failed('stale'), { verdict: 'challenge', stale: true, algorithms: ['SHA-256', 'MD5'] }],
    [alice, {}, failed('replay'), { verdict: 'challenge', stale: true, algorithms: ['SHA-256', 'MD5'] }],
    [alice, {}, failed('wrong-password'), { verdict: 'refuse', status: 403, reason: 'Forbidden' }],
    [undefined, {}, failed('unknown-user'), { verdict: 'refuse', status: 403, reason: 'Forbidden' }],
    [blocked, {}, { ok: true }, { verdict: 'refuse', status: 403, reason: 'Account Blocked' }],
    [
      alice,
      { from: 'bob@example.com' },
      { ok: true },
      { verdict: 'refuse', status: 403, reason: 'From Is Not Your Address' },
    ],
    [
      alice,
      { from: 'Alice@example.com' },
      { ok: true },
      { verdict: 'refuse', status: 403, reason: 'From Is Not Your Address' },
    ],
  ]
  for (const [account, change, verdict, expected] of table) {
    assert.equal(decideAdmission(account, { ...query, ...change }, verdict), expected)
  }
})

test('a registration is refused as a call is', () => {
  assert.is(refuseBind(alice, { ok: true }), undefined)
  assert.equal(refuseBind({ ...alice, groups: ['blocked'] }, { ok: true }), {
    verdict: 'refuse',
    status: 403,
    reason: 'Account Blocked',
  })
  assert.equal(refuseBind(undefined, failed('unknown-user')), refuseBind(alice, failed('wrong-password')))
})

const binding = (contact: string, change: Partial<StoredBinding> = {}): StoredBinding => ({
  id: contact,
  contact,
  params: {},
  q: 1_000,
  callId: 'c',
  cseq: 1,
  expiresAt: NOW + 1_000,
  updatedAt: NOW,
  edge: 'n1',
  flow: 'f1',
  path: [],
  userAgent: '',
  source: { host: '127.0.0.1', port: 5070 },
  transport: 'udp',
  nat: false,
  ...change,
})

test('a plan names the live devices, highest q first, newest first among equals', () => {
  const plan = planCall(
    alice,
    [
      binding('sip:low@a', { q: 100 }),
      binding('sip:gone@a', { expiresAt: NOW }),
      binding('sip:old@a', { updatedAt: NOW - 5 }),
      binding('sip:new@a', { path: ['<sip:p;lr>'], instance: 'i' }),
    ],
    NOW,
  )
  assert.equal(plan.verdict === 'ring' && plan.targets.map((target) => target.uri), [
    'sip:new@a',
    'sip:old@a',
    'sip:low@a',
  ])
  assert.equal(plan.verdict === 'ring' && plan.targets[0], {
    uri: 'sip:new@a',
    edge: 'n1',
    flow: 'f1',
    path: ['<sip:p;lr>'],
    q: 1_000,
    instance: 'i',
  })
})

test('offline and blocked are 480, unknown is 404, an alias redirects', () => {
  const status = (...args: Parameters<typeof planCall>) => {
    const plan = planCall(...args)
    return plan.verdict === 'refuse' ? plan.status : plan.verdict
  }
  assert.is(status(alice, [], NOW), 480)
  assert.is(status({ ...alice, groups: ['blocked'] }, [binding('sip:a@a')], NOW), 480)
  assert.is(status(undefined, [], NOW), 404)
  assert.equal(planCall({ kind: 'alias', aor: 'x@e', target: 'y@e' }, [], NOW), { verdict: 'redirect', aor: 'y@e' })
})

test('more devices than can be rung are cut', () => {
  const many = Array.from({ length: 30 }, (_, i) => binding(`sip:${i}@a`))
  const plan = planCall(alice, many, NOW)
  assert.is(plan.verdict === 'ring' && plan.targets.length, 10)
})

test.run()
