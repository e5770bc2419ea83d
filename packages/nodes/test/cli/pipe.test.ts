import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { silentLogger } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ControlServer } from '../../src/control/server.ts'
import { FakeOperations } from '../control/fake.ts'

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

test(
  'what is shown again and again ends when nobody reads it any more',
  deadline(30_000, async () => {
    const data = mkdtempSync(join(tmpdir(), 'thor-pipe-'))
    const server = new ControlServer({ operations: new FakeOperations(), logger: silentLogger }, { data })
    await server.start()
    const child = spawn(process.execPath, [bin, 'status', '--watch', '--data', data], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    try {
      await once(child.stdout, 'data')
      child.stdout.destroy()
      assert.equal(await once(child, 'exit'), [0, null])
    } finally {
      child.kill('SIGKILL')
      await server.stop()
      rmSync(data, { recursive: true })
    }
  }),
)

test.run()
