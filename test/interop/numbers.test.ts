/**
 * Telephone numbers as people dial them (SIP-21), to accounts and to Kamailio as the carrier, those of emergencies (SIP-20), to sipp
 * as the gateway, and what call records say of those that ENUM led (EN-39), on three nodes.
 */
import assert from 'node:assert/strict'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { Carrier } from '../support/carrier.ts'
import { type Cluster, type ClusterNode, ports, startCluster } from '../support/cluster.ts'
import { Phone, type PhoneInit } from '../support/phone.ts'
import { available } from '../support/programs.ts'
import { header, methodOf, statusOf } from '../support/sip-message.ts'
import { sippCredentials, startSipp } from '../support/sipp.ts'
import { askZeep, type Step, zeepAvailable } from '../support/zeep.ts'

const net = '127.93.1'
const clients = '127.93.2'
const domain = 'thor.local'
const has = {
  sipp: available('sipp', 'sip-tester'),
  kamailio: available('kamailio', 'kamailio'),
  zeep: zeepAvailable(),
}

const test = suite('interop: numbers')
const when = (...needs: (keyof typeof has)[]) => (needs.every((need) => has[need]) ? test : test.skip)

let cluster: Cluster
let password = ''
let lastHost = 10
const phones: Phone[] = []
const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode
const hostOf = (): string => `${clients}.${lastHost++}`

async function account(user: string, more: { groups?: string[] } = {}): Promise<void> {
  await node(1).operations.accountAdd({ aor: `${user}@${domain}`, password: 'secret', ...more })
}

async function phone(user: string, edge: number, init: Partial<PhoneInit> = {}): Promise<Phone> {
  const proxy = node(edge).address
  const made = await new Phone({ user, password: 'secret', address: hostOf(), proxy, ...init }).start()
  phones.push(made)
  return made
}

async function soap(...steps: [name: string, args: Record<string, unknown>][]): Promise<unknown[]> {
  const urls = [1, 2, 3].map((number) => `http://${node(number).address}:${ports.soap}/`)
  const all = steps.map(([name, args], index): Step => ({ node: index % 3, name, arguments: args }))
  const { answers } = await askZeep(password, urls, all)
  for (const [index, { fault }] of answers.entries()) assert.equal(fault, undefined, `${steps[index]?.[0]}: ${fault}`)
  return answers.map(({ value }) => value)
}

/** One call of sipp as `user`, by the second node. */
async function call(user: string, to: string): Promise<void> {
  const rows = [[user, domain, sippCredentials(user, 'secret'), to]]
  const here = { address: hostOf(), port: 5060, proxy: node(2).address }
  const { code, output } = await startSipp({ scenario: 'uac', ...here, rows, calls: 1 }).done
  assert.equal(code, 0, `${to}: ${output}`)
}

/** Takes one call with sipp as a device of `user`, registered at the third node. */
async function device(user: string, host: string): Promise<ReturnType<typeof startSipp>> {
  const rows = [[user, domain, sippCredentials(user, 'secret'), `${host}:5060`]]
  const here = { address: host, port: 5060 }
  const done = await startSipp({ scenario: 'register', ...here, proxy: node(3).address, rows, calls: 1 }).done
  assert.equal(done.code, 0, done.output)
  return startSipp({ scenario: 'uas', ...here, calls: 1 })
}

/** A number at Kamailio that answers. */
async function numberAt(carrier: string, number: string): Promise<Phone> {
  const init = { domain: 'carrier.example', password: 's3cret', proxy: carrier }
  const outside = await eventually(() => phone(number, 1, init), 10_000, 'the carrier')
  const registered = async () => statusOf(await outside.register({ algorithm: 'SHA-256' })) === 200
  await eventually(registered, 10_000, 'the number to be there')
  return outside
}

test.before(async () => {
  cluster = await startCluster({ net, nodes: 3 })
  password = (await node(1).operations.adminPassword({})).password
  await cluster.settled()
})
test.after(async () => {
  for (const made of phones) await made.stop()
  await cluster?.stop()
})

