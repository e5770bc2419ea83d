/** Registrations through every node: sipp, sipsak, and a scripted phone for what those do not do (SIP-03, SIP-04). */
import assert from 'node:assert/strict'
import { deadline, eventually } from '@thor-node/core/testing'
import type { ContactView } from '@thor-node/nodes'
import { suite } from 'uvu'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { contactsIn, Phone, type PhoneInit } from '../support/phone.ts'
import { available, run } from '../support/programs.ts'
import { headers, statusOf } from '../support/sip-message.ts'
import { sippCredentials, startSipp } from '../support/sipp.ts'

const net = '127.24.1'
/** A name that every machine can resolve: sipsak looks it up even when it is given a proxy. */
const domain = 'localhost'
const clients = '127.24.2'
const sipp = available('sipp', 'sip-tester')
const sipsak = available('sipsak', 'sipsak')

const test = suite('interop: register')
let cluster: Cluster
const phones: Phone[] = []
let lastHost = 10

const node = (number: number): string => `${net}.${number}`
const addAccount = (user: string): Promise<unknown> | undefined =>
  cluster.nodes[0]?.operations.accountAdd({ aor: `${user}@${domain}`, password: `secret-${user}` })

async function phone(user: string, edge: number, init: Partial<PhoneInit> = {}): Promise<Phone> {
  const address = `${clients}.${lastHost++}`
  const made = await new Phone({
    user,
    password: `secret-${user}`,
    address,
    proxy: node(edge),
    domain,
    ...init,
  }).start()
  phones.push(made)
  return made
}

/** What the node says about the contacts of an account. */
async function contacts(user: string, edge: number): Promise<ContactView[]> {
  const where = await cluster.nodes[edge - 1]?.operations.where({ aor: `${user}@${domain}` })
  return (where?.contacts ?? []).toSorted((a, b) => a.contact.localeCompare(b.contact))
}

test.before(async () => {
  cluster = await startCluster({ net, nodes: 3, options: ['--domain', domain] })
})
test.after(async () => {
  for (const made of phones) await made.stop()
  await cluster?.stop()
})

;(sipp ? test : test.skip)(
  'sipp registers accounts with MD5 through all nodes in turn, over UDP and TCP, and every node finds them',
  deadline(60_000, async () => {
    const users = Array.from({ length: 12 }, (_, index) => `s${index}`)
    await Promise.all(users.map(addAccount))
    await Promise.all(
      [1, 2, 3].map(async (edge) => {
        const mine = users.filter((_, index) => index % 3 === edge - 1)
        const rows = mine.map((user) => [user, domain, sippCredentials(user, `secret-${user}`), `${clients}.1:5060`])
        const init = {
          scenario: 'register',
          address: `${clients}.${edge}`,
          proxy: node(edge),
          rows,
          calls: rows.length,
        }
        const { code, output } = await startSipp({ ...init, tcp: edge === 3 }).done
        assert.equal(code, 0, output)
      }),
    )
    for (const [index, user] of users.entries()) {
      for (const edge of [1, 2, 3]) {
        const found = await contacts(user, edge)
        assert.equal(found.length, 1, `${user} at node ${edge}`)
        assert.equal(found[0]?.edge, `n${(index % 3) + 1}`)
        assert.equal(found[0]?.transport, index % 3 === 2 ? 'tcp' : 'udp')
        assert.ok((found[0]?.expiresSeconds ?? 0) > 500)
      }
    }
    // Acknowledged by two of three replicas; the home, which counts, may be the third, some milliseconds later.
    const all = async () => (await cluster.nodes[2]?.operations.status())?.totals.registrations === 12
    await eventually(all, 10_000, '12 registrations counted')
  }),
)

;(sipp ? test : test.skip)(
  'sipp with a wrong password gets 403 instead of its registration',
  deadline(40_000, async () => {
    await addAccount('locked')
    const rows = [['locked', domain, sippCredentials('locked', 'wrong'), `${clients}.4:5060`]]
    const { code } = await startSipp({ scenario: 'register', address: `${clients}.4`, proxy: node(2), rows, calls: 1 })
      .done
    assert.equal(code, 1)
    const liar = await phone('locked', 2, { password: 'wrong' })
    assert.equal(statusOf(await liar.register()), 403)
    const stranger = await phone('nobody-at-all', 2)
    assert.equal(statusOf(await stranger.register()), 403, 'an unknown account looks like a wrong password')
    assert.deepEqual(await contacts('locked', 1), [])
  }),
)

;(sipsak ? test : test.skip)(
  'sipsak registers at each node',
  deadline(40_000, async () => {
    await addAccount('sak')
    for (const edge of [1, 2, 3]) {
      const contact = `sip:sak@${clients}.5:${5060 + edge}`
      const { code, stdout, stderr } = await run('sipsak', [
        ...['-U', '-s', `sip:sak@${domain}`, '-p', node(edge), '-H', `${clients}.5`],
        ...['-C', contact, '-x', '300', '-u', 'sak', '-a', 'secret-sak', '-vv'],
      ])
      assert.equal(code, 0, stdout + stderr)
      assert.equal((await contacts('sak', (edge % 3) + 1)).length, edge)
    }
  }),
)

