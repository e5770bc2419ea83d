import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRoot, encodeRootKey, generateNodeKey, nodeIdOf, readIssuer, trustOf } from '@thor-node/overlay'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeIssuerCertificate, decodeIssuerRequest, encodeIssuerRequest } from '../../src/issuer-text.ts'
import { FakeOperations } from '../control/fake.ts'
import { run, type TestConsole, testConsole } from './fixtures.ts'

const test = suite('cli: members')

let operations: FakeOperations
let console: TestConsole
let scratch: string

test.before.each(() => {
  operations = new FakeOperations()
  console = testConsole(operations)
  scratch = mkdtempSync(join(tmpdir(), 'thor-rotate-'))
})
test.after.each(() => rmSync(scratch, { recursive: true, force: true }))

test('members shows certificates, issuers, who was put out, and what to do', async () => {
  const { code, out } = await run(console, 'members')
  assert.is(code, 0)
  assert.equal(out.split('\n'), [
    'NODE  STATE    ZONE     CERTIFICATE UNTIL  ISSUER UNTIL      ROLES',
    'n1 *  alive    default  2026-11-24 12:00   2026-11-25 12:00  sip_proxy issuer',
    'n2    alive    default  2026-11-24 12:00   -                 sip_proxy',
    'n4    revoked  default  -                  -                 revoked 2026-11-23 12:00 at n1',
    '',
    '* this node; times in UTC',
    '',
    'Only one node can issue certificates.',
  ])
  const json = await run(console, 'members', '--json')
  assert.is(JSON.parse(json.out).members[2].state, 'revoked')
})

test('revoke says what it would do, and does it with --yes only', async () => {
  const asked = await run(console, 'revoke', 'n2')
  assert.is(asked.code, 2)
  assert.match(asked.errors, /n2 \(12D3KooWn2, alive\) out for good/)
  assert.match(asked.errors, /thor-node revoke n2 --yes/)
  assert.equal(operations.asked, [])
  const done = await run(console, 'revoke', 'n3', '--yes', '--force')
  assert.is(done.code, 0, done.errors)
  assert.equal(operations.asked.at(-1), ['revoke', { node: 'n3', force: true }])
  assert.match(done.out, /n3 .* is out/)
  assert.is((await run(console, 'revoke', 'nobody', '--yes')).code, 1)
  const nobody = await run(console, 'revoke', 'nobody')
  assert.is(nobody.code, 1)
  assert.match(nobody.errors, 'nobody is no member')
  assert.match((await run(console, 'revoke', 'n4')).errors, 'n4 was revoked already')
})

test('an invite says which roles and zone the node will have', async () => {
  const { code } = await run(console, 'invite', '--roles', 'sip_proxy, media_relay', '--zone', 'berlin')
  assert.is(code, 0)
  const wanted = { ttlSeconds: undefined, roles: ['sip_proxy', 'media_relay'], zone: 'berlin' }
  assert.equal(operations.asked.at(-1), ['invite', wanted])
  const wrong = await run(console, 'invite', '--roles', 'king')
  assert.is(wrong.code, 2)
  assert.match(wrong.errors, /"king" is none of sip_proxy, .*, issuer/)
})

test('rotate with the root key at hand, and in three steps without', async () => {
  const root = createRoot()
  const path = join(scratch, 'ring-root.key')
  writeFileSync(path, encodeRootKey(root))
  const nodeId = nodeIdOf(generateNodeKey())
  const { publicKey } = createRoot()
  const request = encodeIssuerRequest({ ringId: root.ringId, nodeId, publicKey })
  operations.issuerState = { request, ringId: root.ringId }
  const installed = (): ReturnType<typeof readIssuer> => {
    const [operation, query] = operations.asked.at(-1) ?? []
    assert.is(operation, 'issuerInstall')
    return readIssuer(trustOf(root), decodeIssuerCertificate((query as { certificate: string }).certificate))
  }
  const once = await run(console, 'rotate', '--root', path)
  assert.is(once.code, 0, once.errors)
  assert.is(installed()?.nodeId, nodeId)

  const asked = await run(console, 'rotate', '--request')
  assert.equal(decodeIssuerRequest(asked.out).nodeId, nodeId)
  writeFileSync(join(scratch, 'request.txt'), `${asked.out}\n`)
  console.connected.length = 0
  const made = await run(console, 'rotate', '--certify', join(scratch, 'request.txt'), '--root', path)
  assert.is(made.code, 0, made.errors)
  assert.equal(console.connected, [], 'no node is needed where the root key is')
  operations.asked.length = 0
  assert.is((await run(console, 'rotate', '--install', made.out)).code, 0)
  assert.equal(installed()?.publicKey, Uint8Array.from(publicKey))
})

test('rotate says what is missing or wrong', async () => {
  const path = join(scratch, 'other.key')
  writeFileSync(path, encodeRootKey(createRoot()))
  const request = encodeIssuerRequest({
    ringId: 'x',
    nodeId: nodeIdOf(generateNodeKey()),
    publicKey: new Uint8Array(44),
  })
  const table: [string[], number, RegExp][] = [
    [[], 2, /--request here, --certify REQUEST --root FILE/],
    [['--certify', request], 2, /--root FILE/],
    [['--certify', request, '--root', path], 1, /root key of another ring/],
    [['--certify', request, '--root', join(scratch, 'none')], 1, /cannot read/],
    [['--certify', 'thor-issuer-request-rubbish', '--root', path], 1, /not a request/],
  ]
  for (const [words, code, says] of table) {
    const result = await run(console, 'rotate', ...words)
    assert.is(result.code, code, words.join(' '))
    assert.match(result.errors, says)
  }
  writeFileSync(path, 'no key')
  assert.match(
    (await run(console, 'rotate', '--certify', request, '--root', path)).errors,
    /not the file of a root key/,
  )
})

test.run()
