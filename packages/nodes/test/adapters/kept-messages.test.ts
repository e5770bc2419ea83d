import { deadline, SimClock } from '@thor-node/core/testing'
import type { KeptMessage } from '@thor-node/sip'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { KeptMessageService, messagesKey } from '../../src/adapters/kept-messages.ts'
import { forgetDevices } from '../../src/adapters/provision.ts'
import { MemoryRing } from '../support/memory-ring.ts'

const test = suite('nodes: kept messages')

const AOR = 'bob@example.com'
const message = (number: number, sentAt = number): KeptMessage => ({
  id: `id${String(number).padStart(3, '0')}`,
  from: '<sip:alice@example.com>',
  contentType: 'text/plain',
  body: Buffer.from(`text ${number}`),
  sentAt,
})

function scene() {
  const ring = new MemoryRing({ clock: new SimClock() })
  return { ring, service: new KeptMessageService({ ring }) }
}

test(
  'messages are kept once each, listed as they were sent, and gone when delivered',
  deadline(2_000, async () => {
    const { service } = scene()
    assert.is(await service.keep({ aor: AOR, message: message(2) }), 'kept')
    assert.is(await service.keep({ aor: AOR, message: message(1) }), 'kept')
    assert.is(await service.keep({ aor: AOR, message: message(1) }), 'kept', 'the edge asked twice')
    const ids = async () => (await service.list(AOR)).map(({ id }) => id)
    assert.equal(await ids(), ['id001', 'id002'])
    await service.delivered({ aor: AOR, id: 'id001' })
    assert.equal(await ids(), ['id002'])
    assert.equal(await service.list('carl@example.com'), [])
  }),
)

test(
  'fifty are kept for an account, and no more',
  deadline(2_000, async () => {
    const { service } = scene()
    for (let number = 0; number < 50; number++) {
      assert.is(await service.keep({ aor: AOR, message: message(number) }), 'kept')
    }
    assert.is(await service.keep({ aor: AOR, message: message(50) }), 'full')
    assert.is(await service.keep({ aor: AOR, message: message(49) }), 'kept', 'it is there already')
    assert.is(await service.keep({ aor: 'carl@example.com', message: message(1) }), 'kept')
  }),
)

test(
  'a new device is always looked up for, a refresh where this node kept something',
  deadline(2_000, async () => {
    const { ring, service } = scene()
    const other = new KeptMessageService({ ring: new MemoryRing({ clock: new SimClock() }) })
    await service.keep({ aor: AOR, message: message(1) })
    assert.is(await service.waits(AOR, false), true)
    assert.is(await service.waits('carl@example.com', true), false)
    assert.is(await other.waits(AOR, true), false)
    await service.delivered({ aor: AOR, id: 'id001' })
    assert.is(await service.waits(AOR, false), false)
    await ring.soft.put(messagesKey(AOR), { sub: 'x', body: message(3), ttlMs: 1_000 })
    assert.is(await service.waits(AOR, false), false, 'another node kept it: at the next new device')
    assert.is(await service.waits(AOR, true), true)
  }),
)

test(
  'what was kept goes with the account',
  deadline(2_000, async () => {
    const { ring, service } = scene()
    await service.keep({ aor: AOR, message: message(1) })
    await forgetDevices(ring.soft, AOR)
    assert.equal(await service.list(AOR), [])
  }),
)

test.run()
