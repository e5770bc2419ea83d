import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRequest, type SipRequest } from '../../src/message/index.ts'
import { readRegister } from '../../src/registrar/registrar.ts'
import type { Source } from '../../src/transport/contract.ts'
import { udpFlow } from '../../src/transport/flow.ts'

const test = suite('sip: registrar')

const source: Source = {
  transport: 'udp',
  remote: { host: '10.0.0.9', port: 5070 },
  local: { host: '10.0.0.1', port: 5060 },
  flow: udpFlow(0, { host: '10.0.0.9', port: 5070 }),
}

function register(
  headers: readonly (readonly [string, string])[],
  to = '<sip:bob@example.com>',
  via = '10.0.0.9:5070',
): SipRequest {
  return makeRequest({
    method: 'REGISTER',
    uri: 'sip:example.com',
    from: '<sip:bob@example.com>;tag=1',
    to,
    callId: 'c',
    cseq: 4,
    headers: [['Via', `SIP/2.0/UDP ${via};branch=z9hG4bKx`], ...headers],
  })
}

const read = (...args: Parameters<typeof register>) =>
  readRegister(register(...args), source, 'edge', (domain) => domain === 'example.com')

const statusOf = (...args: Parameters<typeof register>): number | undefined => {
  const result = read(...args)
  return 'status' in result ? result.status : undefined
}

test('contacts, expiry and q are read with their defaults', () => {
  const result = read([
    ['Contact', '<sip:bob@10.0.0.9:5070;x=1>;q=0.25;expires=60;+sip.instance="<urn:uuid:1>", <sip:bob@10.0.0.9:5071>'],
    ['Expires', '90'],
    ['User-Agent', 'test'],
    ['Path', '<sip:p1;lr>, <sip:p2;lr>'],
  ])
  assert.equal(result, {
    aor: 'bob@example.com',
    callId: 'c',
    cseq: 4,
    contacts: [
      { contact: 'sip:bob@10.0.0.9:5070;x=1', params: { '+sip.instance': '"<urn:uuid:1>"' }, q: 250, expires: 60 },
      { contact: 'sip:bob@10.0.0.9:5071', params: {}, q: 1_000, expires: 90 },
    ],
    edge: 'edge',
    flow: source.flow,
    path: ['<sip:p1;lr>', '<sip:p2;lr>'],
    userAgent: 'test',
    source: { host: '10.0.0.9', port: 5070 },
    transport: 'udp',
    nat: false,
  })
})

test('a device whose Via names another address than it sends from is behind NAT', () => {
  const nat = (...args: Parameters<typeof register>) => {
    const result = read(...args)
    return 'nat' in result && result.nat
  }
  assert.is(nat([['Contact', '<sip:bob@10.0.0.9:5070>']]), false)
  assert.is(nat([['Contact', '<sip:bob@192.168.0.2:5070>']]), false)
  assert.is(nat([['Contact', '<sip:bob@10.0.0.9:5070>']], undefined, '192.168.0.2'), true)
})

test('without NAT a Contact elsewhere is reached at its own address, behind NAT on the flow of the registration', () => {
  const flows = (...args: Parameters<typeof register>) => {
    const result = read(...args)
    return 'contacts' in result && result.contacts !== 'all' ? result.contacts.map(({ flow }) => flow) : []
  }
  const elsewhere = ['Contact', '<sip:bob@10.0.0.7:5080>'] as const
  assert.equal(flows([elsewhere]), ['u0-10.0.0.7-5080'])
  assert.equal(flows([elsewhere], undefined, '192.168.0.2'), [undefined])
  assert.equal(flows([['Contact', '<sip:bob@10.0.0.7;transport=tcp>']]), [undefined])
  assert.equal(flows([['Contact', '<sip:bob@example.com:5080;maddr=10.0.0.7>']]), ['u0-10.0.0.7-5080'])
  // That socket sends nothing there.
  assert.equal(flows([['Contact', '<sip:bob@[2001:db8::7]:5080>']]), [undefined])
  assert.equal(flows([elsewhere, ['Path', '<sip:p1;lr>']]), [undefined])
})

test('what the edge can refuse it refuses', () => {
  const table: [number | undefined, ...Parameters<typeof register>][] = [
    [undefined, []],
    [undefined, [['Require', 'path, outbound']]],
    [420, [['Require', 'path, teleport']]],
    [404, [], '<sip:bob@elsewhere.org>'],
    [400, [], '<tel:+3120>'],
    [404, [], '<sip:example.com>'],
    [400, [['Contact', '*']]],
    [
      400,
      [
        ['Contact', '*'],
        ['Expires', '60'],
      ],
    ],
    [
      undefined,
      [
        ['Contact', '*'],
        ['Expires', '0'],
      ],
    ],
    [400, [['Contact', '<mailto:bob@example.com>']]],
    [403, Array.from({ length: 11 }, (_, i) => ['Contact', `<sip:bob@10.0.0.9:${6_000 + i}>`] as const)],
    [400, Array.from({ length: 21 }, () => ['Path', '<sip:p;lr>'] as const)],
  ]
  for (const [status, ...args] of table) assert.is(statusOf(...args), status, JSON.stringify(args))
})

test('credentials count for the realm of the address only', () => {
  const digest = (realm: string) =>
    ['Authorization', `Digest username="bob", realm="${realm}", nonce="n", uri="u", response="r"`] as const
  const answer = (realm: string) => {
    const result = read([digest(realm)])
    return 'answer' in result ? result.answer : undefined
  }
  assert.is(answer('example.com')?.username, 'bob')
  assert.is(answer('example.com')?.method, 'REGISTER')
  assert.is(answer('other.org'), undefined)
})

test.run()