when(
  'sipp',
  'kamailio',
  'zeep',
)(
  'SIP-21: by the dial plan that zeep gives the domain, what is dialled rings the alias, and goes out by Kamailio, as E.164',
  deadline(120_000, async () => {
    const address = `${net}.50`
    const carrier = new Carrier({ listen: [`udp:${address}:5060`], user: 'nobody' })
    carrier.start()
    try {
      await account('nora')
      await account('olaf', { groups: ['free-pstn'] })
      const plan = { country: '31', area: '20', international: '00', national: '0', nationalDigits: 9, keep: ['0800*'] }
      const alias = (number: string, username: string): [string, Record<string, unknown>] => [
        'addAlias',
        { alias: { id: { username: number, domain }, target: { username, domain } } },
      ]
      await soap(alias('+31201234511', 'nora'), alias('+31201234522', 'olaf'), [
        'Platform.setDialPlan',
        { domain, plan },
      ])
      await node(2).operations.trunkAdd({
        ...{ name: 'world', target: `sip:${address}`, domain: 'carrier.example', prefixes: ['+'], register: false },
        ...{ expiresSeconds: 600, callsMax: 0, from: 'trunk', probeSeconds: 1, failures: 3, successes: 1 },
        ...{ user: 'olaf', password: 's3cret' },
      })
      const outside = await numberAt(address, '+31209876543')
      const host = hostOf()
      for (const dialled of ['0201234511', '1234511', '0031201234511']) {
        const uas = await device('nora', host)
        await call('olaf', dialled)
        assert.equal((await uas.done).code, 0)
      }
      for (const edge of [1, 2, 3]) {
        const olaf = await phone('olaf', edge)
        const { operations } = node(edge)
        await eventually(
          async () => (await operations.trunkList()).trunks[0]?.up,
          10_000,
          `node ${edge} to know the trunk`,
        )
        assert.equal((await olaf.call('08001')).status, 404, 'what the plan keeps no trunk takes')
        for (const uri of ['tel:020-9876543', '0209876543', '9876543']) {
          outside.requests.length = 0
          const { status, dialog } = await olaf.call(uri)
          assert.equal(status, 200, carrier.said)
          const invite = outside.requests.find((request) => methodOf(request) === 'INVITE')
          assert.match(
            invite ? header(invite, 'P-Asserted-Identity') : '',
            /<sip:\+31201234522@thor\.local;user=phone>/,
          )
          assert.equal(dialog && (await olaf.bye(dialog)), 200)
        }
      }
      await node(1).operations.trunkRemove({ name: 'world' })
    } finally {
      await carrier.stop()
      carrier.clean()
    }
  }),
)

