import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { parseVia } from '../../src/message/index.ts'
import { responseAddress, stampVia } from '../../src/transport/stamp.ts'
import { optionsRequest } from './support.ts'

const test = suite('sip transport stamp')

const from = { host: '192.0.2.9', port: 1234 }
const B = 'branch=z9hG4bKa'
const stamps: [what: string, before: string, after: string][] = [
  ['the true host stays as it is', `192.0.2.9:5060;${B}`, `192.0.2.9:5060;${B}`],
  ['another host gets received', `10.0.0.1:5060;${B}`, `10.0.0.1:5060;${B};received=192.0.2.9`],
  ['a name gets received', `phone.example.net;${B}`, `phone.example.net;${B};received=192.0.2.9`],
  ['rport is filled, with received', `192.0.2.9;rport;${B}`, `192.0.2.9;rport=1234;${B};received=192.0.2.9`],
  ['a claimed received is overwritten', `10.0.0.1;received=203.0.113.1;${B}`, `10.0.0.1;${B};received=192.0.2.9`],
  ['a claimed received of the true host is removed', `192.0.2.9;received=203.0.113.1;${B}`, `192.0.2.9;${B}`],
  ['a claimed rport is overwritten', `10.0.0.1;rport=9;${B}`, `10.0.0.1;rport=1234;${B};received=192.0.2.9`],
]
for (const [what, before, after] of stamps) {
  test(what, () => {
    const request = optionsRequest({ via: before })
    stampVia(request, from)
    assert.equal(request.headers.get('Via'), `SIP/2.0/UDP ${after}`)
  })
}

test('only the topmost Via is stamped, in one line or in several', () => {
  const request = optionsRequest({
    via: `10.0.0.1;${B}, SIP/2.0/UDP 10.0.0.2;rport;branch=z9hG4bKb`,
    headers: 'Via: SIP/2.0/TCP 10.0.0.3;branch=z9hG4bKc\r\n',
  })
  stampVia(request, from)
  assert.deepEqual(request.headers.getAll('Via'), [
    `SIP/2.0/UDP 10.0.0.1;${B};received=192.0.2.9, SIP/2.0/UDP 10.0.0.2;rport;branch=z9hG4bKb`,
    'SIP/2.0/TCP 10.0.0.3;branch=z9hG4bKc',
  ])
})

const ways: [via: string, host: string, port: number][] = [
  ['192.0.2.1', '192.0.2.1', 5060],
  ['192.0.2.1:5070', '192.0.2.1', 5070],
  ['10.0.0.1:5070;received=192.0.2.1', '192.0.2.1', 5070],
  ['10.0.0.1:5070;received=192.0.2.1;rport=99', '192.0.2.1', 99],
  ['10.0.0.1;received=[2001:db8::1];rport', '2001:db8::1', 5060],
]
for (const [via, host, port] of ways) {
  test(`a response by ${via} goes to ${host} port ${port}`, () => {
    assert.deepEqual(responseAddress(parseVia(`SIP/2.0/UDP ${via}`)), { host, port })
  })
}

test.run()
