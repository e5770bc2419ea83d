import type { Member, Rpc } from '@thor-node/overlay'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RingAlarms, toAlarms } from '../../src/adapters/alarms.ts'

const test = suite('adapters: alarms')
const alarm = { kind: 'clock-off', text: 'the clock is slow', since: 5 }

test('every node is asked; of one that does not answer, what it told before counts', async () => {
  const rpc = {
    serve: () => undefined,
    call: async (to: string) => {
      if (to === 'gone') throw new Error('no answer')
      return [alarm]
    },
  } as unknown as Rpc
  const alarms = new RingAlarms({ rpc, own: () => [] })
  const members = [{ nodeId: 'here' }, { nodeId: 'gone', troubles: ['full-disk'] }] as unknown as Member[]
  const found = await alarms.of(members)
  assert.equal(found.get('here'), [alarm])
  assert.equal(found.get('gone'), [{ kind: 'full-disk', text: 'its disk is full', since: 0 }])
})

test('only what is an alarm is taken, and only so many', () => {
  assert.equal(toAlarms([alarm, null, 'x', { kind: 1, text: 'x', since: 1 }, { kind: 'x', text: 'x' }]), [alarm])
  assert.equal(toAlarms({ 0: alarm }), [])
  assert.is(toAlarms(new Array(1_000).fill(alarm)).length, 64)
  assert.is(toAlarms([{ ...alarm, text: 'x'.repeat(5_000) }])[0]?.text.length, 300)
})

test.run()
