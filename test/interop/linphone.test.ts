/** linphone over UDP, TCP and TLS at three nodes: calls with sound, names of devices (RFC 5627), messages, SHA-256 alone (SIP-02, SIP-04, SIP-15, SIP-24, SIP-25). */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import { type Linphone, type LinphoneInit, readyLinphone, startLinphone } from '../support/linphone.ts'
import { Phone } from '../support/phone.ts'
import { available } from '../support/programs.ts'
import { headers, methodOf, statusOf, uriIn } from '../support/sip-message.ts'
import { pitchOf } from '../support/wav.ts'

const net = '127.85.1'
const clients = '127.85.2'
const installed = available('linphonec', 'linphone-cli')

const test = suite('interop: linphone')
const run = installed ? test : test.skip
/** Three seconds of sound: 16 bits at 48 kHz. */
const ENOUGH_BYTES = 3 * 48_000 * 2
const NEAR_HERTZ = 20

let cluster: Cluster
let work: string
const started: Linphone[] = []
const phones: Phone[] = []

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode
const edges = { alice: 1, bob: 2, carol: 3 } as const
type User = keyof typeof edges
const hertz: Readonly<Record<User, number>> = { alice: 440, bob: 880, carol: 1320 }
const transports: Readonly<Record<User, 'udp' | 'tcp' | 'tls'>> = { alice: 'udp', bob: 'tls', carol: 'tcp' }
const linphones = new Map<User, Linphone>()
const of = (user: User): Linphone => linphones.get(user) as Linphone

async function start(user: User): Promise<void> {
  const { address, data } = node(edges[user])
  const transport = transports[user]
  const authority = join(work, `${user}.pem`)
  // It checks whom it talks to: the certificate that the node has made itself is what it was told to believe.
  if (transport === 'tls') writeFileSync(authority, readFileSync(join(data, 'tls/self-signed.crt')))
  const init: LinphoneInit = {
    ...{ work, user, transport, edge: address, hertz: hertz[user], address: `${clients}.${edges[user]}` },
    ...(transport === 'tls' && { authority }),
  }
  const phone = startLinphone(init)
  started.push(phone)
  await readyLinphone(phone, init)
  linphones.set(user, phone)
}

test.before(async () => {
  if (!installed) return
  work = mkdtempSync(join(tmpdir(), 'thor-linphone-'))
  cluster = await startCluster({ net, nodes: 3 })
  for (const user of [...Object.keys(edges), 'dave']) {
    await node(1).operations.accountAdd({ aor: `${user}@thor.local`, password: 'secret' })
  }
  await cluster.settled()
  for (const user of Object.keys(edges)) await start(user as User)
})
test.after(async () => {
  for (const { process } of started) process.kill('SIGKILL')
  for (const phone of phones) await phone.stop()
  await cluster?.stop()
  if (work) rmSync(work, { recursive: true, force: true })
})

/** What was said by a linphone, and not by what was said before. */
function since(phone: Linphone, mark: number, what: RegExp, limitMs = 15_000): Promise<RegExpExecArray> {
  return eventually(() => what.exec(phone.output().slice(mark)) ?? undefined, limitMs, `${what}`).catch((error) => {
    throw new Error(`${error.message}\n${phone.output().slice(-2_000)}`)
  })
}

/** Until both have heard enough; the caller hangs up, and their recordings are whole then. */
async function callAndTalk(from: User, to: User): Promise<void> {
  const [caller, callee] = [of(from), of(to)]
  const marks = [caller, callee].map((phone) => phone.output().length) as [number, number]
  for (const [phone, user] of [
    [caller, from],
    [callee, to],
  ] as const) {
    phone.say(`record ${join(work, user)}/heard-${from}-${to}.wav`)
  }
  caller.say(`call sip:${to}@thor.local`)
  await since(caller, marks[0], /Media streams established/)
  await since(callee, marks[1], new RegExp(`incoming call from sip:${from}@thor.local`))
  const heard = (user: User): Buffer => of(user).heard(`heard-${from}-${to}.wav`)
  await eventually(() => heard(from).length > ENOUGH_BYTES && heard(to).length > ENOUGH_BYTES, 30_000, 'both recording')
  caller.say('terminate')
  await since(callee, marks[1], /ended \(No error\)/)
  for (const [user, other] of [
    [from, to],
    [to, from],
  ] as const) {
    const pitch = await eventually(() => pitchOf(heard(user)), 10_000, `the recording of ${user}`)
    assert.ok(Math.abs(pitch - hertz[other]) < NEAR_HERTZ, `${user} hears ${pitch} Hz, ${other} plays ${hertz[other]}`)
  }
}

run(
  'over UDP, TCP and TLS they call each other through a relay; each hears the tone of the other',
  deadline(120_000, async () => {
    const found = await node(3).operations.where({ aor: 'bob@thor.local' })
    assert.deepEqual([found.contacts[0]?.edge, found.contacts[0]?.transport], ['n2', 'tls'])
    assert.match(found.contacts[0]?.userAgent ?? '', /^Linphonec\/5/)
    await callAndTalk('alice', 'bob')
    await callAndTalk('carol', 'alice')
    await callAndTalk('bob', 'carol')
    const ended = await eventually(
      async () => {
        const { calls } = await node(2).operations.calls({})
        return calls.length === 3 && calls.every(({ endedAt }) => endedAt !== null) ? calls : undefined
      },
      20_000,
      'three records closed',
    )
    for (const call of ended) {
      assert.equal(call.endCause, 'bye-caller')
      assert.match(call.userAgentCaller, /^Linphonec/)
      assert.ok(call.bytesCaller > 4_000 && call.bytesCallee > 4_000, JSON.stringify(call))
    }
  }),
)

