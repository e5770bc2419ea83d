/** One round of `npm run chaos -- kill` on loopback addresses: what was acknowledged is there after kill -9 of a node. */
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { play } from '../chaos/play.ts'
import { scenarios } from '../chaos/scenarios/index.ts'

const test = suite('e2e: chaos')

test(
  'a node is killed under load: nothing acknowledged is lost, doubled or read stale, and writes go on',
  deadline(220_000, async () => {
    const kill = scenarios.find(({ name }) => name === 'kill')
    assert.ok(kill)
    const said: string[] = []
    const say = (text: string): void => void said.push(text)
    const result = await play(kill, { nodes: 3, times: 1, seed: 1, isolated: false, say })
    assert.is(result.error, undefined, said.join('\n'))
    assert.equal(result.violations, [])
    for (const kind of ['write', 'lookup', 'register', 'binding', 'claim']) {
      assert.ok((result.measured.operations[kind]?.ok ?? 0) > 0, `${kind}: none was acknowledged`)
    }
    assert.ok(result.measured.gaps.some(({ kind, position }) => kind === 'write' && position === 'home'))
  }),
)

test.run()
