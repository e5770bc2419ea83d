import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { BindingUpdate, BindQuery } from '../../src/delegates.ts'
import { applyBind, lostWith, type StoredBinding } from '../../src/registrar/bindings.ts'

const test = suite('sip: bindings')

const NOW = 1_700_000_000_000

const contact = (uri: string, change: Partial<BindingUpdate> = {}): BindingUpdate => ({
  contact: uri,
  params: {},
  q: 1_000,
  expires: 3_600,
  ...change,
})

const query = (contacts: BindQuery['contacts'], change: Partial<BindQuery> = {}): BindQuery => ({
  aor: 'bob@example.com',
  callId: 'c1',
  cseq: 1,
  contacts,
  edge: 'n1',
  flow: 'f1',
  path: [],
  userAgent: 'test',
  source: { host: '127.0.0.1', port: 5070 },
  transport: 'udp',
  nat: false,
  ...change,
})

/** Applies queries one after another and stores what they say. */
function register(queries: BindQuery[], nowMs = NOW) {
  let stored: StoredBinding[] = []
  let last = applyBind(stored, queries[0]!, nowMs)
  for (const [index, one] of queries.entries()) {
    if (index > 0) last = applyBind(stored, one, nowMs)
    const gone = new Set([...last.removes, ...last.puts.map((put) => put.id)])
    stored = [...stored.filter((binding) => !gone.has(binding.id)), ...last.puts]
  }
  return { stored, last }
}

const A = 'sip:bob@127.0.0.1:5070'
const B = 'sip:bob@127.0.0.2:5070'

test('expiry is granted by transport and NAT', () => {
  const table: [asked: number, transport: string, nat: boolean, granted: number][] = [
    [3_600, 'udp', false, 600],
    [3_600, 'udp', true, 120],
    [3_600, 'tcp', true, 600],
    [60, 'udp', true, 60],
    [300, 'udp', false, 300],
  ]
  for (const [expires, transport, nat, granted] of table) {
    const { last, stored } = register([query([contact(A, { expires })], { transport, nat })])
    assert.equal(last.result, {
      verdict: 'bound',
      contacts: [{ contact: A, params: {}, q: 1_000, expires: granted }],
    })
    assert.is(stored[0]?.expiresAt, NOW + granted * 1_000)
  }
})

test('too short is refused with what would do, 0 removes', () => {
  const { last } = register([query([contact(A, { expires: 30 })])])
  assert.equal(last.result, { verdict: 'refuse', status: 423, reason: 'Interval Too Brief', minExpires: 60 })
  const removed = register([query([contact(A), contact(B)]), query([contact(A, { expires: 0 })], { cseq: 2 })])
  assert.equal(
    removed.stored.map((binding) => binding.contact),
    [B],
  )
  const nothing = register([query([contact(A, { expires: 0 })])])
  assert.equal(nothing.last, { result: { verdict: 'bound', contacts: [] }, puts: [], removes: [] })
})

test('limits are those that are configured', () => {
  const limits = { expiresMin: 200, expiresMax: 300, contactsMax: 1 }
  const granted = (expires: number, nat = false) => {
    const { result } = applyBind([], query([contact(A, { expires })], { nat }), NOW, limits)
    return result.verdict === 'bound' ? result.contacts[0]?.expires : result
  }
  assert.is(granted(3_600), 300)
  assert.is(granted(3_600, true), 200, 'no NAT makes it shorter than the shortest')
  assert.equal(granted(199), { verdict: 'refuse', status: 423, reason: 'Interval Too Brief', minExpires: 200 })
  const { stored } = register([query([contact(A)])])
  const second = applyBind(stored, query([contact(B)], { callId: 'c2' }), NOW, limits)
  assert.is(second.result.verdict === 'refuse' && second.result.status, 403)
})

test('a query changes nothing and shows what lives', () => {
  const { stored } = register([query([contact(A), contact(B, { q: 500 })])])
  const shown = applyBind(stored, query([]), NOW + 10_500)
  assert.equal(shown.puts.length + shown.removes.length, 0)
  assert.equal(shown.result, {
    verdict: 'bound',
    contacts: [
      { contact: A, params: {}, q: 1_000, expires: 590 },
      { contact: B, params: {}, q: 500, expires: 590 },
    ],
  })
  const later = applyBind(stored, query([]), NOW + 600_000)
  assert.equal(later.result, { verdict: 'bound', contacts: [] })
})

