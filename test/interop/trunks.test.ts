/**
 * Kamailio as a carrier of three nodes (SIP-22, LC-05, LC-07): registration that outlives the node that made it, digest towards
 * the carrier, calls out and in, and a carrier that goes away.
 */
import { resolve } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Carrier } from '../support/carrier.ts'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import { contactsIn, type Dialog, Phone } from '../support/phone.ts'
import { available, run } from '../support/programs.ts'
import { header, methodOf, statusOf } from '../support/sip-message.ts'

const NET = '127.83.1'
const CARRIER = `${NET}.50`
const TRUNK_USER = '3120999'
const NUMBER = '+31201234567'
const bin = resolve(import.meta.dirname, '../../bin/thor-node.js')

const test = suite('interop: trunks')
const there = available('kamailio', 'kamailio')

const carrier = new Carrier({ listen: [`udp:${CARRIER}:5060`], user: TRUNK_USER })
let cluster: Cluster
let alice: Phone
let bob: Phone
let outside: Phone
let looker: Phone

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode
const command = (...words: string[]): ReturnType<typeof run> =>
  run(process.execPath, [bin, ...words, '--data', liveNode().data], { timeoutMs: 30_000 })
const liveNode = (): ClusterNode =>
  cluster.nodes.find(({ process: { exitCode, signalCode } }) => exitCode === null && signalCode === null) as ClusterNode
const trunkAt = async (of: ClusterNode) => (await of.operations.trunkList()).trunks[0]

/** Where the carrier would send a call for the trunk. */
async function bindings(): Promise<string[]> {
  const answer = await looker.register({ contact: '' })
  return contactsIn(answer).map((contact) => /@([\d.]+):/.exec(contact)?.[1] ?? contact)
}

async function callOut(proxy: string): Promise<Dialog> {
  const { status, dialog } = await alice.call(NUMBER, { proxy })
  assert.is(status, 200, carrier.said)
  assert.ok(dialog)
  return dialog as Dialog
}

async function callIn(): Promise<void> {
  const before = bob.requests.filter((request) => methodOf(request) === 'INVITE').length
  const { status, dialog } = await outside.call(TRUNK_USER, { algorithm: 'SHA-256' })
  assert.is(status, 200, carrier.said)
  assert.is(bob.requests.filter((request) => methodOf(request) === 'INVITE').length, before + 1)
  assert.is(dialog && (await outside.bye(dialog)), 200)
}

test.before(async () => {
  if (!there) return
  carrier.start()
  cluster = await startCluster({ net: NET, nodes: 3 })
  await cluster.settled()
  const { operations } = node(1)
  await operations.accountAdd({ aor: 'alice@thor.local', password: 'secret', groups: ['free-pstn'] })
  await operations.accountAdd({ aor: `${TRUNK_USER}@thor.local`, password: 'secret' })
  await operations.accountAdd({ aor: 'eve@thor.local', password: 'secret' })
  alice = await new Phone({ user: 'alice', password: 'secret', address: `${NET}.61`, proxy: node(2).address }).start()
  bob = await new Phone({ user: TRUNK_USER, password: 'secret', address: `${NET}.62`, proxy: node(3).address }).start()
  const domain = 'carrier.example'
  looker = await new Phone({ user: TRUNK_USER, password: '', domain, address: `${NET}.70`, proxy: CARRIER }).start()
  outside = await new Phone({ user: NUMBER, password: 's3cret', domain, address: `${NET}.63`, proxy: CARRIER }).start()
  assert.is(statusOf(await outside.register({ algorithm: 'SHA-256' })), 200)
  assert.is(statusOf(await bob.register()), 200)
  assert.is(statusOf(await alice.register()), 200)
})
test.after(async () => {
  await Promise.all([alice, bob, outside, looker].map((one) => one?.stop()))
  await cluster?.stop()
  await carrier.stop()
  carrier.clean()
})

const interop = (name: string, work: () => Promise<void>): void => {
  if (there) test(name, deadline(90_000, work))
}

interop('a trunk added at one node is registered by one node, and all know it', async () => {
  const peer = await command('peer', 'add', 'carrier', '--from', CARRIER, '--domain', 'thor.local')
  assert.is(peer.code, 0, peer.stderr)
  const secret = ['--user', TRUNK_USER, '--password', 's3cret', '--register', '--domain', 'carrier.example']
  const words = ['--to', CARRIER, '--prefix', '+', '--probe', '1', '--peer', 'carrier', '--expires', '120']
  const added = await command('trunk', 'add', 'carrier', ...words, ...secret)
  assert.is(added.code, 0, added.stderr)
  for (const one of cluster.nodes) {
    const seen = await eventually(
      async () => {
        const trunk = await trunkAt(one)
        return trunk?.up && trunk.registration?.registered ? trunk : undefined
      },
      15_000,
      `node ${one.number} to know that it is registered; the carrier: ${carrier.said}`,
    )
    assert.ok(seen.node)
  }
  assert.is((await bindings()).length, 1)
  const { stdout } = await command('trunk', 'list', '--json')
  assert.not.match(stdout, /s3cret/)
})

