/** Calls over every transport and between any two, entering by any node: TLS, WebSocket and plain (SIP-02, SIP-26); large ones (SIP-17). */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { errorCode, makeCertificate, type TlsFiles } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { isRegistered, startBaresip } from '../support/baresip.ts'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import { Phone, type PhoneInit } from '../support/phone.ts'
import { available, run } from '../support/programs.ts'
import { header, headers, listOf, methodOf, statusOf } from '../support/sip-message.ts'
import { type WireTransport, wirePorts } from '../support/wire.ts'

const net = '127.82.1'
const clients = '127.82.2'
const baresip = available('baresip', 'baresip')
const openssl = available('openssl', 'openssl')

const test = suite('interop: transports')
const DAY_MS = 86_400_000
let cluster: Cluster
const phones: Phone[] = []
let lastHost = 10
let serial = 0

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode

const hasSix = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))
if (!hasSix) console.log('SKIP this machine has no IPv6 on loopback')

/** Of all nodes the first has IPv6 too: there is but one such address on loopback. */
const sixth: Partial<PhoneInit> = { address: '::1', proxy: '::1' }

async function phone(
  user: string,
  edge: number,
  transport: WireTransport,
  init: Partial<PhoneInit> = {},
): Promise<Phone> {
  // Some accounts have two phones.
  await node(1)
    .operations.accountAdd({ aor: `${user}@thor.local`, password: 'secret' })
    .catch((error) => {
      assert.equal(errorCode(error), 'PROVISION_ACCOUNT_EXISTS', String(error))
    })
  const address = `${clients}.${lastHost++}`
  const made = await new Phone({
    user,
    password: 'secret',
    address,
    proxy: node(edge).address,
    transport,
    ...init,
  }).start()
  phones.push(made)
  return made
}

test.before(async () => {
  const options = ['--sip-ws', String(wirePorts.ws), '--sip-wss', String(wirePorts.wss)]
  const optionsOf = (number: number): string[] => (number === 1 && hasSix ? ['--address6', '::1'] : [])
  cluster = await startCluster({ net, nodes: 3, options, optionsOf })
  await cluster.settled()
})
test.after(async () => {
  for (const made of phones) await made.stop()
  await cluster?.stop()
})

const pairs: readonly (readonly [from: number, caller: WireTransport, to: number, callee: WireTransport])[] = [
  [1, 'tls', 1, 'tls'],
  [1, 'udp', 2, 'tls'],
  [2, 'tls', 3, 'udp'],
  [3, 'tcp', 1, 'tls'],
  [2, 'ws', 3, 'wss'],
  [3, 'wss', 2, 'udp'],
  [1, 'tls', 3, 'ws'],
]
for (const [from, caller, to, callee] of pairs) {
  test(
    `a call goes from node ${from} over ${caller} to node ${to} over ${callee}, and its BYE enters by the third`,
    deadline(30_000, async () => {
      const name = `${from}${caller}${to}${callee}`
      const called = await phone(`to${name}`, to, callee)
      assert.equal(statusOf(await called.register()), 200)
      const calling = await phone(`from${name}`, from, caller)
      const { status, dialog, response } = await calling.call(`to${name}`)
      assert.equal(status, 200)
      assert.ok(dialog)
      const routes = headers(response, 'Record-Route')
      assert.equal(routes.length, caller === callee ? 1 : 2)
      // The entry that the caller sees last names his own transport, with the port that it has here.
      const own = routes.at(-1) ?? ''
      const param = { udp: '', tcp: ';transport=tcp', tls: ';transport=tls', ws: ';transport=ws', wss: ';transport=ws' }
      assert.ok(own.startsWith(`<sip:${node(from).address}:${wirePorts[caller]}${param[caller]};lr`), own)
      const invite = called.requests.find((request) => methodOf(request) === 'INVITE')
      assert.ok(header(invite as never, 'Via').startsWith(`SIP/2.0/${callee.toUpperCase()} ${node(from).address}:`))
      await eventually(() => called.requests.some((request) => methodOf(request) === 'ACK'), 5_000, 'the ACK')
      const third = node([1, 2, 3].find((one) => one !== from && one !== to) ?? 2).address
      await eventually(() => called.taken[0], 5_000, 'the call at the callee')
      assert.equal(await called.bye(called.taken[0] as never, { proxy: third }), 200)
      assert.ok(calling.requests.some((request) => methodOf(request) === 'BYE'))
      const found = await node(1).operations.where({ aor: called.aor })
      assert.equal(found.contacts[0]?.transport, callee)
    }),
  )
}

