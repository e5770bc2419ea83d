/**
 * Kamailio as two carriers of three nodes: one over TCP with SHA-256, one over TLS with MD5, where each side shows the other
 * a certificate (SIP-02, SIP-04, SIP-22). The node that registers leaves, as an operator makes it leave.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { makeCertificate, type TlsFiles } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Carrier } from '../support/carrier.ts'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import { contactsIn, Phone } from '../support/phone.ts'
import { available, run } from '../support/programs.ts'
import { header, methodOf, statusOf } from '../support/sip-message.ts'

const NET = '127.86.1'
const USER = '3120999'
const bin = resolve(import.meta.dirname, '../../bin/thor-node.js')
const DAY_MS = 86_400_000

const test = suite('interop: trunks over TCP and TLS')
const installed = available('kamailio', 'kamailio')
const hasTls = installed && (await run('ls', tlsModules())).stdout !== ''
if (installed && !hasTls) console.log('SKIP Kamailio has no TLS (Debian package kamailio-tls-modules)')

/** Where Debian puts them, whatever the machine is. */
function tlsModules(): string[] {
  return ['x86_64', 'aarch64'].map((name) => `/usr/lib/${name}-linux-gnu/kamailio/modules/tls.so`)
}

interface Line {
  transport: 'tcp' | 'tls'
  host: string
  number: string
  carrier: Carrier
  /** Registered at the carrier with that number. */
  outside: Phone
}

let cluster: Cluster
let work: string
let alice: Phone
let bob: Phone
const lines: Line[] = []
const phones: Phone[] = []
let serial = 0

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode
const live = (): ClusterNode[] =>
  cluster.nodes.filter(({ process: { exitCode, signalCode } }) => exitCode === null && signalCode === null)
const command = (...words: string[]): ReturnType<typeof run> =>
  run(process.execPath, [bin, ...words, '--data', live()[0]?.data ?? ''], { timeoutMs: 60_000 })
const trunkAt = async (of: ClusterNode, name: string) =>
  (await of.operations.trunkList()).trunks.find((trunk) => trunk.name === name)

function certificate(name: string, address: string, issuer?: TlsFiles): TlsFiles {
  const dates = { notBefore: Date.now() - DAY_MS, notAfter: Date.now() + 90 * DAY_MS }
  const init = { commonName: name, serial: Buffer.of(++serial), ...dates }
  return makeCertificate({
    ...init,
    altNames: issuer ? [name, address] : [],
    ...(issuer ? { issuer } : { authority: true }),
  })
}

async function phone(user: string, host: number, proxy: string, more: Partial<Phone['init']> = {}): Promise<Phone> {
  const made = await new Phone({ user, password: 'secret', address: `${NET}.${host}`, proxy, ...more }).start()
  phones.push(made)
  return made
}

async function addLine(transport: Line['transport'], host: string, number: string, carrier: Carrier): Promise<void> {
  carrier.start()
  const port = transport === 'tls' ? 5061 : 5060
  const words = ['--to', `sip:${host}:${port};transport=${transport}`, '--prefix', number.slice(0, 3), '--probe', '1']
  const secret = [
    '--user',
    USER,
    '--password',
    's3cret',
    '--register',
    '--domain',
    'carrier.example',
    '--expires',
    '120',
  ]
  // The one over TLS is known by its certificate alone, whatever its address is.
  const known = transport === 'tls' ? ['--tls', 'carrier.example'] : ['--from', host]
  const peer = await command('peer', 'add', transport, ...known, '--domain', 'thor.local')
  assert.is(peer.code, 0, peer.stderr)
  const added = await command('trunk', 'add', transport, ...words, ...secret)
  assert.is(added.code, 0, added.stderr)
  const at = { domain: 'carrier.example', password: 's3cret', transport }
  const outside = await eventually(
    () => phone(number, 60 + lines.length, host, at),
    10_000,
    `the carrier to listen: ${carrier.said}`,
  )
  lines.push({ transport, host, number, carrier, outside })
}

test.before(async () => {
  if (!installed) return
  await prepare().catch((error) => {
    console.log(error)
    throw error
  })
})

async function prepare(): Promise<void> {
  work = mkdtempSync(join(tmpdir(), 'thor-trunks-'))
  const authority = certificate('Interop Authority', '')
  const ca = join(work, 'ca.pem')
  writeFileSync(ca, authority.cert)
  for (let number = 1; number <= 3; number++) {
    const { cert, key } = certificate('thor.local', `${NET}.${number}`, authority)
    mkdirSync(join(work, `n${number}`))
    writeFileSync(join(work, `n${number}/thor.crt`), cert)
    writeFileSync(join(work, `n${number}/thor.key`), key)
  }
  const optionsOf = (number: number): string[] => ['--sip-tls-certificates', join(work, `n${number}`)]
  cluster = await startCluster({ net: NET, nodes: 3, options: ['--sip-tls-ca', ca], optionsOf })
  await cluster.settled()
  const { operations } = node(1)
  await operations.accountAdd({ aor: 'alice@thor.local', password: 'secret', groups: ['free-pstn'] })
  await operations.accountAdd({ aor: `${USER}@thor.local`, password: 'secret' })
  alice = await phone('alice', 70, node(2).address)
  bob = await phone(USER, 71, node(3).address)
  for (const one of [alice, bob]) assert.is(statusOf(await one.register()), 200)
  const tcp = new Carrier({ listen: [`tcp:${NET}.51:5060`], user: USER })
  await addLine('tcp', `${NET}.51`, '+31201234567', tcp)
  if (!hasTls) return
  const shown = { ...certificate('carrier.example', `${NET}.52`, authority), ca: authority.cert }
  const listen = [`tls:${NET}.52:5061`]
  await addLine('tls', `${NET}.52`, '+49301234567', new Carrier({ listen, user: USER, algorithm: 'MD5', tls: shown }))
}
test.after(async () => {
  for (const one of phones) await one.stop()
  await cluster?.stop()
  for (const { carrier } of lines) {
    await carrier.stop()
    carrier.clean()
  }
  if (work) rmSync(work, { recursive: true, force: true })
})