test('* removes everything', () => {
  const { stored, last } = register([query([contact(A), contact(B)]), query('all', { cseq: 2 })])
  assert.equal(stored, [])
  assert.equal(last.result, { verdict: 'bound', contacts: [] })
})

test('a late CSeq of the same Call-ID is refused whole, that of another is not', () => {
  const first = query([contact(A)], { cseq: 5 })
  const late = register([first, query([contact(B), contact(A)], { cseq: 4 })])
  assert.is(late.last.result.verdict === 'refuse' && late.last.result.status, 500)
  assert.equal(
    late.stored.map((binding) => binding.contact),
    [A],
  )
  assert.is(register([first, query('all', { cseq: 4 })]).last.result.verdict, 'refuse')
  assert.is(register([first, query([contact(A)], { cseq: 1, callId: 'c2' })]).last.result.verdict, 'bound')
  assert.is(register([first, first]).last.result.verdict, 'bound', 'the same request through another node')
})

test('a refresh keeps the id of its binding though the URI is written otherwise', () => {
  const { stored } = register([
    query([contact('sip:bob@host.example:5070;x=1')]),
    query([contact('sip:%62ob@HOST.example:5070')], { cseq: 2, flow: 'f2' }),
  ])
  assert.is(stored.length, 1)
  assert.is(stored[0]?.flow, 'f2')
})

test('an instance is one device whatever its URI, and one flow for each reg-id', () => {
  const instance = (regId: string) => ({ params: { '+sip.instance': '"<urn:uuid:1>"', 'reg-id': regId } })
  const flow = (uri: string, regId: string, change: Partial<BindQuery> = {}) =>
    query([contact(uri, instance(regId))], { outbound: true, ...change })
  const moved = register([flow(A, '1'), flow(B, '1', { callId: 'c2' })])
  assert.equal(
    moved.stored.map((binding) => binding.contact),
    [B],
  )
  assert.is(moved.stored[0]?.instance, '"<urn:uuid:1>"')
  const two = register([flow(A, '1'), flow(A, '2', { callId: 'c2' })])
  assert.equal(
    two.stored.map(({ regId }) => regId),
    ['1', '2'],
  )
  const plain = register([query([contact(A, instance('1'))]), query([contact(B, instance('2'))], { callId: 'c2' })])
  assert.equal(
    plain.stored.map(({ contact: uri, regId }) => [uri, regId]),
    [[B, undefined]],
    'without outbound reg-id means nothing',
  )
})

test('a flow that ends takes what was reached by nothing else', () => {
  const { stored } = register([
    query([contact(A, { params: { '+sip.instance': '"<urn:uuid:1>"', 'reg-id': '1' } })], { outbound: true }),
    query([contact(B)], { nat: true, callId: 'c2' }),
    query([contact('sip:bob@127.0.0.3')], { callId: 'c3' }),
    query([contact('sip:bob@127.0.0.4')], { nat: true, flow: 'f2', callId: 'c4' }),
  ])
  const gone = lostWith(stored, { aor: 'bob@example.com', edge: 'n1', flow: 'f1' })
  assert.equal(
    stored.filter(({ id }) => gone.includes(id)).map((binding) => binding.contact),
    [A, B],
  )
  assert.equal(lostWith(stored, { aor: 'bob@example.com', edge: 'n2', flow: 'f1' }), [])
})

test('an eleventh contact is refused, a refresh among ten is not', () => {
  const ten = Array.from({ length: 10 }, (_, i) =>
    query([contact(`sip:bob@127.0.0.1:${6_000 + i}`)], { callId: `c${i}` }),
  )
  const full = register([...ten, query([contact(A)], { callId: 'new' })])
  assert.is(full.last.result.verdict === 'refuse' && full.last.result.status, 403)
  assert.is(full.stored.length, 10)
  const refreshed = register([...ten, query([contact('sip:bob@127.0.0.1:6003')], { callId: 'new' })])
  assert.is(refreshed.last.result.verdict, 'bound')
})

test.run()
