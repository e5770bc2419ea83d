import { type Aor, digestResponse, rangeOf, recordKey, Sealer, sleep } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { type AccountRecord, makeCredentials, sealCredentials } from '@thor-node/provision'
import type { AdmitQuery, BindQuery, DigestAnswer, UnbindQuery } from '@thor-node/sip'
import { makeNonce } from '@thor-node/sip'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AccountsCache } from '../../src/adapters/accounts-cache.ts'
import { HomeService } from '../../src/adapters/home-service.ts'
import { FAILED_LOGINS_WAITING_MAX } from '../../src/adapters/limits.ts'
import { MemoryRing } from '../support/memory-ring.ts'

const test = suite('nodes: home of accounts')

const KEY = new Uint8Array(32).fill(3)
const ALICE = 'alice@example.com'
const SOURCE = { host: '127.42.5.9', port: 5070 }

function scene() {
  const clock = new SimClock()
  const random = new SimRandom(1)
  const ring = new MemoryRing({ clock })
  const sealer = new Sealer(Buffer.alloc(32, 1), random)
  const accounts = new AccountsCache({ clock, reg: ring.reg })
  const home = new HomeService({ ring, accounts, sealer, clock }, { cookieKey: KEY })
  const account = (aor: Aor, change: Partial<AccountRecord> = {}): void => {
    const record = {
      kind: 'account',
      aor,
      sealedCredentials: sealCredentials(sealer, makeCredentials(aor, 'secret')),
      firstName: 'Alice',
      lastName: 'Liddell',
      groups: [],
      callLimit: 3,
      aliases: [],
      ...change,
    }
    ring.reg.put(recordKey('acct', aor), record)
    ring.reg.tell(`acct/${aor}`)
  }
  const alias = (aor: Aor, target: Aor): void => {
    ring.reg.put(recordKey('acct', aor), { kind: 'alias', aor, target, owner: 1, changedAt: 0 })
    ring.reg.tell(`acct/${aor}`)
  }
  let count = 0
  const answer = (change: { password?: string; nonce?: string; method?: string; nc?: string } = {}): DigestAnswer => {
    const { password = 'secret', nonce = makeNonce(KEY, clock.wall(), random), method = 'INVITE' } = change
    const nc = change.nc ?? (++count).toString(16).padStart(8, '0')
    const uri = 'sip:example.com'
    const counted = { nc, cnonce: 'c', qop: 'auth' }
    const ha1 = makeCredentials(ALICE, password).ha1Sha256 as string
    const response = digestResponse({ algorithm: 'SHA-256', ha1, method, uri, nonce, ...counted })
    return { username: 'alice', realm: 'example.com', nonce, uri, response, algorithm: 'SHA-256', method, ...counted }
  }
  /** What a refusal waits for passes. */
  const soon = async <T>(result: Promise<T>): Promise<T> => {
    await clock.advance(50)
    return result
  }
  const admit = (change: Partial<AdmitQuery> = {}) =>
    soon(home.admit({ aor: ALICE, method: 'INVITE', from: ALICE, source: SOURCE, answer: answer(), ...change }))
  const bind = (change: Partial<BindQuery> = {}) =>
    soon(
      home.bind({
        aor: ALICE,
        answer: answer({ method: 'REGISTER' }),
        callId: 'r',
        cseq: ++count,
        contacts: [{ contact: 'sip:alice@127.42.5.9:5070', params: {}, q: 1_000, expires: 300 }],
        edge: 'e',
        flow: 'u0-127.42.5.9-5070',
        path: [],
        userAgent: 'phone',
        source: SOURCE,
        transport: 'udp',
        nat: false,
        ...change,
      }),
    )
  const plan = (aor: Aor = ALICE) => home.plan({ aor, method: 'INVITE' })
  return {
    clock,
    random,
    ring,
    home,
    account,
    alias,
    answer,
    admit,
    bind,
    plan,
    unbind: (query: UnbindQuery) => home.unbind(query),
    nonce: () => makeNonce(KEY, clock.wall(), random),
  }
}

