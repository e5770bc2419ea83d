import { SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { orderSrv } from '../../src/routing/srv.ts'

const test = suite('sip: order of SRV records')

const record = (name: string, priority: number, weight: number) => ({ name, priority, weight, port: 5060 })

test('priorities come before weights, and every record comes once', () => {
  const random = new SimRandom(1)
  const records = [record('c', 20, 100), record('a', 10, 1), record('d', 30, 0), record('b', 10, 1)]
  for (let i = 0; i < 50; i++) {
    const names = orderSrv(records, random).map(({ name }) => name)
    assert.equal(names.slice(0, 2).toSorted(), ['a', 'b'])
    assert.equal(names.slice(2), ['c', 'd'])
  }
})

test('the share of first places follows the weights; without weight it is small but not nothing (RFC 2782)', () => {
  const random = new SimRandom(7)
  const records = [record('heavy', 1, 60), record('zero', 1, 0), record('light', 1, 20)]
  const first = { heavy: 0, light: 0, zero: 0 }
  const rounds = 8_000
  for (let i = 0; i < rounds; i++) first[orderSrv(records, random)[0]?.name as keyof typeof first]++
  // Of 81 numbers 60 are for the heavy one, 20 for the light, 1 for the one without weight.
  assert.ok(Math.abs(first.heavy / rounds - 60 / 81) < 0.02, `${first.heavy}`)
  assert.ok(Math.abs(first.light / rounds - 20 / 81) < 0.02, `${first.light}`)
  assert.ok(first.zero > 0 && first.zero / rounds < 0.03, `${first.zero}`)
})

test('all without weight are equal by chance of the list, and nothing is nothing', () => {
  assert.equal(orderSrv([], new SimRandom(1)), [])
  assert.is(orderSrv([record('a', 1, 0), record('b', 1, 0)], new SimRandom(1)).length, 2)
})

test.run()