const withLines = (name: string, work: (line: Line) => Promise<void>): void => {
  const each = async (): Promise<void> => {
    for (const line of lines) await work(line)
  }
  if (installed) test(name, deadline(120_000, each))
  else test.skip(name)
}

/** Where the carrier would send a call for the trunk. */
async function bindings({ host, transport }: Line): Promise<string[]> {
  const looker = await phone(USER, 80, host, { domain: 'carrier.example', transport })
  const contacts = contactsIn(await looker.register({ contact: '' }))
  await looker.stop()
  return contacts.map((contact) => /<(sip:[^>]*)>/.exec(contact)?.[1] ?? contact)
}

async function callIn({ outside, carrier, transport }: Line): Promise<void> {
  const before = bob.requests.filter((request) => methodOf(request) === 'INVITE').length
  const algorithm = transport === 'tls' ? 'MD5' : 'SHA-256'
  const { status, dialog } = await outside.call(USER, { algorithm })
  assert.is(status, 200, carrier.said)
  assert.is(bob.requests.filter((request) => methodOf(request) === 'INVITE').length, before + 1)
  assert.is(dialog && (await outside.bye(dialog, { algorithm })), 200)
}

async function callOut({ outside, number, carrier }: Line, proxy: string): Promise<void> {
  const { status, dialog } = await alice.call(number, { proxy })
  assert.is(status, 200, carrier.said)
  const invite = outside.requests.filter((request) => methodOf(request) === 'INVITE').at(-1)
  assert.match(invite ? header(invite, 'From') : '', /sip:3120999@carrier\.example/)
  const byes = outside.requests.filter((request) => methodOf(request) === 'BYE').length
  assert.is(dialog && (await alice.bye(dialog, { proxy: live().at(-1)?.address ?? '' })), 200)
  assert.is(outside.requests.filter((request) => methodOf(request) === 'BYE').length, byes + 1)
}

withLines(
  'it is registered over its transport by one node, with the password, and over TLS known by its certificate',
  async (line) => {
    const { transport, carrier, outside } = line
    const algorithm = transport === 'tls' ? 'MD5' : 'SHA-256'
    for (const one of live()) {
      await eventually(
        async () => {
          const trunk = await trunkAt(one, transport)
          return trunk?.up && trunk.registration?.registered
        },
        20_000,
        `node ${one.number} to know that ${transport} is registered; the carrier: ${carrier.said}`,
      )
    }
    const bound = await bindings(line)
    assert.is(bound.length, 1)
    assert.match(bound[0] ?? '', new RegExp(`:${transport === 'tls' ? 5061 : 5060};transport=${transport}$`))
    if (transport === 'tls') assert.ok(carrier.seen.includes('certificate 1 thor.local'), carrier.seen.join('\n'))
    assert.is(statusOf(await outside.register({ algorithm })), 200)
  },
)

withLines('calls go out by it and come in by it, from any node, and end', async (line) => {
  await callOut(line, node(1).address)
  await callOut(line, node(3).address)
  await callIn(line)
})

withLines(
  'the node that looks after it leaves: another is registered before that one is gone, and calls go both ways',
  async (line) => {
    const { transport, carrier } = line
    // Who takes over takes away what the one before had bound: that is no binding of his.
    const registered = () => carrier.registers.filter(({ contact }) => !/;expires=0\b/.test(contact))
    // Two of three go, one for each carrier. The one that went before may have looked after this line, too.
    const owner = await eventually(
      async () => live().find(({ address }) => registered().at(-1)?.contact.includes(`@${address}:`)),
      20_000,
      'a live node to look after it',
    )
    const before = registered()
    const stay = live().find((one) => one !== owner) as ClusterNode
    bob.init.proxy = stay.address
    assert.is(statusOf(await bob.register()), 200)
    const gone = new Promise((done) => owner.process.once('exit', done))
    const left = await run(process.execPath, [bin, 'leave', '--data', owner.data], { timeoutMs: 90_000 })
    assert.is(left.code, 0, left.stderr)
    await gone
    const after = registered().slice(before.length)
    const moved = after.find(({ contact }) => !contact.includes(`@${owner.address}:`))
    assert.ok(moved, `nobody else had registered when it was gone: ${JSON.stringify(after)}`)
    assert.is(moved.callId, before.at(-1)?.callId)
    assert.ok(moved.cseq > (before.at(-1)?.cseq ?? 0))
    const bound = await eventually(
      async () => {
        const all = await bindings(line)
        return all.length === 1 ? all : undefined
      },
      10_000,
      'one binding',
    )
    assert.not.match(bound[0] ?? '', owner.address)
    for (const one of live()) {
      const seen = await eventually(
        async () => {
          const trunk = await trunkAt(one, transport)
          return trunk?.registration?.registered ? trunk : undefined
        },
        20_000,
        `node ${one.number} to know`,
      )
      assert.ok(seen.up)
    }
    await callIn(line)
    await callOut(line, stay.address)
  },
)

test.run()
