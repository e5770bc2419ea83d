import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { OverlayRing, type RingNode } from './ring.fixture.ts'

const test = suite('overlay: changes taken back')

test(
  'a ring of one whose second node is gone in the middle of its first change goes on alone, also after a restart',
  deadline(60_000, async () => {
    const ring = new OverlayRing(1, { changes: { deadNodeAfterMs: 5_000 } })
    const [first] = (await ring.form(1)) as [RingNode]
    const second = await ring.add()
    await ring.until(() => first.overlay.configs.all().every(({ next }) => next), 5_000, 'the change to begin')
    ring.kill(second)
    ring.kill(first)
    await ring.run(ring.boot(first))
    await ring.until(() => ring.isStable(1), 60_000, 'the change to be taken back')
    assert.is(await ring.count(first, 'x'), 1)
    await ring.run(ring.boot(second))
    await ring.until(() => ring.isStable(2), 60_000, 'the second one to join after all')
    assert.is(await ring.count(second, 'x'), 2)
    await ring.stop()
  }),
)

test.run()