for (const transport of ['udp', 'tcp', 'tls', 'ws', 'wss'] as const) {
  ;(hasSix ? test : test.skip)(
    `a call from IPv4 at another node to IPv6 over ${transport} and back, both told where to answer in their own family`,
    deadline(30_000, async () => {
      const six = await phone(`six${transport}`, 1, transport, sixth)
      assert.equal(statusOf(await six.register()), 200)
      const four = await phone(`four${transport}`, 2, 'udp')
      assert.equal(statusOf(await four.register()), 200)
      const there = await four.call(`six${transport}`)
      assert.equal(there.status, 200)
      assert.equal(await four.bye(there.dialog as never), 200)

      const back = await six.call(`four${transport}`)
      assert.equal(back.status, 200)
      const [towardsFour = '', towardsSix = ''] = listOf(back.response, 'Record-Route')
      assert.match(towardsFour, /^<sip:127\.82\.1\.1:5060;lr/)
      assert.ok(towardsSix.startsWith(`<sip:[::1]:${wirePorts[transport]}`), towardsSix)
      const invite = four.requests.find((request) => methodOf(request) === 'INVITE')
      assert.match(header(invite as never, 'Via'), /^SIP\/2\.0\/UDP 127\.82\.1\.1:5060/)
      // The relay is the node that has both families, and each side is given its own.
      assert.match(invite?.body ?? '', /^c=IN IP4 127\.82\.1\.1\r$/m)
      assert.match(back.response.body, /^c=IN IP6 ::1\r$/m)
      assert.match(six.requests.find((request) => methodOf(request) === 'INVITE')?.body ?? '', /^c=IN IP6 ::1\r$/m)
      assert.match(there.response.body, /^c=IN IP4 127\.82\.1\.1\r$/m)
      await eventually(() => four.taken[0], 5_000, 'the call at the callee')
      assert.equal(await four.bye(four.taken[0] as never, { proxy: node(3).address }), 200)
      assert.ok(six.requests.some((request) => methodOf(request) === 'BYE'))
      const { contacts } = await node(3).operations.where({ aor: six.aor })
      assert.deepEqual([contacts[0]?.edge, contacts[0]?.transport], ['n1', transport])
    }),
  )
}

test(
  'a megabyte in parts, a method and headers that nobody knows, pass from node to node byte for byte',
  deadline(60_000, async () => {
    const mia = await phone('mia', 3, 'tcp')
    assert.equal(statusOf(await mia.register()), 200)
    const max = await phone('max', 1, 'tls')
    const parts = [randomBytes(700_000).toString('latin1'), randomBytes(300_000).toString('latin1')]
    const body = `${parts.map((part) => `--b\r\nContent-Type: application/x-what\r\n\r\n${part}\r\n`).join('')}--b--\r\n`
    const odd: [string, string][] = [
      ['Content-Type', 'multipart/x-odd;boundary=b'],
      ['X-Odd', 'a;b="c, d";e=<f>  g'],
      ['X-odd', 'again'],
    ]
    const answer = await max.request('FROBNICATE', 'sip:mia@thor.local', { body, headers: odd })
    assert.equal(statusOf(answer), 200)
    const seen = mia.requests.find((request) => methodOf(request) === 'FROBNICATE')
    assert.equal(seen?.body.length, body.length)
    assert.ok(seen?.body === body, 'the same bytes')
    const kept = seen?.headers.filter(([name]) => /^(x-odd|content-type)$/i.test(name))
    assert.deepEqual(kept, odd)
    // A larger one is the last that is answered on its connection.
    const huge = 'x'.repeat(1_200_000)
    assert.equal(statusOf(await max.request('FROBNICATE', 'sip:mia@thor.local', { body: huge, limitMs: 5_000 })), 513)
  }),
)

test(
  'a request to a sips address reaches devices over TLS alone',
  deadline(30_000, async () => {
    const [plain, secure] = [await phone('secured', 1, 'udp'), await phone('secured', 2, 'tls')]
    assert.equal(statusOf(await plain.register()), 200)
    const caller = await phone('securely', 3, 'tls')
    const call = () => caller.request('MESSAGE', 'sips:secured@thor.local', { body: 'hello' })
    assert.equal(statusOf(await call()), 480)
    assert.equal(statusOf(await secure.register()), 200)
    assert.equal(statusOf(await call()), 200)
    assert.equal(secure.requests.filter((request) => methodOf(request) === 'MESSAGE').length, 1)
    assert.equal(plain.requests.length, 0)
  }),
)