test(
  'who proves who he is, is admitted; others are asked, or refused alike whether the account exists or not',
  deadline(2_000, async () => {
    const { account, admit, answer } = scene()
    const unknown = await admit()
    account(ALICE)
    assert.equal(await admit(), {
      verdict: 'admit',
      account: ALICE,
      identity: ALICE,
      displayName: 'Alice Liddell',
      groups: [],
      callLimit: 3,
    })
    assert.equal(await admit({ answer: answer({ password: 'guess' }) }), unknown)
    const asked = await admit({ answer: undefined })
    assert.is(asked.verdict, 'challenge')
    assert.equal(await admit({ aor: 'nobody@example.com', answer: undefined }), asked)
  }),
)

test(
  'an unknown user and a wrong password are answered after the same time, a right one at once',
  deadline(2_000, async () => {
    const { clock, ring, account, home, answer } = scene()
    account(ALICE)
    account('late@example.com')
    // An account that is not in the cache takes a read of the ring.
    ring.reg.before = (_, name) => (name.includes('nobody') ? sleep(clock, 20) : undefined)
    const took = async (aor: Aor, password: string): Promise<number> => {
      const startedAt = clock.now()
      let at: number | undefined
      const query = { aor, method: 'INVITE', from: aor, source: SOURCE, answer: answer({ password }) }
      const result = home.admit(query).then(() => {
        at = clock.now() - startedAt
      })
      for (let i = 0; i < 100 && at === undefined; i++) await clock.advance(1)
      await result
      return at as number
    }
    assert.is(await took(ALICE, 'guess'), 50)
    assert.is(await took('nobody@example.com', 'guess'), 50)
    assert.is(await took(ALICE, 'secret'), 0)
    const guess = (): Promise<unknown> =>
      home.admit({ aor: ALICE, method: 'INVITE', from: ALICE, source: SOURCE, answer: answer({ password: 'guess' }) })
    const held = Array.from({ length: FAILED_LOGINS_WAITING_MAX }, guess)
    const onTop = await guess()
    await clock.advance(50)
    for (const one of await Promise.all(held)) assert.equal(one, onTop, 'the same, at once')
  }),
)

test(
  'who is there is asked without a look at the account; SHA-512/256 is offered to those alone that have it',
  deadline(2_000, async () => {
    const { ring, random, account, admit } = scene()
    account(ALICE)
    const old = { ...makeCredentials('old@example.com', 'x') }
    delete old.ha1Sha512256
    account('old@example.com', { sealedCredentials: sealCredentials(new Sealer(Buffer.alloc(32, 1), random), old) })
    const asked = async (aor: Aor, offers: string[]) => {
      const result = await admit({ aor, from: aor, answer: undefined, offers })
      return result.verdict === 'challenge' ? result.algorithms : []
    }
    const reads = ring.reg.reads
    assert.equal(await asked('old@example.com', ['MD5', 'SHA-256']), await asked(ALICE, ['MD5', 'SHA-256']))
    assert.is(ring.reg.reads, reads)
    const offers = ['SHA-512-256', 'MD5']
    assert.equal(await asked('old@example.com', offers), ['SHA-256', 'MD5'])
    assert.equal(await asked(ALICE, offers), ['SHA-512-256', 'SHA-256', 'MD5'])
    assert.equal(await asked('nobody@example.com', offers), await asked(ALICE, offers))
  }),
)

test(
  'who judges for a silent home takes nothing that the home may have counted, and the home nothing after it',
  deadline(2_000, async () => {
    const { clock, ring, account, admit, answer, nonce } = scene()
    account(ALICE)
    const use = async (text: string, nc: string) => {
      const result = await admit({ answer: answer({ nonce: text, nc }) })
      return result.verdict === 'challenge' ? `stale ${result.stale}` : result.verdict
    }
    const counted = nonce()
    ring.foreignRanges.add(rangeOf(ALICE))
    await clock.advance(10)
    assert.is(await use(counted, '00000001'), 'stale true', 'the home may have taken it')
    const next = nonce()
    assert.is(await use(next, '00000001'), 'admit')
    assert.is(ring.calls.at(-1), 'other home.judged')
    await clock.advance(6_000)
    assert.is(await use(next, '00000002'), 'stale true', 'the home may have been back meanwhile')

    const mine = nonce()
    ring.foreignRanges.clear()
    ring.served.get('home.judged')?.({ range: rangeOf(ALICE), madeAt: clock.wall() }, 'other')
    assert.is(await use(mine, '00000001'), 'stale true', 'another has judged meanwhile')
    await clock.advance(10)
    assert.is(await use(nonce(), '00000001'), 'admit')
  }),
)

