import { type Aor, silentLogger } from '@thor-node/core'
import { deadline, SimClock } from '@thor-node/core/testing'
import type { BindQuery } from '@thor-node/sip'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HomeAdapter } from '../../src/adapters/home.ts'
import type { RingAccess } from '../../src/adapters/ring-access.ts'

const test = suite('nodes: homes, seen from an edge')

function scene() {
  const asked: string[] = []
  const ring = {
    self: 'n1',
    ranges: { homeOf: () => 'n2' },
    rpc: { notify: (to: string, method: string, { aor }: { aor: Aor }) => asked.push(`${to} ${method} ${aor}`) },
    callHome: async (_: number, method: string, { aor }: { aor: Aor }) => {
      asked.push(`${method} ${aor}`)
      return { verdict: 'bound', contacts: [] }
    },
  } as unknown as RingAccess
  return { asked, home: new HomeAdapter({ ring, clock: new SimClock(), logger: silentLogger }) }
}

const query = (aor: Aor, more: Partial<BindQuery> = {}): BindQuery => ({
  aor,
  callId: 'c',
  cseq: 1,
  contacts: [],
  edge: 'n1',
  flow: 'u0-192.0.2.1-5060',
  path: [],
  userAgent: '',
  source: { host: '192.0.2.1', port: 5060 },
  transport: 'udp',
  nat: false,
  offers: ['SHA-256', 'MD5'],
  ...more,
})
const answer = { answer: {} as NonNullable<BindQuery['answer']> }

test(
  'who says nothing of himself is asked here; his home hears of it while nobody knows that the account exists',
  deadline(5_000, async () => {
    const { asked, home } = scene()
    assert.is((await home.bind(query('a@example.com'))).verdict, 'challenge')
    assert.equal(asked.splice(0), ['n2 home.asked a@example.com'])
    assert.is((await home.bind(query('a@example.com', answer))).verdict, 'bound')
    assert.equal(asked.splice(0), ['home.bind a@example.com'])
    assert.is((await home.bind(query('a@example.com'))).verdict, 'challenge')
    assert.equal(asked, [])
  }),
)

test(
  'what an account must tell by itself is asked of its home',
  deadline(5_000, async () => {
    const { asked, home } = scene()
    await home.bind(query('a@example.com', { offers: ['SHA-512-256', 'MD5'] }))
    assert.equal(asked, ['home.bind a@example.com'])
  }),
)

test.run()