test(
  'several contacts, each through another node; refresh, query, removal of one and of all',
  deadline(40_000, async () => {
    await addAccount('many')
    const [one, two, three] = [
      await phone('many', 1),
      await phone('many', 2, { transport: 'tcp' }),
      await phone('many', 3),
    ]
    assert.equal(contactsIn(await one.register({ expires: 300 })).length, 1)
    assert.equal(contactsIn(await two.register()).length, 2)
    assert.equal(contactsIn(await three.register()).length, 3, 'each answer lists all contacts')
    for (const edge of [1, 2, 3])
      assert.deepEqual((await contacts('many', edge)).map((view) => view.edge).sort(), ['n1', 'n2', 'n3'])

    const left = async (): Promise<number> =>
      (await contacts('many', 2)).find((view) => view.contact.includes(one.name))?.expiresSeconds ?? 0
    assert.ok((await left()) <= 300)
    assert.equal(contactsIn(await one.register({ expires: 600 })).length, 3, 'a refresh adds nothing')
    assert.ok((await left()) > 300)

    const listed = contactsIn(await two.register({ contact: '' }))
    assert.equal(listed.length, 3, 'a query changes nothing')
    for (const line of listed) assert.match(line, /;expires=\d+/)

    assert.equal(contactsIn(await two.register({ expires: 0 })).length, 2)
    for (const edge of [1, 2, 3]) assert.equal((await contacts('many', edge)).length, 2)
    assert.equal(contactsIn(await three.register({ contact: '*', expires: 0 })).length, 0)
    for (const edge of [1, 2, 3]) assert.deepEqual(await contacts('many', edge), [])
  }),
)

test(
  'SHA-256 is offered and taken; MD5 too; lives that are too short get 423 with the minimum',
  deadline(40_000, async () => {
    await addAccount('modern')
    const made = await phone('modern', 2)
    const challenge = await made.register({ authenticate: false })
    assert.equal(statusOf(challenge), 401)
    const algorithms = headers(challenge, 'WWW-Authenticate').map((value) => /algorithm=([\w-]+)/.exec(value)?.[1])
    assert.deepEqual(algorithms.toSorted(), ['MD5', 'SHA-256'])
    assert.equal(statusOf(await made.register({ algorithm: 'SHA-256' })), 200)
    assert.equal(statusOf(await made.register({ algorithm: 'MD5' })), 200)
    assert.equal((await contacts('modern', 3)).length, 1)
    const short = await made.register({ expires: 5 })
    assert.equal(statusOf(short), 423)
    assert.deepEqual(headers(short, 'Min-Expires'), ['60'])
  }),
)

test(
  'an account that is removed loses its registrations',
  deadline(40_000, async () => {
    await addAccount('leaver')
    const made = await phone('leaver', 3)
    assert.equal(statusOf(await made.register()), 200)
    assert.equal((await contacts('leaver', 1)).length, 1)
    await cluster.nodes[1]?.operations.accountRemove({ aor: `leaver@${domain}` })
    assert.equal(statusOf(await made.register()), 403)
    await addAccount('leaver')
    assert.deepEqual(await contacts('leaver', 1), [], 'who gets the name next does not get its devices')
  }),
)

test(
  'a node is killed: what was registered through the others is found, called and refreshed; the node comes back',
  deadline(90_000, async () => {
    const users = Array.from({ length: 9 }, (_, index) => `k${index}`)
    await Promise.all(users.map(addAccount))
    const made = await Promise.all(users.map((user, index) => phone(user, (index % 3) + 1)))
    for (const each of made) assert.equal(statusOf(await each.register()), 200)
    await cluster.settled()
    const dead = cluster.nodes[1]
    assert.ok(dead)
    await cluster.kill(dead)
    const held = made.filter((_, index) => index % 3 !== 1)
    for (const each of held) {
      for (const edge of [1, 3]) {
        const found = async (): Promise<boolean> =>
          (await contacts(each.init.user, edge))[0]?.contact.includes(each.name) ?? false
        await eventually(found, 10_000, `${each.init.user} at node ${edge}`)
      }
    }
    const caller = made[0] as Phone
    for (const each of held.slice(1)) {
      const answered = async (): Promise<boolean> =>
        statusOf(await caller.request('OPTIONS', `sip:${each.aor}`)) === 200
      await eventually(answered, 15_000, `${each.init.user} to be reached`)
    }
    const moved = made[1] as Phone
    assert.equal(statusOf(await moved.register({ proxy: node(3) })), 200, 'a phone of the dead node moves to another')
    await cluster.restart(dead)
    const back = async (): Promise<boolean> => (await contacts('k0', 2)).length === 1
    await eventually(back, 20_000, 'node 2 to answer again')
    assert.equal(statusOf(await caller.register({ proxy: node(2) })), 200)
  }),
)

test.run()
