import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { parseFlow, streamFlow, udpFlow } from '../../src/transport/flow.ts'

const test = suite('sip transport flow')

for (const host of ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', '2001:0db8:1111:2222:3333:4444:255.255.255.255']) {
  test(`a flow to ${host} survives being written, fits into a URI and 80 characters`, () => {
    const remote = { host, port: 65_535 }
    const udp = udpFlow(12, remote)
    assert.deepEqual(parseFlow(udp), { transport: 'udp', point: 12, remote })
    const streams = (['tcp', 'tls', 'ws', 'wss'] as const).map((transport) => {
      const token = streamFlow(transport, '0123456789zzzzzzz', remote)
      assert.deepEqual(parseFlow(token), { transport, connection: '0123456789zzzzzzz', remote })
      return token
    })
    assert.equal(new Set(streams).size, 4)
    for (const token of [udp, ...streams]) {
      assert.match(token, /^[A-Za-z0-9._-]+$/)
      assert.ok(token.length <= 80, token)
    }
  })
}

const foreign = [
  '',
  'u',
  'u0-192.0.2.1',
  'u0-192.0.2.1-0',
  'u0-192.0.2.1-65536',
  'u0-192.0.2.999-5060',
  'y0-192.0.2.1-5060',
]
for (const token of [...foreign, 'u0-192.0.2.1-5060\r\n', `t${'a'.repeat(21)}-192.0.2.1-5060`]) {
  test(`${JSON.stringify(token)} is no flow`, () => {
    assert.equal(parseFlow(token), undefined)
  })
}

test.run()
