import { SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRequest } from '../../src/message/index.ts'
import { Challenger } from '../../src/proxy/challenge.ts'

const test = suite('sip: challenge')

const challenger = new Challenger(
  { clock: new SimClock(), random: new SimRandom(1), cookieKey: Buffer.alloc(32, 1) },
  { algorithms: ['MD5', 'SHA-256'] },
)

function offered(agent: string | undefined, algorithms: readonly string[], transport = 'UDP'): string[] {
  const userAgent: [string, string][] = agent === undefined ? [] : [['User-Agent', agent]]
  const request = makeRequest({
    method: 'REGISTER',
    uri: 'sip:example.com',
    from: '<sip:bob@example.com>;tag=1',
    to: '<sip:bob@example.com>',
    callId: 'c',
    cseq: 1,
    headers: [['Via', `SIP/2.0/${transport} a.invalid;branch=z9hG4bK1`], ...userAgent],
  })
  const headers = challenger.headers(request, 'WWW-Authenticate', 'example.com', { stale: false, algorithms })
  return headers.map(([, value]) => /algorithm=([\w-]+)/.exec(value)?.[1] ?? '')
}

test('each algorithm has a header, in the configured order', () => {
  assert.equal(offered(undefined, ['SHA-256', 'MD5']), ['MD5', 'SHA-256'])
  assert.equal(offered('Linphone/5.1', ['SHA-256', 'MD5']), ['MD5', 'SHA-256'])
})

test('an account that has one kind of hash only is challenged with it', () => {
  assert.equal(offered(undefined, ['MD5']), ['MD5'])
})

test('clients that give up at an algorithm they do not know are offered MD5 alone', () => {
  assert.equal(offered('baresip v1.0.0 (x86_64/linux)', ['SHA-256', 'MD5']), ['MD5'])
  assert.equal(offered('baresip v3.1.0 (x86_64/linux)', ['SHA-256', 'MD5']), ['MD5', 'SHA-256'])
})

test('over WebSocket MD5 comes last, since libraries for browsers see the last challenge alone', () => {
  const both = ['SHA-256', 'MD5']
  for (const transport of ['WS', 'WSS', 'wss']) assert.equal(offered('any', both, transport), ['SHA-256', 'MD5'])
  for (const transport of ['UDP', 'TLS', 'XYZ']) assert.equal(offered('any', both, transport), ['MD5', 'SHA-256'])
  assert.equal(offered('any', ['SHA-256'], 'WSS'), ['SHA-256'])
})

test.run()
