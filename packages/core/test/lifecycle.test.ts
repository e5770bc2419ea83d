import assert from 'node:assert/strict'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { type Lifecycle, startAll, stopAll } from '../src/index.ts'

const test = suite('core lifecycle')

function makeParts(bad: Partial<Record<string, Error>> = {}): { parts: Lifecycle[]; log: string[] } {
  const log: string[] = []
  const parts = ['a', 'b', 'c'].map((name): Lifecycle => {
    const act = (what: string) => async (): Promise<void> => {
      log.push(`${what} ${name}`)
      const error = bad[`${what} ${name}`]
      if (error) throw error
    }
    return { start: act('start'), stop: act('stop') }
  })
  return { parts, log }
}

test(
  'parts start in order and stop in reverse',
  deadline(5_000, async () => {
    const { parts, log } = makeParts()
    await startAll(parts)
    await stopAll(parts)
    assert.deepEqual(log, ['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a'])
  }),
)

test(
  'when one cannot start, those before it are stopped and its error is thrown',
  deadline(5_000, async () => {
    const failure = new Error('no')
    const { parts, log } = makeParts({ 'start c': failure, 'stop b': new Error('later trouble') })
    await assert.rejects(startAll(parts), failure)
    assert.deepEqual(log, ['start a', 'start b', 'start c', 'stop b', 'stop a'])
  }),
)

test(
  'every part is stopped although some fail; one failure is itself, several are one',
  deadline(5_000, async () => {
    const [one, two] = [new Error('one'), new Error('two')]
    const single = makeParts({ 'stop b': one })
    await assert.rejects(stopAll(single.parts), one)
    assert.deepEqual(single.log, ['stop c', 'stop b', 'stop a'])
    const several = makeParts({ 'stop c': one, 'stop a': two })
    await assert.rejects(stopAll(several.parts), (error) => {
      assert.ok(error instanceof AggregateError)
      assert.deepEqual(error.errors, [one, two])
      return true
    })
    assert.equal(several.log.length, 3)
  }),
)

test.run()
