import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorCode, silentLogger } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { connectControl } from '../../src/control/client.ts'
import { SOCKET_PATH_MAX_BYTES } from '../../src/control/limits.ts'
import { ControlServer } from '../../src/control/server.ts'
import { FakeOperations, fakeStatus } from './fake.ts'

const socket = suite('control socket')

let data: string
let operations: FakeOperations
let server: ControlServer
const serverAt = (directory: string, fake = operations): ControlServer =>
  new ControlServer({ logger: silentLogger, operations: fake }, { data: directory })

socket.before.each(async () => {
  data = mkdtempSync(join(tmpdir(), 'thor-control-'))
  operations = new FakeOperations()
  server = serverAt(data)
  await server.start()
})
socket.after.each(async () => {
  await server.stop()
  rmSync(data, { recursive: true })
})

async function codeOf(run: Promise<unknown>): Promise<string | undefined> {
  return run.then(() => 'accepted', errorCode)
}

function raw(path: string, body: string, method = 'POST'): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: server.path, method, path }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }))
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

socket(
  'carries queries and results',
  deadline(10_000, async () => {
    const node = connectControl(data)
    assert.equal(await node.status(), fakeStatus)
    const added = await node.accountAdd({ aor: 'alice@thor.local', displayName: 'Ålice ☎' })
    assert.is(added.password, 'made-up-one')
    assert.is((await node.accountShow({ aor: 'alice@thor.local' })).displayName, 'Ålice ☎')
    await node.invite({ ttlSeconds: 60 })
    assert.equal(operations.asked.at(-1), ['invite', { ttlSeconds: 60 }])
  }),
)

socket(
  'carries errors with code and message',
  deadline(10_000, async () => {
    const node = connectControl(data)
    await node.accountAdd({ aor: 'alice@thor.local' })
    try {
      await node.accountAdd({ aor: 'alice@thor.local' })
      assert.unreachable()
    } catch (error) {
      assert.is(errorCode(error), 'PROVISION_EXISTS')
      assert.match(String(error), 'alice@thor.local is taken.')
    }
  }),
)

socket(
  'refuses what is no query, and goes on',
  deadline(10_000, async () => {
    const cases: [path: string, body: string, method: string, status: number, code: string][] = [
      ['/nothing', '{}', 'POST', 404, 'CONTROL_UNKNOWN_OPERATION'],
      ['/__proto__', '{}', 'POST', 404, 'CONTROL_UNKNOWN_OPERATION'],
      ['/status', '', 'GET', 405, 'CONTROL_METHOD'],
      ['/status', '{', 'POST', 400, 'CONTROL_BAD_QUERY'],
      ['/status', '[]', 'POST', 400, 'CONTROL_BAD_QUERY'],
      ['/accountShow', '{}', 'POST', 400, 'CONTROL_BAD_QUERY'],
      ['/accountShow', '{"aor":"a@b","other":1}', 'POST', 400, 'CONTROL_BAD_QUERY'],
      ['/status', 'x'.repeat(1025 * 1024), 'POST', 413, 'CONTROL_QUERY_TOO_LARGE'],
    ]
    for (const [path, body, method, status, code] of cases) {
      const answer = await raw(path, body, method)
      assert.is(answer.status, status, `${method} ${path} ${body.slice(0, 20)}`)
      assert.is((answer.body as { error: { code: string } }).error.code, code)
    }
    assert.is((await raw('/status', '')).status, 200)
  }),
)

socket(
  'hides nothing of a failure that is not a ThorError, but does not die of it',
  deadline(10_000, async () => {
    operations.invite = () => Promise.resolve({ invite: 1n, expiresAt: 0 } as never)
    assert.is((await raw('/invite', '{}')).status, 500)
    operations.status = () => Promise.reject(new TypeError('broken'))
    assert.equal(await raw('/status', '{}'), {
      status: 500,
      body: { error: { code: 'CONTROL_FAILED', message: 'broken' } },
    })
  }),
)

socket(
  'is open to its own user alone',
  deadline(10_000, () => {
    assert.is(statSync(server.path).mode & 0o777, 0o600)
  }),
)

socket(
  'refuses a second node on the same directory, and replaces a socket that nobody serves',
  deadline(10_000, async () => {
    assert.is(await codeOf(serverAt(data).start()), 'CONTROL_NODE_RUNNING')
    await server.stop()
    assert.is(await codeOf(connectControl(data).status()), 'CONTROL_NOT_RUNNING')
    writeFileSync(server.path, '')
    await server.start()
    assert.ok(await connectControl(data).status())
  }),
)

socket(
  'starts and stops as often as it is told to',
  deadline(10_000, async () => {
    await server.start()
    await server.stop()
    await server.stop()
    await server.start()
    assert.ok(await connectControl(data).status())
  }),
)

socket(
  'says so when the path is too long for a socket',
  deadline(10_000, async () => {
    const long = join(data, 'd'.repeat(SOCKET_PATH_MAX_BYTES))
    assert.is(await codeOf(serverAt(long).start()), 'CONTROL_PATH_TOO_LONG')
    assert.is(await codeOf(connectControl(long).status()), 'CONTROL_PATH_TOO_LONG')
  }),
)

socket(
  'says so when the directory cannot be written',
  deadline(10_000, async () => {
    const blocked = join(data, 'file')
    writeFileSync(blocked, '')
    chmodSync(blocked, 0o400)
    assert.is(await codeOf(connectControl(blocked).status()), 'CONTROL_NOT_RUNNING')
    assert.is(await codeOf(serverAt(join(blocked, 'x')).start()), 'CONTROL_SOCKET')
  }),
)

socket.run()
