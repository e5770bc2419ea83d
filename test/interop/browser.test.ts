/**
 * Phones in a browser (JsSIP and SIP.js in Chromium) over secure WebSocket: RFC 7118, names of devices (RFC 5627), and media by
 * ICE and DTLS-SRTP through the relay (SIP-01, SIP-15, SIP-24).
 */
import assert from 'node:assert/strict'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { type BrowserLibrary, type BrowserPhone, type PhoneBrowser, startBrowser } from '../support/browser.ts'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import { available } from '../support/programs.ts'
import { sippCredentials, startSipp } from '../support/sipp.ts'
import { wirePorts } from '../support/wire.ts'

const net = '127.84.1'
const clients = '127.84.2'
const domain = 'thor.local'
const hasBrowser = available('chromium', 'chromium')
const hasSipp = available('sipp', 'sip-tester')

const test = suite('interop: browser')
let cluster: Cluster
let browser: PhoneBrowser
let alice: BrowserPhone
let bob: BrowserPhone
/** The others are JsSIP. */
let sipjs: BrowserPhone

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode
const told = (phone: BrowserPhone, what: RegExp, limitMs = 10_000): Promise<string> =>
  eventually(
    async () => {
      const { calls } = await phone.seen()
      const found = calls.find((line) => what.test(line))
      if (!found) throw new Error(`${JSON.stringify(calls)}\n${browser.output()}`)
      return found
    },
    limitMs,
    `${what} in the page`,
  )

/** Registers over WSS at the first of these nodes, and at the others when that is gone. */
async function open(user: string, order: readonly number[], library?: BrowserLibrary): Promise<BrowserPhone> {
  const phone = await browser.phone(library)
  const nodes = order.map((number) => node(number).address)
  return phone.start({ user, password: 'secret', domain, nodes }).catch((error) => {
    throw new Error(`${error}\n${browser.output()}`)
  })
}

async function callAndPickUp(caller: BrowserPhone, callee: BrowserPhone, to: string): Promise<void> {
  await caller.call(to)
  await told(caller, /^progress/)
  await callee.pickUp()
  await told(caller, /^confirmed/)
  await told(callee, /^confirmed/)
}

test.before(async () => {
  if (!hasBrowser) return
  cluster = await startCluster({ net, nodes: 3, options: ['--sip-wss', String(wirePorts.wss)] })
  for (const user of ['alice', 'bob', 'carol', 'udp']) {
    await node(1).operations.accountAdd({ aor: `${user}@${domain}`, password: 'secret' })
  }
  await cluster.settled()
  browser = await startBrowser(`${clients}.1`)
  alice = await open('alice', [1, 3])
  bob = await open('bob', [2, 3])
  sipjs = await open('carol', [3, 1], 'sipjs')
})
test.after(async () => {
  await browser?.stop()
  await cluster?.stop()
})

const browserTest = hasBrowser ? test : test.skip

browserTest(
  'pages register over WSS, each at its node, and send each other messages',
  deadline(30_000, async () => {
    for (const [user, edge] of [
      ['alice', 'n1'],
      ['bob', 'n2'],
    ] as const) {
      const { contacts } = await node(3).operations.where({ aor: `${user}@${domain}` })
      assert.deepEqual(
        contacts.map((contact) => [contact.edge, contact.transport]),
        [[edge, 'wss']],
      )
    }
    assert.equal(await alice.message(`sip:bob@${domain}`, 'grüß dich'), 200)
    assert.deepEqual((await bob.seen()).messages, ['grüß dich'])
    assert.equal(await bob.message(`sip:alice@${domain}`, 'selber'), 200)
    assert.deepEqual((await alice.seen()).messages, ['selber'])
    assert.equal(await alice.message(`sip:nobody@${domain}`, 'hallo?'), 404)
  }),
)

/** Both get sound, and not from page to page, though that would be nearer. */
async function hearEachOther(...pair: BrowserPhone[]): Promise<void> {
  for (const phone of pair.length > 0 ? pair : [alice, bob]) {
    const report = await eventually(
      async () => {
        const now = await phone.media()
        if (now.received < 50) throw new Error(JSON.stringify(now))
        return now
      },
      15_000,
      'a second of sound',
    )
    assert.equal(report.connection, 'connected')
    assert.match(report.remote, /^127\.84\.1\.[123]:/)
  }
}

browserTest(
  'a call between pages rings, is answered, both hear each other through the relay, and the callee hangs up',
  deadline(40_000, async () => {
    await callAndPickUp(alice, bob, `sip:bob@${domain}`)
    await hearEachOther()
    await bob.hangUp()
    assert.equal(await told(alice, /^(ended|failed)/), 'ended remote Terminated')
    assert.equal(await told(bob, /^(ended|failed)/), 'ended local Terminated')
  }),
)

