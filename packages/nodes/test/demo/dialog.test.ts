import { makeRequest, makeResponse, type SipRequest, serializeMessage } from '@thor-node/sip'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ackFor, calleeDialog, callerDialog, nextRequest } from '../../src/demo/dialog.ts'
import { audioAddress, makeSdp } from '../../src/demo/sdp.ts'

const dialogs = suite('demo/dialog')

const RECORD_ROUTES = ['<sip:192.0.2.2;lr;thor=AbC-_9>', '<sip:192.0.2.1;lr;thor=xYz>']

function invite(): SipRequest {
  return makeRequest({
    method: 'INVITE',
    uri: 'sip:bob@thor.local',
    from: '<sip:alice@thor.local>;tag=a1',
    to: '<sip:bob@thor.local>',
    callId: 'c1',
    cseq: 2,
    headers: [
      ['Contact', '<sip:alice@192.0.2.11:7000>'],
      ...RECORD_ROUTES.map((route) => ['Record-Route', route] as const),
    ],
  })
}

const lines = (request: SipRequest): string[] => serializeMessage(request).toString('latin1').split('\r\n')

dialogs('the caller walks the routes backwards', () => {
  const request = invite()
  const answer = makeResponse(request, 200, 'OK', {
    toTag: 'b1',
    recordRoute: true,
    headers: [['Contact', '<sip:bob@192.0.2.12:7001>']],
  })
  const dialog = callerDialog(request, answer, '<sip:alice@192.0.2.11:7000>')
  const { request: bye, dialog: after } = nextRequest(dialog, 'BYE')
  const text = lines(bye)
  assert.is(text[0], 'BYE sip:bob@192.0.2.12:7001 SIP/2.0')
  assert.equal(bye.headers.getAll('Route'), RECORD_ROUTES.toReversed())
  assert.is(bye.headers.get('From'), '<sip:alice@thor.local>;tag=a1')
  assert.is(bye.headers.get('To'), '<sip:bob@thor.local>;tag=b1')
  assert.is(bye.headers.get('CSeq'), '3 BYE')
  assert.is(after.localCseq, 3)
  assert.is(ackFor(dialog).headers.get('CSeq'), '2 ACK')
})

dialogs('the callee walks them forwards and counts for itself', () => {
  const dialog = calleeDialog(invite(), 'b1', '<sip:bob@192.0.2.12:7001>')
  const { request: bye } = nextRequest(dialog, 'BYE')
  assert.is(lines(bye)[0], 'BYE sip:alice@192.0.2.11:7000 SIP/2.0')
  assert.equal(bye.headers.getAll('Route'), RECORD_ROUTES)
  assert.is(bye.headers.get('From'), '<sip:bob@thor.local>;tag=b1')
  assert.is(bye.headers.get('To'), '<sip:alice@thor.local>;tag=a1')
  assert.is(bye.headers.get('CSeq'), '1 BYE')
})

dialogs('SDP tells where the sound goes', () => {
  const address = { host: '192.0.2.11', port: 4000 }
  assert.equal(audioAddress(makeSdp(address, 1)), address)
  const text = Buffer.from(makeSdp(address, 1)).toString()
  const with_ = (from: string | RegExp, to: string): Uint8Array => Buffer.from(text.replace(from, to))
  assert.equal(audioAddress(with_(/$/, 'c=IN IP4 192.0.2.99\r\n')), { host: '192.0.2.99', port: 4000 })
  assert.is(audioAddress(with_('m=audio 4000', 'm=audio 0')), undefined)
  assert.is(audioAddress(with_('RTP/AVP 0', 'RTP/AVP 8')), undefined)
  assert.is(audioAddress(Buffer.from('nonsense')), undefined)
  assert.is(audioAddress(new Uint8Array(0)), undefined)
})

dialogs.run()
