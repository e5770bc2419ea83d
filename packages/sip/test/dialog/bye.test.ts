import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { dialogRecord } from '../../src/dialog/record.ts'
import { formatNameAddr, makeRequest, makeResponse } from '../../src/message/index.ts'
import { buildBye } from '../../src/ua/bye.ts'

const test = suite('sip: dialog record and BYE')

const OURS = '<sip:10.0.0.1;lr;thor=x>'
const invite = makeRequest({
  method: 'INVITE',
  uri: 'sip:bob@example.com',
  from: '"Alice" <sip:alice@example.com>;tag=a',
  to: '<sip:bob@example.com>',
  callId: 'c',
  cseq: 41,
  headers: [
    ['Contact', '<sip:alice@10.0.0.8>'],
    ['Record-Route', '<sip:near-alice;lr>'],
    ['User-Agent', 'desk'],
  ],
})
const answer = makeResponse(invite, 200, 'OK', {
  toTag: 'b',
  headers: [
    ['Contact', '<sip:bob@10.0.0.9;ob>'],
    ['Record-Route', '<sip:near-bob;lr>, <sip:middle;lr>'],
    ['Record-Route', OURS],
    ['Record-Route', '<sip:near-alice;lr>'],
  ],
})
const dialog = dialogRecord({
  callUuid: 'abc-0123456789abcdef01234567',
  invite,
  answer,
  caller: { identity: 'alice@example.com', reach: { edge: 'n1', flow: 'f1' } },
  callee: { identity: 'bob@example.com' },
})

test('both sides are remembered with what lies beyond us', () => {
  assert.is(dialog.caller.target, 'sip:alice@10.0.0.8')
  assert.equal(dialog.caller.routes, ['<sip:near-alice;lr>'])
  assert.equal([dialog.caller.edge, dialog.caller.flow, dialog.caller.userAgent], ['n1', 'f1', 'desk'])
  assert.is(dialog.callee.target, 'sip:bob@10.0.0.9;ob')
  assert.equal(dialog.callee.routes, ['<sip:middle;lr>', '<sip:near-bob;lr>'])
  assert.is(dialog.callee.edge, undefined)
  assert.equal([dialog.caller.tag, dialog.callee.tag], ['a', 'b'])
})

test('BYE speaks to each side in the name of the other', () => {
  const reason = { protocol: 'SIP', cause: 200, text: 'media "time-out"' } as const
  const toBob = buildBye(dialog, 'callee', reason)
  assert.is(toBob.uri, 'sip:bob@10.0.0.9;ob')
  assert.is(toBob.headers.get('From'), '"Alice" <sip:alice@example.com>;tag=a')
  assert.is(toBob.to.params.get('tag'), 'b')
  assert.equal(toBob.routes.map(formatNameAddr), ['<sip:middle;lr>', '<sip:near-bob;lr>'])
  assert.ok(toBob.cseq.number > 41)
  assert.is(toBob.headers.get('Reason'), 'SIP;cause=200;text="media time-out"')
  const toAlice = buildBye(dialog, 'caller', reason)
  assert.is(toAlice.uri, 'sip:alice@10.0.0.8')
  assert.is(toAlice.from.params.get('tag'), 'b')
  assert.is(toAlice.to.params.get('tag'), 'a')
})

test.run()
