import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorCode, makeCertificate, silentLogger, type TlsFiles } from '@thor-node/core'
import { eventually, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { Certificates } from '../../src/tls/certificates.ts'
import { CERTIFICATES_MAX, LOOK_MS } from '../../src/tls/limits.ts'

const test = suite('nodes: certificates')
const DAY_MS = 86_400_000

let base: string
let clock: SimClock
let warnings: string[]
let started: Certificates[]
let serial = 0

test.before.each(() => {
  base = mkdtempSync(join(tmpdir(), 'thor-tls-'))
  clock = new SimClock()
  warnings = []
  started = []
})
test.after.each(async () => {
  for (const one of started) await one.stop()
  assert.equal(clock.armed, 0)
  rmSync(base, { recursive: true, force: true })
})

function certificate(name: string, altNames: string[] = [name], days = 90): TlsFiles {
  const now = clock.wall()
  const dates = { notBefore: now - DAY_MS, notAfter: now + days * DAY_MS }
  return makeCertificate({ commonName: name, altNames, serial: Buffer.of(++serial), ...dates })
}

function put(name: string, { cert, key }: TlsFiles, kind = 'crt'): void {
  mkdirSync(join(base, 'tls'), { recursive: true })
  writeFileSync(join(base, 'tls', `${name}.${kind}`), cert)
  writeFileSync(join(base, 'tls', `${name}.key`), key)
}

async function start(init: { names?: string[]; caFile?: string } = {}): Promise<Certificates> {
  const logger = { ...silentLogger, forComponent: () => logger, warn: (text: string) => void warnings.push(text) }
  const names = init.names ?? ['thor.local', 'n1.thor.local', '127.0.0.1']
  const directory = join(base, 'tls')
  const certificates = new Certificates(
    { clock, random: new SimRandom(1), logger },
    { directory, ownDirectory: directory, verify: true, ...init, names },
  )
  started.push(certificates)
  await certificates.start()
  return certificates
}

const subjectOf = ({ cert }: TlsFiles): string => new X509Certificate(cert).subject
/** The one that a peer with this SNI sees: of `choose`, told apart by name, else the fallback. */
const isChosen = (certificates: Certificates, name: string): boolean => certificates.server.choose(name) !== undefined

test('without any a certificate is made once, for domain, host and address, with a warning', async () => {
  const first = await start()
  const made = new X509Certificate(first.server.fallback().cert)
  assert.equal(made.subjectAltName, 'DNS:thor.local, DNS:n1.thor.local, IP Address:127.0.0.1')
  assert.match(first.note ?? '', /self-signed/)
  assert.equal(warnings.length, 1)
  assert.deepEqual(first.list()[0]?.hosts, ['thor.local', 'n1.thor.local'])
  const again = await start()
  assert.equal(again.server.fallback().cert, first.server.fallback().cert)
  const renamed = await start({ names: ['other.example'] })
  assert.equal(subjectOf(renamed.server.fallback()), 'CN=other.example')
})

test('one that ends soon is made anew, and so is a damaged one', async () => {
  const first = await start()
  await clock.advance(824 * DAY_MS)
  const second = await start()
  assert.notEqual(second.server.fallback().cert, first.server.fallback().cert)
  writeFileSync(join(base, 'tls', 'self-signed.crt'), 'half')
  assert.notEqual((await start()).server.fallback().cert, second.server.fallback().cert)
})

test('names choose among files and folders; the domain decides what others are shown', async () => {
  put('a', certificate('a.example', ['a.example', '*.wild.example']))
  put('z', certificate('thor.local'), 'pem')
  const folder = join(base, 'tls', 'live.example')
  mkdirSync(folder)
  const live = certificate('live.example')
  writeFileSync(join(folder, 'fullchain.pem'), live.cert)
  writeFileSync(join(folder, 'privkey.pem'), live.key)
  const certificates = await start()
  for (const name of ['a.example', 'x.wild.example', 'live.example', 'thor.local'])
    assert.ok(isChosen(certificates, name))
  for (const name of ['wild.example', 'x.y.wild.example', 'b.example', ''])
    assert.ok(!isChosen(certificates, name), name)
  assert.equal(subjectOf(certificates.server.fallback()), 'CN=thor.local')
  assert.deepEqual([certificates.note, warnings], [undefined, []])
  assert.deepEqual(
    certificates.list().map(({ name, fallback }) => [name, fallback]),
    [
      ['a', false],
      ['live.example', false],
      ['z', true],
    ],
  )
})

test('changed files count from the next look on; what cannot be used leaves the old one, and is said once', async () => {
  put('default', certificate('one.example'))
  const certificates = await start()
  const files = certificates.server.fallback()
  await certificates.reload()
  assert.equal(certificates.server.fallback(), files, 'the same object while nothing changed')
  put('default', { ...certificate('two.example'), key: certificate('x').key })
  await certificates.reload()
  await certificates.reload()
  assert.equal(certificates.server.fallback(), files)
  assert.deepEqual(warnings, ['certificate cannot be used'])
  put('default', certificate('three.example'))
  await certificates.reload()
  assert.equal(subjectOf(certificates.server.fallback()), 'CN=three.example')
  rmSync(join(base, 'tls', 'default.key'))
  await certificates.reload()
  assert.match(certificates.note ?? '', /self-signed/)
})

test('files are looked at without being asked', async () => {
  put('default', certificate('one.example'))
  const certificates = await start()
  put('default', certificate('two.example'))
  await clock.advance(LOOK_MS)
  await eventually(() => subjectOf(certificates.server.fallback()) === 'CN=two.example')
})

test('a certificate that ends soon raises an alarm, before and after', async () => {
  put('short', certificate('short.example', ['short.example'], 20))
  const certificates = await start()
  assert.deepEqual(certificates.alarms(), [])
  await clock.advance(7 * DAY_MS)
  assert.match(certificates.alarms()[0]?.text ?? '', /short ends on/)
  await clock.advance(14 * DAY_MS)
  assert.match(certificates.alarms()[0]?.text ?? '', /short ended on/)
})

test('more certificates than the limit are not used', async () => {
  const one = certificate('many.example')
  for (let i = 0; i <= CERTIFICATES_MAX; i++) put(`c${String(i).padStart(5, '0')}`, one)
  const names = (await start()).list().map(({ name }) => name)
  assert.deepEqual([names.length, names.at(-1)], [CERTIFICATES_MAX, 'c00999'])
})

test('authorities that cannot be read stop the start', async () => {
  await assert.rejects(start({ caFile: join(base, 'gone.pem') }), (error) => errorCode(error) === 'NODE_TLS_CA')
})

test.run()