/** What a peer is shown that asks for this name. */
function shown(number: number, servername = ''): Promise<{ socket: ReturnType<typeof tlsConnect>; subject: string }> {
  return new Promise((done, fail) => {
    const to = { host: node(number).address, port: wirePorts.tls, servername, rejectUnauthorized: false }
    const socket = tlsConnect(to, () => {
      done({ socket, subject: socket.getPeerX509Certificate()?.subject ?? '' })
    })
    socket.on('error', fail)
  })
}

function certificate(commonName: string, issuer?: TlsFiles): TlsFiles {
  const dates = { notBefore: Date.now() - DAY_MS, notAfter: Date.now() + 90 * DAY_MS }
  const init = { commonName, altNames: issuer ? [commonName] : [], serial: Buffer.of(++serial), ...dates }
  return makeCertificate({ ...init, ...(issuer ? { issuer } : { authority: true }) })
}

test(
  'certificates are put in place while the node runs: by name, and no connection is lost',
  deadline(40_000, async () => {
    const first = node(1)
    const before = await shown(1, 'thor.local')
    assert.equal(before.subject, 'CN=thor.local')
    assert.match((await first.operations.certificates({})).note ?? '', /self-signed/)
    const registered = await phone('stays', 1, 'tls')
    assert.equal(statusOf(await registered.register()), 200)

    const authority = certificate('Interop Authority')
    const directory = join(first.data, 'tls')
    const put = (name: string, { cert, key }: TlsFiles): void => {
      writeFileSync(join(directory, `${name}.crt`), cert)
      writeFileSync(join(directory, `${name}.key`), key)
    }
    put('phones', certificate('phones.example', authority))
    mkdirSync(join(directory, 'trunks.example'))
    const trunk = certificate('trunks.example', authority)
    writeFileSync(join(directory, 'trunks.example', 'fullchain.pem'), trunk.cert)
    writeFileSync(join(directory, 'trunks.example', 'privkey.pem'), trunk.key)
    const { certificates, note } = await first.operations.certificates({ reload: true })
    assert.deepEqual(certificates.map(({ name }) => name).toSorted(), ['phones', 'trunks.example'])
    assert.equal(note, null)
    assert.equal((await shown(1, 'trunks.example')).subject, 'CN=trunks.example')
    assert.equal((await shown(1)).subject, 'CN=phones.example')
    // A half-written pair leaves the one before in force.
    copyFileSync(join(directory, 'trunks.example', 'privkey.pem'), join(directory, 'phones.key'))
    await first.operations.certificates({ reload: true })
    assert.equal((await shown(1, 'phones.example')).subject, 'CN=phones.example')
    assert.equal(before.socket.destroyed, false)
    const caller = await phone('caller', 2, 'udp')
    assert.equal((await caller.call('stays')).status, 200)

    if (!openssl) return
    const ca = join(directory, 'ca.pem')
    writeFileSync(ca, authority.cert)
    const args = `-connect ${first.address}:${wirePorts.tls} -servername trunks.example -verify_hostname trunks.example`
    const command = `openssl s_client ${args} -CAfile ${ca} -showcerts </dev/null`
    const { stdout, stderr } = await run('sh', ['-c', command])
    const said = stdout + stderr
    assert.match(said, /Verification: OK/, said)
    assert.match(said, /New, TLSv1\.3/, said)
    assert.equal(said.match(/BEGIN CERTIFICATE/g)?.length, 2, 'the whole chain')
  }),
)

;(baresip ? test : test.skip)(
  'baresip registers over TLS, and takes a call that comes over TCP',
  deadline(60_000, async () => {
    const work = mkdtempSync(join(tmpdir(), 'thor-transports-'))
    const third = node(3)
    for (const user of ['bare', 'sipper']) {
      await third.operations.accountAdd({ aor: `${user}@thor.local`, password: 'secret' })
    }
    const started = startBaresip({
      ...{ work, user: 'bare', address: `${clients}.4`, edge: third.address, hertz: 440 },
      ...{ transport: 'tls' },
    })
    try {
      await isRegistered(started).catch((error) => {
        throw new Error(`${error.message}\n${started.output()}`)
      })
      const [contact] = (await node(1).operations.where({ aor: 'bare@thor.local' })).contacts
      assert.deepEqual([contact?.edge, contact?.transport], ['n3', 'tls'])
      const caller = await phone('sipper', 1, 'tcp')
      const call = await caller.call('bare')
      assert.equal(call.status, 200)
      assert.match(header(call.response, 'User-Agent') || header(call.response, 'Server'), /^baresip/)
      assert.equal(await caller.bye(call.dialog as never, { proxy: node(2).address }), 200)
    } finally {
      started.process.kill('SIGKILL')
      rmSync(work, { recursive: true, force: true })
    }
  }),
)

test.run()