test(
  'an access list lets its account come from there alone, and the right password from elsewhere is a wrong one',
  deadline(2_000, async () => {
    const { account, admit, bind, answer } = scene()
    account(ALICE, { acl: [{ ip: '127.42.5.0', mask: 24 }] })
    assert.is((await admit()).verdict, 'admit')
    const elsewhere = { source: { host: '127.42.6.9', port: 5070 } }
    const wrong = await admit({ answer: answer({ password: 'guess' }) })
    assert.equal(await admit(elsewhere), wrong)
    assert.equal(await bind({ ...elsewhere }), wrong)
    account(ALICE, { acl: [{ ip: '2001:db8::', mask: 32 }] })
    assert.equal(await admit(), wrong)
    account(ALICE, { acl: [] })
    assert.is((await admit(elsewhere)).verdict, 'admit')
  }),
)

test(
  'From may be an alias, as long as the alias says so itself',
  deadline(2_000, async () => {
    const { account, alias, admit } = scene()
    account(ALICE, { aliases: ['sales@example.com'] })
    const verdict = async (): Promise<string> => (await admit({ from: 'sales@example.com' })).verdict
    assert.is(await verdict(), 'refuse', 'the list alone is not enough')
    alias('sales@example.com', ALICE)
    assert.is(await verdict(), 'admit')
    alias('sales@example.com', 'bob@example.com')
    assert.is(await verdict(), 'refuse', 'it is another account’s now')
    account('sales@example.com')
    assert.is(await verdict(), 'refuse', 'it is an account of its own now')
    assert.is((await admit({ from: 'bob@example.com' })).verdict, 'refuse')
  }),
)

test(
  'a caller is known by the address that he prefers as long as it is his; without a name by his own',
  deadline(2_000, async () => {
    const { account, alias, admit } = scene()
    account(ALICE, { aliases: ['sales@example.com'] })
    const identity = async (change: Partial<AdmitQuery>) => {
      const admission = await admit(change)
      return admission.verdict === 'admit' && admission.identity
    }
    const preferred = ['bob@example.com', 'sales@example.com']
    assert.is(await identity({ preferred }), ALICE, 'the list alone is not enough')
    alias('sales@example.com', ALICE)
    assert.is(await identity({ preferred }), 'sales@example.com')
    assert.is(await identity({ from: 'anonymous@anonymous.invalid', anonymous: true }), ALICE)
    assert.is(await identity({ from: 'anonymous@anonymous.invalid' }), false)
  }),
)

test(
  'a flow that is gone takes its binding with it, by whatever address of the account it was made',
  deadline(2_000, async () => {
    const { account, alias, bind, plan, unbind } = scene()
    account(ALICE, { aliases: ['sales@example.com'] })
    alias('sales@example.com', ALICE)
    await bind({ nat: true })
    await unbind({ aor: 'sales@example.com', edge: 'e', flow: 'another' })
    assert.is((await plan()).verdict, 'ring')
    await unbind({ aor: 'sales@example.com', edge: 'e', flow: 'u0-127.42.5.9-5070' })
    assert.is((await plan()).verdict, 'refuse')
    await unbind({ aor: 'nobody@example.com', edge: 'e', flow: 'f' })
  }),
)