run(
  'they are told names of their own devices, use them as Contact, and hang up at the name of the other',
  deadline(60_000, async () => {
    const name = /^Contact: .*;pub-gruu="(sip:alice@thor\.local;gr=urn:uuid:[^"]+)"/m.exec(of('alice').log())?.[1]
    assert.ok(name, 'a name in the answer to REGISTER')
    assert.ok(of('bob').log().includes(`Contact: <${name}>`), 'bob was called by that name')
    assert.match(of('alice').log(), /^BYE sip:bob@thor\.local;gr=urn:uuid:\S+ SIP\/2\.0/m)
    // Another node leads to the device all the same, and to no other of the account.
    const second = await new Phone({
      ...{ user: 'alice', password: 'secret', address: `${clients}.11`, proxy: node(2).address },
    }).start()
    const dave = await new Phone({
      ...{ user: 'dave', password: 'secret', address: `${clients}.12`, proxy: node(3).address },
    }).start()
    phones.push(second, dave)
    assert.equal(statusOf(await second.register()), 200)
    assert.equal(statusOf(await dave.register()), 200)
    const { response } = await dave.call(name.replace(/^sip:/, ''))
    assert.equal(statusOf(response), 200)
    assert.equal(uriIn(headers(response, 'Contact')[0] ?? ''), name, 'and it answers with it')
    assert.equal(second.requests.filter((request) => methodOf(request) === 'INVITE').length, 0)
    const mark = of('alice').output().length
    of('alice').say('terminate')
    await since(of('alice'), mark, /ended \(No error\)/)
    await eventually(() => dave.requests.some((request) => methodOf(request) === 'BYE'), 10_000, 'the BYE at dave')
    // For a call to the account all of its devices ring.
    second.behaviour = 'ring'
    assert.equal((await dave.call('alice')).status, 200)
    assert.equal(second.requests.filter((request) => methodOf(request) === 'INVITE').length, 1)
    of('alice').say('terminate')
    await eventually(
      () => dave.requests.filter((request) => methodOf(request) === 'BYE').length === 2,
      10_000,
      'the second BYE at dave',
    )
  }),
)

run(
  'messages go from one transport to the other, and tell that they have come (RFC 5438)',
  deadline(60_000, async () => {
    const mark = of('carol').output().length
    of('bob').say('chat sip:carol@thor.local are you there')
    await since(of('carol'), mark, /Message received from sip:bob@thor.local: are you there/)
    await eventually(() => /^Content-Type: message\/imdn\+xml/m.test(of('bob').log()), 10_000, 'the notice at bob')
  }),
)

run(
  'with SHA-256 alone it registers and calls as well',
  deadline(90_000, async () => {
    const strict = await startCluster({ net: '127.85.3', nodes: 1, options: ['--sip-algorithms', 'SHA-256'] })
    try {
      const { address, operations } = strict.nodes[0] as ClusterNode
      for (const user of ['erin', 'frank'])
        await operations.accountAdd({ aor: `${user}@thor.local`, password: 'secret' })
      const frank = await new Phone({
        ...{ user: 'frank', password: 'secret', address: `${clients}.22`, proxy: address },
      }).start()
      phones.push(frank)
      assert.equal(statusOf(await frank.register({ algorithm: 'SHA-256' })), 200)
      const init: LinphoneInit = { work, user: 'erin', edge: address, hertz: 440, address: `${clients}.21` }
      const erin = startLinphone(init)
      started.push(erin)
      await readyLinphone(erin, init)
      assert.match(erin.log(), /^Authorization: .*algorithm=SHA-256/m)
      erin.say('call sip:frank@thor.local')
      await since(erin, 0, /Media streams established/)
      erin.say('terminate')
      await eventually(() => frank.requests.some((request) => methodOf(request) === 'BYE'), 10_000, 'the BYE')
    } finally {
      await strict.stop()
    }
  }),
)

run(
  'who does not believe the certificate of the node does not register',
  deadline(60_000, async () => {
    const init: LinphoneInit = {
      ...{ work, user: 'dave', transport: 'tls', edge: node(1).address, hertz: 440, address: `${clients}.13` },
      authority: join(work, 'other.pem'),
    }
    writeFileSync(init.authority as string, readFileSync(join(node(3).data, 'tls/self-signed.crt')))
    const phone = startLinphone(init)
    started.push(phone)
    await eventually(
      () => /SSL handshake failed|Certificate verification failed|TLS handshake failed/i.test(phone.log()),
      20_000,
      'linphone to refuse',
    ).catch((error) => {
      throw new Error(`${error.message}\n${phone.log().slice(-3_000)}`)
    })
    assert.equal(phone.log().includes('[LinphoneRegistrationOk]'), false)
  }),
)

test.run()
