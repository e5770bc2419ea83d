import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { shareBreadth } from '../../src/proxy/breadth.ts'

const test = suite('sip: Max-Breadth')

test('branches that run together share it, groups have it in turn', () => {
  assert.equal(shareBreadth(60, []), [])
  assert.equal(shareBreadth(60, [0]), [60])
  assert.equal(shareBreadth(60, [0, 0, 1]), [30, 30, 60])
  assert.equal(shareBreadth(5, [0, 0, 0]), [2, 2, 1])
  assert.equal(shareBreadth(1, [0, 1, 2]), [1, 1, 1])
})

test('a group that is larger than it is too much', () => {
  assert.is(shareBreadth(0, [0]), undefined)
  assert.is(shareBreadth(1, [0, 1, 1]), undefined)
})

test.run()
