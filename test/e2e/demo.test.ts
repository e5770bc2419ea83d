/** What `thor-node demo` promises (README), run as a user runs it: HA-04, HA-05, MR-10, CD-02, DN-02. */
import { resolve } from 'node:path'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/programs.ts'

const test = suite('e2e: demo')
const bin = resolve(import.meta.dirname, '../../bin/thor-node.js')

test(
  'three nodes, a call, a node killed, the call after it, the records: all of it holds',
  deadline(150_000, async () => {
    const { code, stdout, stderr } = await run(process.execPath, [bin, 'demo'], { timeoutMs: 140_000 })
    assert.is(code, 0, `${stdout}\n${stderr}`)
    assert.match(stdout, 'All of it held')
  }),
)

test.run()