interop('a call out is answered for at the carrier, and ends from both sides, through any node', async () => {
  const first = await callOut(node(2).address)
  const invite = outside.requests.find((request) => methodOf(request) === 'INVITE')
  assert.match(invite ? header(invite, 'From') : '', /sip:3120999@carrier\.example/)
  assert.match(invite ? header(invite, 'P-Asserted-Identity') : '', /sip:alice@thor\.local/)
  assert.is(await alice.bye(first, { proxy: node(1).address }), 200)
  const bye = await eventually(
    () => outside.requests.find((request) => methodOf(request) === 'BYE'),
    5_000,
    'the BYE to come out of the carrier',
  )
  assert.match(header(bye, 'From'), /sip:3120999@carrier\.example/)
  assert.ok(Number.parseInt(header(bye, 'CSeq'), 10) > Number.parseInt(invite ? header(invite, 'CSeq') : '', 10))
  await callOut(node(3).address)
  const taken = outside.taken.at(-1)
  assert.is(taken && (await outside.bye(taken, { algorithm: 'SHA-256' })), 200, carrier.said)
  await eventually(() => alice.requests.some((request) => methodOf(request) === 'BYE'), 5_000, 'the BYE at alice')
})

interop('who has no right to call out is refused, and nobody is asked for the password of the carrier', async () => {
  const eve = await new Phone({ user: 'eve', password: 'secret', address: `${NET}.64`, proxy: node(1).address }).start()
  assert.is((await eve.call(NUMBER)).status, 403)
  assert.is((await eve.call('0499')).status, 404, 'a number that no trunk takes')
  await eve.stop()
  assert.is((await alice.call('+31999')).status, 404, 'what the carrier says')
})

interop('a call in reaches the account, without digest', callIn)

interop('the node that registered is killed: another registers at once, over the same Call-ID, alone', async () => {
  const before = carrier.registers
  const owner = cluster.nodes.find(({ address }) => before.at(-1)?.contact.includes(`@${address}:`)) as ClusterNode
  const killedAt = performance.now()
  await cluster.kill(owner)
  const next = await eventually(
    () => carrier.registers.slice(before.length).find(({ contact }) => !contact.includes(`@${owner.address}:`)),
    15_000,
    'another node to register',
  )
  console.log(`registered anew ${Math.round(performance.now() - killedAt)} ms after kill -9`)
  assert.is(next.callId, before.at(-1)?.callId)
  assert.ok(next.cseq > (before.at(-1)?.cseq ?? 0), `${next.cseq}`)
  await eventually(async () => (await bindings()).length === 1, 5_000, 'the binding of the dead node to be gone')
  assert.not.ok((await bindings()).includes(owner.address))
  const other = liveNode()
  bob.init.proxy = other.address
  alice.init.proxy = other.address
  assert.is(statusOf(await bob.register()), 200)
  await callIn()
  assert.is(await alice.bye(await callOut(other.address)), 200)

  await cluster.restart(owner)
  await cluster.settled()
  const back = carrier.registers.length
  await eventually(
    async () => {
      const views = await Promise.all(cluster.nodes.map(trunkAt))
      return (
        new Set(views.map((view) => view?.node)).size === 1 && views.every((view) => view?.registration?.registered)
      )
    },
    15_000,
    'all to agree who registers',
  )
  await eventually(async () => (await bindings()).length === 1, 10_000, 'one binding again')
  // Whoever it is has registered once or twice since; the two did not take turns.
  const since = carrier.registers.slice(back)
  assert.ok(since.length <= 4, since.map(({ contact }) => contact).join(', '))
  const numbers = carrier.registers.map(({ cseq }) => cseq)
  assert.equal(
    numbers,
    [...numbers].sort((a, b) => a - b),
    'numbers only grow',
  )
  await callIn()
})

interop(
  'a carrier that is silent is down at all nodes within seconds, with an alarm; and up again when it speaks',
  async () => {
    await carrier.stop()
    for (const one of cluster.nodes) {
      await eventually(async () => (await trunkAt(one))?.up === false, 30_000, `node ${one.number} to see it down`)
    }
    const status = await command('status')
    assert.match(status.stdout, /trunk carrier \(sip:127\.83\.1\.50\) does not answer/)
    assert.is((await alice.call(NUMBER)).status, 503)
    // Ends that another node saw are found within half a minute.
    await eventually(async () => (await trunkAt(node(1)))?.calls === 0, 45_000, 'no call to be counted any more')
    carrier.start()
    for (const one of cluster.nodes) {
      await eventually(async () => (await trunkAt(one))?.up === true, 30_000, `node ${one.number} to see it up`)
    }
  },
)

interop('a trunk that is removed takes its registration back', async () => {
  await eventually(async () => (await trunkAt(node(1)))?.registration?.registered, 60_000, 'to be registered again')
  await eventually(async () => (await bindings()).length === 1, 30_000, 'the carrier to know it')
  assert.is((await command('trunk', 'remove', 'carrier')).code, 0)
  await eventually(async () => (await bindings()).length === 0, 15_000, 'the binding to go')
  assert.is((await command('trunk', 'remove', 'carrier')).code, 1)
})

test.run()
