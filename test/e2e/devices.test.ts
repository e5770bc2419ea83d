/**
 * Devices on three nodes: several flows of one device (SIP-14, RFC 5626), names of single devices (RFC 5627). The last test
 * kills a node.
 */
import assert from 'node:assert/strict'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { contactsIn, Phone, type PhoneInit } from '../support/phone.ts'
import { header, methodOf, statusOf } from '../support/sip-message.ts'

const net = '127.36.1'
const clients = '127.36.2'
const ID = 'urn:uuid:00000000-0000-1000-8000-000a95a0e12'
/** From the call to the bell, though an edge was killed just before. */
const RING_LIMIT_MS = 5_000

const test = suite('e2e: devices')
let cluster: Cluster
const phones: Phone[] = []
let lastHost = 10

const node = (number: number): string => `${net}.${number}`

async function phone(user: string, edge: number, init: Partial<PhoneInit> = {}): Promise<Phone> {
  await cluster.nodes[edge - 1]?.operations.accountAdd({ aor: `${user}@thor.local`, password: 'secret' }).catch(() => 0)
  const address = `${clients}.${lastHost++}`
  const made = await new Phone({ user, password: 'secret', address, proxy: node(edge), ...init }).start()
  phones.push(made)
  return made
}

/** Registers a flow of this phone's device at a node. */
async function flow(device: Phone, edge: number, regId: number, more = ''): Promise<string> {
  const contact = `${device.contact};reg-id=${regId};+sip.instance="<${ID}${more}>"`
  const ok = await device.register({ proxy: node(edge), contact, headers: [['Supported', 'path, outbound, gruu']] })
  assert.equal(statusOf(ok), 200)
  assert.equal(header(ok, 'Require'), 'outbound')
  return contactsIn(ok).find((value) => value.includes(`<${ID}${more}>`)) ?? ''
}

const bound = async (user: string): Promise<number> =>
  (await cluster.nodes[2]?.operations.where({ aor: `${user}@thor.local` }))?.contacts.length ?? 0

test.before(async () => {
  cluster = await startCluster({ net, nodes: 3 })
  await cluster.settled()
})
test.after(async () => {
  for (const made of phones) await made.stop()
  await cluster?.stop()
})

test(
  'a name that one node gave is resolved by another, and rings one of two devices',
  deadline(30_000, async () => {
    const desk = await phone('named', 1)
    const mobile = await phone('named', 2)
    await flow(desk, 1, 1, '1')
    const contact = await flow(mobile, 2, 1, '2')
    const caller = await phone('namer', 3)
    for (const kind of ['pub-gruu', 'temp-gruu']) {
      const uri = new RegExp(`${kind}="([^"]+)"`).exec(contact)?.[1] ?? ''
      assert.match(uri, /^sip:.+;gr/)
      const { status, dialog } = await caller.call(uri.slice('sip:'.length))
      assert.equal(status, 200)
      assert.ok(dialog)
      assert.equal(await caller.bye(dialog), 200)
    }
    assert.equal(mobile.requests.filter((request) => methodOf(request) === 'INVITE').length, 2)
    assert.equal(desk.requests.length, 0)
  }),
)

test(
  'the binding of a connection that closes is gone at once, on every node',
  deadline(30_000, async () => {
    const device = await phone('leaver', 1, { transport: 'tcp' })
    await flow(device, 1, 1)
    assert.equal(await bound('leaver'), 1)
    await device.stop()
    await eventually(async () => (await bound('leaver')) === 0, 5_000, 'the binding to go')
    const caller = await phone('left', 2)
    assert.equal((await caller.call('leaver')).status, 480)
  }),
)

test(
  'two flows, the edge of the one in use is killed: the device rings by the other one, once',
  deadline(60_000, async () => {
    const device = await phone('doubled', 1, { transport: 'tcp' })
    await flow(device, 2, 2)
    // The newest flow is the one that is used.
    await flow(device, 1, 1)
    assert.equal(await bound('doubled'), 2)
    const caller = await phone('doubler', 3)
    const first = await caller.call('doubled')
    assert.equal(first.status, 200)
    assert.ok(first.dialog)
    await cluster.kill(cluster.nodes[0] as never)
    const began = performance.now()
    let rangAfter = Number.POSITIVE_INFINITY
    const onProvisional = (response: Parameters<typeof statusOf>[0]): void => {
      if (statusOf(response) === 180) rangAfter = Math.min(rangAfter, performance.now() - began)
    }
    const { status } = await caller.call('doubled', { onProvisional })
    assert.equal(status, 200)
    assert.ok(rangAfter < RING_LIMIT_MS, `rang after ${rangAfter} ms`)
    const invites = device.requests.filter((request) => methodOf(request) === 'INVITE')
    assert.equal(invites.length, 2, 'one for each call')
    // The call that was up before is within its dialog, which leads to the flow that is left.
    assert.equal(await caller.bye(first.dialog), 200)
  }),
)

test.run()
