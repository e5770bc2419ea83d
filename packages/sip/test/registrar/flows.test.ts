import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RegisteredFlows } from '../../src/registrar/flows.ts'

const test = suite('sip: registered flows')

test('a flow knows its accounts until their bindings end', () => {
  const flows = new RegisteredFlows({ max: 10 })
  flows.note('f', 'a@x', 100, 0)
  flows.note('f', 'b@x', 200, 0)
  assert.equal(flows.accountsOn('f', 50), ['a@x', 'b@x'])
  assert.equal(flows.accountsOn('f', 100), ['b@x'])
  flows.note('f', 'b@x', 60, 60)
  assert.equal(flows.accountsOn('f', 60), [])
  assert.is(flows.size, 0)
})

test('when full, the flow registered longest ago is forgotten', () => {
  const flows = new RegisteredFlows({ max: 2 })
  for (const flow of ['1', '2']) flows.note(flow, 'a@x', 100, 0)
  flows.note('1', 'a@x', 100, 0)
  flows.note('3', 'a@x', 100, 0)
  assert.is(flows.size, 2)
  assert.equal(flows.accountsOn('2', 0), [])
  assert.equal(flows.accountsOn('1', 0), ['a@x'])
  flows.forget('1')
  assert.equal(flows.accountsOn('1', 0), [])
})

test.run()
