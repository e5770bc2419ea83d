import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { errorCode, Turns } from '../src/index.ts'
import { deadline } from '../src/testing/index.ts'

const test = suite('core: turns')
const settled = (): Promise<void> => new Promise((done) => setImmediate(done))

function scene(max = 10) {
  const turns = new Turns({ max })
  const log: string[] = []
  const running = new Map<string, { resolve(): void; reject(error: Error): void }>()
  const begin = (id: string, ...names: string[]): Promise<void> =>
    turns.run(names, () => {
      log.push(id)
      return new Promise<void>((resolve, reject) => running.set(id, { resolve, reject }))
    })
  return { turns, log, running, begin }
}

test(
  'what has a name in common runs one after the other, the rest at once, and a failure stops nobody',
  deadline(2_000, async () => {
    const { turns, log, running, begin } = scene()
    const first = begin('1', 'a')
    const second = begin('2', 'a', 'b', 'a')
    begin('3', 'b')
    begin('4', 'c')
    begin('5')
    await settled()
    assert.equal(log, ['5', '1', '4'])
    running.get('1')?.reject(new Error('no'))
    assert.is(await first.catch((error) => error.message), 'no')
    await settled()
    assert.equal(log.slice(3), ['2'])
    running.get('2')?.resolve()
    await second
    await settled()
    assert.equal(log.slice(4), ['3'])
    for (const { resolve } of running.values()) resolve()
    await settled()
    assert.is(turns.size, 0)
  }),
)

test(
  'so many wait with one name; one more is refused, and takes no turn of another name',
  deadline(2_000, async () => {
    const { running, log, begin } = scene(2)
    begin('1', 'a')
    begin('2', 'a')
    assert.is(await begin('3', 'a', 'b').catch(errorCode), 'STORE_UNAVAILABLE')
    begin('4', 'b')
    await settled()
    assert.equal(log, ['1', '4'])
    running.get('1')?.resolve()
    await settled()
    begin('5', 'a')
    running.get('2')?.resolve()
    await settled()
    assert.equal(log, ['1', '4', '2', '5'])
  }),
)

test.run()
