import { SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  chooseName,
  chooseZone,
  createInvite,
  createInviteRecord,
  formatInvite,
  type Grant,
  parseInvite,
  redeemInvite,
} from '../../src/admission/invite.ts'

const test = suite('admission: invites')

const random = new SimRandom(1)
const fingerprint = random.bytes(32)
const grant: Grant = { name: 'n2', placementId: 'ab'.repeat(16), roles: [], zone: '' }

test('the text of an invite says what the invite says', () => {
  for (const hosts of [['127.1.1.1'], ['10.0.0.1', '2001:db8::1', '::1'], ['fe80::1:2:3:4', '192.0.2.255']]) {
    const invite = createInvite(
      random,
      fingerprint,
      hosts.map((host, i) => ({ host, port: 7000 + i, key: `${i}f`.repeat(16) })),
    )
    const text = formatInvite(invite)
    assert.match(text, /^thor1-[A-Za-z0-9_-]+$/)
    const parsed = parseInvite(` ${text}\n`)
    assert.equal(parsed, { ...invite, fingerprint: Uint8Array.from(invite.fingerprint) })
  }
})

test('no more than three addresses are named', () => {
  const addresses = Array.from({ length: 5 }, (_, i) => ({ host: '127.1.1.1', port: 7000 + i, key: 'ab'.repeat(16) }))
  assert.is(createInvite(random, fingerprint, addresses).addresses.length, 3)
})

test('a damaged text is refused, wherever the damage is', () => {
  const text = formatInvite(
    createInvite(random, fingerprint, [{ host: '127.1.1.1', port: 7000, key: 'ab'.repeat(16) }]),
  )
  const damaged = ['', 'thor1-', 'thor2-abc', 'hello', `${text}A`, `${text} x`, 'thor1-'.padEnd(3000, 'A')]
  for (let i = 6; i < text.length; i++) damaged.push(text.slice(0, i))
  for (let i = 6; i < text.length - 1; i++) {
    damaged.push(`${text.slice(0, i)}${text[i] === 'A' ? 'B' : 'A'}${text.slice(i + 1)}`)
  }
  for (const one of damaged) {
    assert.throws(
      () => parseInvite(one),
      (error: { code: string }) => error.code === 'ADMISSION_INVITE_INVALID',
    )
  }
})

test('the record does not hold the secret', () => {
  const invite = createInvite(random, fingerprint, [])
  const record = createInviteRecord(invite, 1000)
  assert.not(JSON.stringify(record).includes(Buffer.from(invite.secret).toString('hex')))
  assert.is(record.expiresAt, 1000 + 24 * 3600 * 1000)
})

test('an invite makes one member, and repeats the answer for that one', () => {
  const invite = createInvite(random, fingerprint, [])
  const record = createInviteRecord(invite, 1000, 500)
  const { secret } = invite
  const first = redeemInvite(record, { secret, nodeId: 'a' }, grant, 1500)
  assert.ok(first.verdict === 'accepted' && first.isNew)
  const used = first.verdict === 'accepted' ? first.record : record
  const other: Grant = { ...grant, name: 'n3', placementId: 'cd'.repeat(16) }
  const cases = [
    { record: undefined, secret, nodeId: 'a', now: 1100, verdict: 'invalid' },
    { record, secret: random.bytes(16), nodeId: 'a', now: 1100, verdict: 'invalid' },
    { record, secret, nodeId: 'a', now: 1501, verdict: 'expired' },
    { record: used, secret, nodeId: 'b', now: 1100, verdict: 'used' },
    { record: used, secret: random.bytes(16), nodeId: 'a', now: 1100, verdict: 'invalid' },
    { record: used, secret, nodeId: 'a', now: 9999, verdict: 'accepted' },
  ]
  for (const { now, verdict, ...one } of cases) assert.is(redeemInvite(one.record, one, other, now).verdict, verdict)
  const again = redeemInvite(used, { secret, nodeId: 'a' }, other, 9999)
  assert.ok(again.verdict === 'accepted' && !again.isNew && again.grant.name === 'n2')
})

test('what the invite says of roles and zone counts, whatever the node wishes', () => {
  const invite = createInvite(random, fingerprint, [])
  const record = createInviteRecord(invite, 1000, 500, { roles: ['media_relay'], zone: 'z2', createdBy: 'a' })
  const wish: Grant = { ...grant, roles: ['sip_proxy', 'issuer'], zone: 'z1' }
  const made = redeemInvite(record, { secret: invite.secret, nodeId: 'b' }, wish, 1100)
  assert.ok(made.verdict === 'accepted')
  assert.equal(made.verdict === 'accepted' && made.grant, { ...wish, roles: ['media_relay'], zone: 'z2' })
})

test('names are unique and fit into host names', () => {
  const table: [string | undefined, string[], string][] = [
    [undefined, [], 'n1'],
    [undefined, ['n1'], 'n2'],
    [undefined, ['n2'], 'n3'],
    [undefined, ['berlin', 'n3'], 'n4'],
    ['Berlin', ['n1'], 'berlin'],
    ['berlin', ['berlin'], 'n2'],
    ['not a label', [], 'n1'],
    ['-x', [], 'n1'],
    ['x'.repeat(64), [], 'n1'],
  ]
  for (const [wish, taken, name] of table) assert.is(chooseName(wish, taken), name)
})

test('a zone is a host label, or the default one', () => {
  const table: [string | undefined, string][] = [
    [undefined, 'default'],
    ['', 'default'],
    ['Berlin-2', 'berlin-2'],
    ['a b', 'default'],
    ['-x', 'default'],
    ['x'.repeat(64), 'default'],
  ]
  for (const [wish, zone] of table) assert.is(chooseZone(wish), zone)
})

test.run()