test(
  'a blocked account neither calls, nor registers, nor rings',
  deadline(2_000, async () => {
    const { account, admit, bind, plan } = scene()
    account(ALICE)
    await bind()
    assert.is((await plan()).verdict, 'ring')
    account(ALICE, { groups: ['blocked'] })
    for (const refusal of [await admit(), await bind()]) {
      assert.equal(refusal, { verdict: 'refuse', status: 403, reason: 'Account Blocked' })
    }
    const refusal = await plan()
    assert.is(refusal.verdict === 'refuse' && refusal.status, 480)
  }),
)

test(
  'a nonce count is used once; a new home asks once more instead of taking what the old one has counted',
  deadline(2_000, async () => {
    const { clock, ring, account, admit, answer, nonce } = scene()
    account(ALICE)
    const first = nonce()
    const use = async (text: string, nc: string) => {
      const result = await admit({ answer: answer({ nonce: text, nc }) })
      return result.verdict === 'challenge' ? `stale ${result.stale}` : result.verdict
    }
    assert.is(await use(first, '00000001'), 'admit')
    assert.is(await use(first, '00000001'), 'stale true')
    assert.is(await use(first, '00000002'), 'admit')
    const elsewhere = nonce()
    await clock.advance(1_000)
    ring.gain(rangeOf(ALICE))
    assert.is(await use(elsewhere, '00000001'), 'stale true')
    assert.is(await use(nonce(), '00000001'), 'admit')
    const another = nonce()
    await clock.advance(1_000)
    ring.gain((rangeOf(ALICE) + 1) % 4_096)
    assert.is(await use(another, '00000001'), 'admit', 'other ranges do not matter')
  }),
)

test(
  'devices register, are found by account and alias, refresh, leave and expire',
  deadline(2_000, async () => {
    const { clock, account, alias, bind, plan } = scene()
    account(ALICE)
    alias('sales@example.com', ALICE)
    assert.is((await bind({ answer: undefined })).verdict, 'challenge')
    const bound = await bind()
    assert.is(bound.verdict === 'bound' && bound.contacts[0]?.expires, 300)
    await bind({ aor: 'sales@example.com', contacts: [{ contact: 'sip:b@h', params: {}, q: 500, expires: 60 }] })
    const found = await plan()
    assert.equal(found.verdict === 'ring' && found.targets.map(({ uri }) => uri), [
      'sip:alice@127.42.5.9:5070',
      'sip:b@h',
    ])
    assert.equal(await plan('sales@example.com'), { verdict: 'redirect', aor: ALICE })
    assert.is((await plan('nobody@example.com')).verdict, 'refuse')
    await clock.advance(61_000)
    const later = await plan()
    assert.is(later.verdict === 'ring' && later.targets.length, 1)
    const all = await bind({ contacts: 'all' })
    assert.equal(all, { verdict: 'bound', contacts: [] })
    assert.is((await plan()).verdict, 'refuse')
  }),
)

test(
  'SIP-20: what bars a caller does not bar an emergency call, and is told; a wrong password does',
  deadline(5_000, async () => {
    const { account, admit, answer } = scene()
    account(ALICE, { groups: ['blocked'], region: 'north' })
    assert.is((await admit()).verdict, 'refuse')
    const admission = await admit({ emergency: true })
    assert.ok(admission.verdict === 'admit')
    assert.equal([admission.region, admission.onlyEmergency], ['north', 'Account Blocked'])
    account(ALICE, { region: '' })
    const other = await admit({ emergency: true, from: 'bob@example.com' })
    assert.ok(other.verdict === 'admit')
    assert.equal([other.identity, other.onlyEmergency], [ALICE, 'From Is Not Your Address'])
    assert.is((await admit({ emergency: true, answer: answer({ password: 'wrong' }) })).verdict, 'refuse')
  }),
)

test(
  'EN-37: the trees of an account come with its admission',
  deadline(5_000, async () => {
    const { account, admit } = scene()
    account(ALICE, { enumTrees: ['e164.private.example', 'e164.arpa'] })
    const admission = await admit()
    assert.equal(admission.verdict === 'admit' && admission.trees, ['e164.private.example', 'e164.arpa'])
    account(ALICE, { enumTrees: [] })
    assert.ok(!('trees' in (await admit())))
  }),
)

test.run()
