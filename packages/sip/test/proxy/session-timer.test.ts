/** RFC 4028 §8, as pure functions and within a call. */
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRequest, makeResponse } from '../../src/message/index.ts'
import { askForRefreshes, grantRefreshes, refuseSession, sessionSeconds } from '../../src/proxy/session-timer.ts'
import { SDP } from './phone.ts'
import { house } from './scene.ts'

const test = suite('sip: session timers')

const TIMES = { interval: 1_800, min: 90 }
type Headers = readonly (readonly [string, string])[]

const request = (headers: Headers, method = 'INVITE') =>
  makeRequest({
    method,
    uri: 'sip:bob@example.com',
    from: '<sip:alice@example.com>;tag=1',
    to: '<sip:bob@example.com>',
    callId: 'c',
    cseq: 1,
    headers,
  })

test('who refreshes too often is told how often will do, if he would understand', () => {
  const table: [Headers, number | undefined, string?][] = [
    [[], undefined],
    [[['Session-Expires', '90']], undefined],
    [[['Session-Expires', '60']], undefined],
    [
      [
        ['Session-Expires', '60;refresher=uac'],
        ['Supported', '100rel, timer'],
      ],
      422,
    ],
    [
      [
        ['x', '60'],
        ['k', 'timer'],
      ],
      422,
    ],
    [
      [
        ['Session-Expires', '60'],
        ['Supported', 'timer'],
      ],
      undefined,
      'MESSAGE',
    ],
  ]
  for (const [headers, status, method] of table) {
    const refusal = refuseSession(request(headers, method), TIMES)
    assert.is(refusal?.status, status, JSON.stringify(headers))
    if (refusal) assert.equal(refusal.headers, [['Min-SE', '90']])
  }
})

test('refreshes are asked for where nobody did, as rarely as anybody wants', () => {
  const table: [Headers, [expires: string | undefined, min: string | undefined], number?, string?][] = [
    [[], ['1800', undefined]],
    [[['Min-SE', '3600']], ['3600', '3600']],
    [[['Session-Expires', '600;refresher=uas']], ['600;refresher=uas', undefined]],
    [[['Session-Expires', '60;refresher=uas']], ['90;refresher=uas', '90']],
    [[['Session-Expires', '60']], ['90', '90']],
    [[], [undefined, undefined], 0],
    [[], [undefined, undefined], 1_800, 'BYE'],
    [[], ['1800', undefined], 1_800, 'UPDATE'],
  ]
  for (const [headers, expected, interval = 1_800, method] of table) {
    const copy = request(headers, method)
    askForRefreshes(copy, { interval, min: 90 })
    assert.equal([copy.headers.get('Session-Expires'), copy.headers.get('Min-SE')], expected, JSON.stringify(headers))
  }
})

test('a callee who knows no timers leaves the refreshes to a caller who does', () => {
  const granted = (asked: Headers, answered: Headers = [], status = 200, times = TIMES) => {
    const invite = request(asked)
    const response = makeResponse(invite, status, undefined, { headers: answered })
    grantRefreshes(response, invite, times)
    return [response.headers.get('Session-Expires'), response.headers.get('Require')]
  }
  const timer = [['Supported', 'timer']] as const
  assert.equal(granted(timer), ['1800;refresher=uac', 'timer'])
  assert.equal(granted([...timer, ['Session-Expires', '300']]), ['300;refresher=uac', 'timer'])
  assert.equal(granted([...timer, ['Min-SE', '2000']]), ['2000;refresher=uac', 'timer'])
  assert.equal(granted([]), [undefined, undefined])
  assert.equal(granted(timer, [['Session-Expires', '600;refresher=uas']]), ['600;refresher=uas', undefined])
  assert.equal(granted(timer, [], 486), [undefined, undefined])
  assert.equal(granted(timer, [], 200, { interval: 0, min: 90 }), [undefined, undefined])
})

test('the time of a session is that of a 2xx', () => {
  const seconds = (value: string, status = 200, method = 'INVITE') =>
    sessionSeconds(makeResponse(request([], method), status, undefined, { headers: [['Session-Expires', value]] }))
  assert.is(seconds('600;refresher=uac'), 600)
  assert.is(seconds('soon'), undefined)
  assert.is(seconds('600', 183), undefined)
  assert.is(seconds('600', 200, 'OPTIONS'), undefined)
})

test(
  'a call is answered with the time that it is good for, and every refresh tells the ring',
  deadline(5_000, async () => {
    const { it } = await house()
    const node = await it.node('127.4.0.9', { sessions: TIMES })
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    const timer = ['Supported', 'timer'] as const
    const small = [timer, ['Session-Expires', '30']] as const
    alice.send(alice.build('INVITE', 'sip:bob@example.com', { headers: small }))
    assert.is((await alice.response('INVITE')).headers.get('Min-SE'), '90')

    const { request: sent } = await alice.authenticated('INVITE', 'sip:bob@example.com', {
      body: SDP,
      headers: [timer],
    })
    const invite = await bob.request('INVITE')
    assert.is(invite.headers.get('Session-Expires'), '1800')
    bob.reply(invite, 200, { body: SDP })
    const ok = await alice.next<typeof import('../../src/message/message.ts').Response.prototype>(
      (message) => message.kind === 'response' && message.status === 200,
      '200',
    )
    assert.is(ok.headers.get('Session-Expires'), '1800;refresher=uac')
    assert.is(ok.headers.get('Require'), 'timer')
    assert.is(it.answered[0]?.sessionSeconds, 1_800)
    alice.send(alice.inDialog('ACK', 'caller', sent, ok))
    await bob.request('ACK')
    alice.send(
      alice.inDialog('UPDATE', 'caller', sent, ok, { headers: [timer, ['Session-Expires', '600;refresher=uac']] }),
    )
    bob.reply(await bob.request('UPDATE'), 200)
    assert.is((await alice.response('UPDATE')).headers.get('Session-Expires'), '600;refresher=uac')
    assert.ok(it.log.includes('refreshed 600'))
    await it.stop()
  }),
)

test.run()
