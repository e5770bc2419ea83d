import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('nodes: a reader that goes')
const bin = resolve(import.meta.dirname, '../../../../bin/thor-node.js')

test(
  'a command whose output nobody reads any more ends as it would have',
  deadline(20_000, async () => {
    const child = spawn(process.execPath, [bin, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let complaints = ''
    child.stderr.on('data', (chunk) => {
      complaints += chunk
    })
    const [code] = (await once(child, 'close')) as [number | null]
    assert.is(complaints, '')
    assert.is(code, 0)
  }),
)

test.run()