when('sipp', 'zeep')(
  'EN-39: records of calls of sipp say which number of which tree led them, to an account or out by a trunk, and of others nothing',
  deadline(120_000, async () => {
    const tree = 'e164.thor.example'
    const gateway = `${net}.51`
    const [there, ported] = ['+31705550001', '+31705550002']
    await account('pia')
    await account('quin', { groups: ['free-pstn'] })
    const { operations } = node(1)
    await operations.enumRangeAdd({ tree, prefix: '+3170', minDigits: 11, maxDigits: 11 })
    for (const [number, type, mapto] of [
      [there, 'sip', `sip:pia@${domain}`],
      [ported, 'pstn:tel', `tel:${ported};npdi;rn=+3197`],
    ] as const)
      await operations.enumAdd({ tree, number, mappings: [{ type, mapto, priority: 5, ttl: 60 }] })
    await operations.trunkAdd({
      ...{ name: 'ported', target: `sip:${gateway}`, domain: 'carrier.example', prefixes: ['+3197'], register: false },
      ...{ expiresSeconds: 600, callsMax: 0, from: 'caller', probeSeconds: 0, failures: 3, successes: 1 },
    })
    const led = async (): Promise<boolean> =>
      (await node(2).operations.enumLookup({ number: ported })).uris.length === 1 &&
      (await node(2).operations.trunkList()).trunks.some(({ name }) => name === 'ported')
    await eventually(led, 10_000, 'node 2 to know numbers and trunk')
    const host = hostOf()
    for (const dialled of [there, 'pia']) {
      const uas = await device('pia', host)
      await call('quin', dialled)
      assert.equal((await uas.done).code, 0)
    }
    const outside = startSipp({ scenario: 'uas', address: gateway, port: 5060, calls: 1 })
    await call('quin', ported)
    const { code, output } = await outside.done
    assert.equal(code, 0, output)

    // The latest first.
    const wanted = [{ tree, number: ported }, null, { tree, number: there }]
    for (const number of [1, 2, 3]) {
      const ended = async (): Promise<boolean> => {
        const { calls } = await node(number).operations.calls({ account: `quin@${domain}` })
        return calls.length === 3 && calls.every(({ endedAt }) => endedAt !== null)
      }
      await eventually(ended, 10_000, `node ${number} to show three calls`)
      const { calls } = await node(number).operations.calls({ account: `quin@${domain}` })
      assert.deepEqual(
        calls.map((one) => one.enum),
        wanted,
      )
    }
    const [answer] = await soap(['getCalls', { sipId: { username: 'quin', domain }, query: { placed: { limit: 5 } } }])
    const { placed } = answer as { placed: { enumId: unknown }[] }
    assert.deepEqual(
      placed.map(({ enumId }) => enumId),
      wanted.map((one) => one && { number: one.number.slice(1), tld: tree }),
    )
    await operations.trunkRemove({ name: 'ported' })
  }),
)

when('sipp', 'zeep')(
  'SIP-20: 112 rings sipp as the gateway of the region, by any node, for who may call nobody; never a trunk that costs',
  deadline(120_000, async () => {
    const [gone, desk, paid] = [52, 53, 54].map((last) => `${net}.${last}`) as [string, string, string]
    const region = { region: 'island', numbers: ['112', '110'], gateways: [`sip:${gone}`, `sip:${desk}`] }
    await soap(
      ['Platform.setEmergencyRegion', { region }],
      [
        'Platform.setEmergencyRegion',
        { region: { region: 'default', numbers: ['999'], gateways: [`sip:${gone};transport=tcp`] } },
      ],
      [
        'addAccount',
        { account: { id: { username: 'ines', domain }, password: 'secret', region: 'Island', groups: ['blocked'] } },
      ],
      ['addAccount', { account: { id: { username: 'paul', domain }, password: 'secret', groups: ['free-pstn'] } }],
    )
    await node(1).operations.trunkAdd({
      ...{ name: 'paid', target: `sip:${paid}`, domain: 'carrier.example', prefixes: [''], register: false },
      ...{ expiresSeconds: 600, callsMax: 0, from: 'caller', probeSeconds: 0, failures: 3, successes: 1 },
    })
    const costly = await phone('paid', 1, { address: paid, domain: 'carrier.example' })
    for (const edge of [1, 2, 3]) {
      for (const uri of ['112', 'tel:110', 'urn:service:sos']) {
        const gateway = startSipp({ scenario: 'uas', address: desk, port: 5060, calls: 1 })
        const ines = await phone('ines', edge)
        const { status, dialog } = await ines.call(uri)
        assert.equal(status, 200, `${uri} by node ${edge}`)
        assert.equal(dialog && (await ines.bye(dialog)), 200)
        const { code, output } = await gateway.done
        assert.equal(code, 0, output)
      }
    }
    const paul = await phone('paul', 2)
    assert.ok((await paul.call('999')).status >= 500, 'no gateway is there')
    assert.equal((await (await phone('ines', 2)).call('999')).status, 403, 'no emergency in that region, and blocked')
    assert.equal(costly.requests.length, 0)
    await node(3).operations.trunkRemove({ name: 'paid' })
    await soap(
      ['Platform.deleteEmergencyRegion', { region: 'island' }],
      ['Platform.deleteEmergencyRegion', { region: 'default' }],
    )
  }),
)

test.run()
