import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CallPlan, Home } from '../../src/delegates.ts'
import { followPlan } from '../../src/routing/follow-plan.ts'

const test = suite('sip: following plans')

const homeOf = (plans: Record<string, CallPlan>): Home => ({
  servesDomain: (domain) => domain === 'e',
  plan: async ({ aor }) => plans[aor] ?? { verdict: 'refuse', status: 404, reason: 'Not Found' },
  admit: () => Promise.reject(new Error('not asked')),
  unbind: async () => undefined,
  keep: async () => 'full',
  kept: async () => [],
  delivered: async () => undefined,
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
