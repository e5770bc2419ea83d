import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CallPlan, Home } from '../../src/delegates.ts'
import { followPlan } from '../../src/routing/follow-plan.ts'
import { dnsResolver } from '../../src/routing/resolve.ts'

const test = suite('sip: routing')

const srv = [
  { name: 'b.example.org', port: 5062, priority: 20, weight: 1 },
  { name: 'a.example.org', port: 5061, priority: 10, weight: 1 },
]
const resolver = dnsResolver({
  srv: async (name) => (name === '_sip._udp.example.org' || name === '_sip._tcp.tcp.org' ? srv : []),
  addresses: async (name) =>
    ({ 'a.example.org': ['10.0.0.1'], 'b.example.org': ['10.0.0.2'], plain: ['10.0.0.3'] })[name] ?? [],
})

test('hosts are found as RFC 3263 says', async () => {
  const table: [Parameters<typeof resolver.resolve>[0], string[]][] = [
    [{ host: '192.0.2.1' }, ['udp 192.0.2.1:5060']],
    [{ host: '2001:db8::1', port: 5080, transport: 'tcp' }, ['tcp 2001:db8::1:5080']],
    [{ host: 'example.org' }, ['udp 10.0.0.1:5061', 'udp 10.0.0.2:5062']],
    [{ host: 'tcp.org' }, ['tcp 10.0.0.1:5061', 'tcp 10.0.0.2:5062']],
    [{ host: 'tcp.org', transport: 'udp' }, []],
    [{ host: 'plain' }, ['udp 10.0.0.3:5060']],
    [{ host: 'plain', port: 5099 }, ['udp 10.0.0.3:5099']],
    [{ host: 'nowhere' }, []],
  ]
  for (const [query, expected] of table) {
    const found = await resolver.resolve(query)
    assert.equal(
      found.map(({ transport, remote }) => `${transport} ${remote.host}:${remote.port}`),
      expected,
      query.host,
    )
  }
})

const homeOf = (plans: Record<string, CallPlan>): Home => ({
  servesDomain: (domain) => domain === 'e',
  plan: async ({ aor }) => plans[aor] ?? { verdict: 'refuse', status: 404, reason: 'Not Found' },
  admit: () => Promise.reject(new Error('not asked')),
  unbind: async () => undefined,
  bind: () => Promise.reject(new Error('not asked')),
})
const to = (aor: string): CallPlan => ({ verdict: 'redirect', aor })

test('aliases are followed to the end, in circles they end with 482', async () => {
  const ring: CallPlan = { verdict: 'ring', account: 'c@e', targets: [] }
  const chain = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`n${i}@e`, to(`n${i + 1}@e`)]))
  const home = homeOf({
    'a@e': to('b@e'),
    'b@e': to('c@e'),
    'c@e': ring,
    'x@e': to('y@e'),
    'y@e': to('x@e'),
    'o@e': to('z@far'),
    'bad@e': to('?'),
    ...chain,
  })
  const follow = async (aor: string) => followPlan(home, { aor, method: 'INVITE' })
  assert.equal(await follow('a@e'), { ...ring, trail: ['a@e', 'b@e', 'c@e'], diversions: [] })
  assert.equal(await follow('o@e'), { verdict: 'foreign', aor: 'z@far', trail: ['o@e', 'z@far'], diversions: [] })
  for (const [aor, status] of [
    ['x@e', 482],
    ['n0@e', 482],
    ['bad@e', 404],
    ['nobody@e', 404],
  ] as const) {
    const route = await follow(aor)
    assert.is(route.verdict === 'refuse' && route.status, status, aor)
  }
})

test.run()