browserTest(
  'SIP.js and JsSIP call each other, write to each other, and hear each other',
  deadline(60_000, async () => {
    const [contact] = (await node(1).operations.where({ aor: `carol@${domain}` })).contacts
    assert.deepEqual([contact?.edge, contact?.transport], ['n3', 'wss'])
    assert.match(contact?.userAgent ?? '', /^SIP\.js\/0\.21/)
    assert.equal(await sipjs.message(`sip:alice@${domain}`, 'from the other'), 200)
    assert.equal((await alice.seen()).messages.at(-1), 'from the other')
    assert.equal(await alice.message(`sip:carol@${domain}`, 'to the other'), 200)
    assert.equal((await sipjs.seen()).messages.at(-1), 'to the other')
    await callAndPickUp(sipjs, alice, `sip:alice@${domain}`)
    await hearEachOther(sipjs, alice)
    await sipjs.hangUp()
    assert.equal(await told(alice, /^(ended|failed)/), 'ended remote Terminated')
    await callAndPickUp(bob, sipjs, `sip:carol@${domain}`)
    await hearEachOther(sipjs, bob)
    await bob.hangUp()
    assert.equal(await told(sipjs, /^ended/), 'ended remote Terminated')
  }),
)

browserTest(
  'pages give the name of their device as Contact (RFC 5627), and by that name any node leads to it',
  deadline(60_000, async () => {
    // Who called last and whom: each has seen the Contact of the other.
    const nameOf = async (seer: BrowserPhone, user: string): Promise<string> => {
      const { contacts } = await seer.seen()
      const name = /<(sip:[^>]+)>/.exec(contacts.at(-1) ?? '')?.[1] ?? ''
      assert.match(name, new RegExp(`^sip:${user}@thor\\.local;gr=urn:uuid:`))
      return name
    }
    const carol = await nameOf(bob, 'carol')
    assert.equal(await nameOf(sipjs, 'bob'), await nameOf(sipjs, 'bob'))
    // Another page of the same account does not ring for that name.
    const second = await open('carol', [1], 'sipjs')
    await callAndPickUp(alice, sipjs, carol)
    await sipjs.hangUp()
    assert.equal(await told(alice, /^(ended|failed)/), 'ended remote Terminated')
    assert.deepEqual((await second.seen()).calls, [])
    await second.stop()
  }),
)

/** sipp over UDP, registered at the third node, takes one call of alice with this scenario. */
async function withSipp(scenario: string, host: number, call: () => Promise<void>): Promise<void> {
  const address = `${clients}.${host}`
  const rows = [['udp', domain, sippCredentials('udp', 'secret'), `${address}:5060`]]
  const here = { address, port: 5060 }
  const registered = await startSipp({ scenario: 'register', ...here, proxy: node(3).address, rows, calls: 1 }).done
  assert.equal(registered.code, 0, registered.output)
  const uas = startSipp({ scenario, ...here, calls: 1 })
  try {
    await call()
    const { code, output } = await uas.done
    assert.equal(code, 0, output)
  } finally {
    await uas.stop()
  }
}

const sippTest = hasBrowser && hasSipp ? test : test.skip

sippTest(
  'a page calls sipp over UDP, which says that it can do DTLS-SRTP, and hangs up',
  deadline(40_000, () =>
    withSipp('uas-webrtc', 5, async () => {
      await alice.call(`sip:udp@${domain}`)
      await told(alice, /^progress/)
      await told(alice, /^confirmed/)
      await alice.hangUp()
      assert.equal(await told(alice, /^(ended|failed)/), 'ended local Terminated')
    }),
  ),
)

sippTest(
  'the relay does not encrypt for phones that cannot: a page ends a call that is answered with plain RTP',
  deadline(40_000, () =>
    withSipp('uas', 5, async () => {
      await alice.call(`sip:udp@${domain}`)
      await told(alice, /^SDP /)
      assert.equal(await told(alice, /^(ended|failed)/), 'failed remote Bad Media Description')
    }),
  ),
)

browserTest(
  'the node of a page is killed: the page goes to the next by itself, and can be called again',
  deadline(60_000, async () => {
    const before = (await bob.seen()).connections.length
    await cluster.kill(node(2))
    const third = `wss://${node(3).address}:${wirePorts.wss}/`
    await eventually(
      async () => {
        assert.deepEqual((await bob.seen()).connections.slice(before), [third, 'registered'])
        return true
      },
      30_000,
      'bob at the third node',
    )
    const { contacts } = await node(1).operations.where({ aor: `bob@${domain}` })
    assert.deepEqual(
      contacts.map(({ edge }) => edge),
      ['n3'],
    )
    await callAndPickUp(alice, bob, `sip:bob@${domain}`)
    await hearEachOther()
    await alice.hangUp()
    assert.equal(await told(bob, /^(ended|failed)/), 'ended remote Terminated')
  }),
)

test.run()
