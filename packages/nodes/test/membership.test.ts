import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { otherName } from '../src/membership.ts'

const membership = suite('nodes: membership')

membership('a node that did not get the name it asked for says so', () => {
  assert.equal(otherName(undefined, 'n2'), [])
  assert.equal(otherName('Edge', 'edge'), [])
  const note = otherName('n1', 'n4').join()
  assert.match(note, /^This node is n4, not n1: /)
})

membership.run()
