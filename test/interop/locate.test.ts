/** Two rings that know each other by DNS alone: NAPTR, SRV with weights, fail-over to the node that lives; and Kamailio (SIP-11). */
import assert from 'node:assert/strict'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { Carrier } from '../support/carrier.ts'
import { type Cluster, ports, startCluster } from '../support/cluster.ts'
import { Phone } from '../support/phone.ts'
import { available } from '../support/programs.ts'
import { header, methodOf, statusOf } from '../support/sip-message.ts'

const near = '127.82.3'
const far = '127.82.4'
const clients = '127.82.5'

const test = suite('interop: locate')
const withKamailio = available('kamailio', 'kamailio') ? test : test.skip
let home: Cluster
let other: Cluster
const phones: Phone[] = []

async function phone(cluster: Cluster, user: string, domain: string, host: number, edge: number): Promise<Phone> {
  const node = cluster.nodes[edge - 1]
  await node?.operations.accountAdd({ aor: `${user}@${domain}`, password: 'secret' })
  const address = `${clients}.${host}`
  const proxy = node?.address ?? ''
  const made = await new Phone({ user, password: 'secret', domain, address, proxy }).start()
  phones.push(made)
  return made
}

test.before(async () => {
  other = await startCluster({ net: far, nodes: 3, options: ['--domain', 'far.example', '--dns-ttl', '0s'] })
  // The DNS of the far ring is what this machine's resolver would find by delegation.
  const servers = `${far}.2:${ports.dns}`
  home = await startCluster({
    net: near,
    nodes: 1,
    options: ['--sip-dns-servers', servers, '--domain', 'near.example'],
  })
  await other.settled()
})
test.after(async () => {
  for (const made of phones) await made.stop()
  await Promise.all([home?.stop(), other?.stop()])
})

test(
  'a call to another domain finds its nodes by NAPTR and SRV, all of them in turn',
  deadline(60_000, async () => {
    const bob = await phone(other, 'bob', 'far.example', 11, 3)
    assert.equal(statusOf(await bob.register()), 200)
    const alice = await phone(home, 'alice', 'near.example', 12, 1)
    const entered = new Set<string>()
    await eventually(
      async () => {
        const { status, dialog } = await alice.call('bob@far.example')
        assert.equal(status, 200)
        assert.ok(dialog)
        assert.equal(await alice.bye(dialog), 200)
        // The far node that took the call stands in the Via below the one of the node of bob.
        const invite = bob.requests.filter((request) => methodOf(request) === 'INVITE').at(-1)
        const top = invite?.headers.find(([name]) => name.toLowerCase() === 'via')?.[1] ?? ''
        entered.add(/127\.82\.4\.\d/.exec(top)?.[0] ?? top)
        return entered.size === 3
      },
      40_000,
      'a call through each of three nodes',
    )
  }),
)

test(
  'a node that is gone without notice costs seconds, not the call',
  deadline(60_000, async () => {
    const bob = phones[0] as Phone
    const alice = phones[1] as Phone
    // Stopped, not killed: nothing answers, nothing refuses, and DNS still names it for a while.
    const asleep = other.nodes[0]
    asleep?.process.kill('SIGSTOP')
    try {
      for (let i = 0; i < 4; i++) {
        const { status, dialog } = await alice.call('bob@far.example', { limitMs: 20_000 })
        assert.equal(status, 200)
        assert.ok(dialog)
        assert.equal(await alice.bye(dialog), 200)
      }
      assert.ok(bob.requests.length > 0)
    } finally {
      asleep?.process.kill('SIGCONT')
    }
  }),
)

withKamailio(
  'Kamailio is another domain: its user is called, hangs up, and calls back, by a node that nobody asks to be let in',
  deadline(60_000, async () => {
    const address = `${near}.50`
    const kamailio = new Carrier({ listen: [`udp:${address}:5060`], user: 'nobody', open: true })
    kamailio.start()
    try {
      const zoe = await new Phone({
        ...{ user: 'zoe', password: 's3cret', domain: 'carrier.example', address: `${clients}.13`, proxy: address },
      }).start()
      phones.push(zoe)
      await eventually(
        async () => statusOf(await zoe.register({ algorithm: 'SHA-256' })) === 200,
        10_000,
        'Kamailio to take her',
      )
      const mary = await phone(home, 'mary', 'near.example', 14, 1)
      assert.equal(statusOf(await mary.register()), 200)
      assert.equal((await mary.call(`zoe@${address}`)).status, 200, kamailio.said)
      assert.equal(await zoe.bye(zoe.taken.at(-1) as never), 200)
      await eventually(() => mary.requests.some((request) => methodOf(request) === 'BYE'), 5_000, 'the BYE at mary')
      const headers: [string, string][] = [
        ['X-Next', `sip:${near}.1:5060`],
        ['P-Asserted-Identity', '<sip:president@near.example>'],
      ]
      const back = await zoe.call('mary@near.example', { headers })
      assert.equal(back.status, 200, kamailio.said)
      const invite = mary.requests.find((request) => methodOf(request) === 'INVITE')
      assert.equal(invite ? header(invite, 'P-Asserted-Identity') : '-', '', 'what a stranger asserts is taken away')
      assert.equal(back.dialog && (await zoe.bye(back.dialog)), 200)
    } finally {
      await kamailio.stop()
      kamailio.clean()
    }
  }),
)

test.run()
