/**
 * What is promised of SIP and no other file here shows with a real program: SIP-06, SIP-07, SIP-08, SIP-12, SIP-16,
 * SIP-21, SIP-23, SIP-25, SIP-26, and the picture of SIP-01.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { type Baresip, type BaresipInit, isRegistered, startBaresip } from '../support/baresip.ts'
import { Carrier } from '../support/carrier.ts'
import { type Cluster, type ClusterNode, ports, startCluster } from '../support/cluster.ts'
import { Phone, type PhoneInit } from '../support/phone.ts'
import { available } from '../support/programs.ts'
import { header, methodOf, statusOf } from '../support/sip-message.ts'
import { type SippInit, type SippResult, sippCredentials, startSipp } from '../support/sipp.ts'
import { askZeep, type Step, zeepAvailable } from '../support/zeep.ts'

const net = '127.91.1'
const clients = '127.91.2'
const domain = 'thor.local'
const second = 'second.example'
const has = {
  sipp: available('sipp', 'sip-tester'),
  baresip: available('baresip', 'baresip'),
  kamailio: available('kamailio', 'kamailio'),
  zeep: zeepAvailable(),
  six: Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1')),
}
if (!has.six) console.log('SKIP this machine has no IPv6 on loopback')

const test = suite('interop: rows')
const when = (...needs: (keyof typeof has)[]) => (needs.every((need) => has[need]) ? test : test.skip)

let cluster: Cluster
let work: string
let password = ''
let lastHost = 10
const phones: Phone[] = []
const programs: Baresip[] = []
const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode
const hostOf = (): string => `${clients}.${lastHost++}`

async function account(user: string, more: { domain?: string; groups?: string[] } = {}): Promise<void> {
  const { domain: of = domain, ...rest } = more
  await node(1).operations.accountAdd({ aor: `${user}@${of}`, password: 'secret', ...rest })
}

async function phone(user: string, edge: number, init: Partial<PhoneInit> = {}): Promise<Phone> {
  const made = await new Phone({
    user,
    password: 'secret',
    address: hostOf(),
    proxy: node(edge).address,
    ...init,
  }).start()
  phones.push(made)
  return made
}

async function registered(user: string, edge: number, init: Partial<PhoneInit> = {}): Promise<Phone> {
  const made = await phone(user, edge, init)
  assert.equal(statusOf(await made.register()), 200)
  return made
}

async function soap(...steps: [name: string, args: Record<string, unknown>][]): Promise<void> {
  const urls = [1, 2, 3].map((number) => `http://${node(number).address}:${ports.soap}/`)
  const all = steps.map(([name, args], index): Step => ({ node: index % 3, name, arguments: args }))
  const { answers } = await askZeep(password, urls, all)
  for (const [index, { fault }] of answers.entries()) assert.equal(fault, undefined, `${steps[index]?.[0]}: ${fault}`)
}

function baresip(init: Omit<BaresipInit, 'work' | 'address'>): Baresip {
  const made = startBaresip({ work, address: hostOf(), ...init })
  programs.push(made)
  return made
}

/** One sipp call: `from` is what stands in From, `as` who proves it. */
async function call(from: string, as: string, to: string, more: Partial<SippInit> = {}): Promise<SippResult> {
  const rows = [[from, domain, sippCredentials(as, 'secret'), to]]
  return startSipp({ scenario: 'uac', address: hostOf(), port: 5060, proxy: node(2).address, rows, calls: 1, ...more })
    .done
}

/** Takes one call with sipp as a device of `user`, registered at the third node. */
async function device(user: string, scenario = 'uas', host = hostOf()): Promise<ReturnType<typeof startSipp>> {
  const rows = [[user, domain, sippCredentials(user, 'secret'), `${host}:5060`]]
  const here = { address: host, port: 5060 }
  const done = await startSipp({ scenario: 'register', ...here, proxy: node(3).address, rows, calls: 1 }).done
  assert.equal(done.code, 0, done.output)
  return startSipp({ scenario, ...here, calls: 1 })
}

test.before(async () => {
  work = mkdtempSync(join(tmpdir(), 'thor-rows-'))
  const optionsOf = (number: number): string[] => (number === 1 && has.six ? ['--address6', '::1'] : [])
  cluster = await startCluster({ net, nodes: 3, optionsOf })
  password = (await node(1).operations.adminPassword({})).password
  await cluster.settled()
})
test.after(async () => {
  for (const { process } of programs) process.kill('SIGKILL')
  for (const made of phones) await made.stop()
  await cluster?.stop()
  if (work) rmSync(work, { recursive: true, force: true })
})

when('baresip')(
  'SIP-01: baresip with a picture calls baresip with a picture: both streams pass the relay',
  deadline(60_000, async () => {
    const video = {
      modules: ['fakevideo', 'vp8'],
      settings: ['video_source fakevideo,nil', 'video_display fakevideo,nil', 'video_size 320x240', 'video_fps 5'],
    }
    for (const user of ['vera', 'vito']) await account(user)
    const vito = baresip({ user: 'vito', edge: node(3).address, hertz: 440, ...video })
    const vera = baresip({ user: 'vera', edge: node(1).address, hertz: 880, ...video })
    await isRegistered(vito)
    await isRegistered(vera)
    vera.process.stdin?.write(`/dial sip:vito@${domain}\n`)
    const found = async () => (await node(2).operations.calls({ account: `vito@${domain}` })).calls[0]
    await eventually(async () => (await found()) !== undefined, 20_000, 'the call').catch((error) => {
      throw new Error(`${error.message}\n${vera.output().slice(-3_000)}`)
    })
    await eventually(() => vito.heard().length > 64_000, 20_000, 'sound at vito')
    vera.process.stdin?.write('/hangup\n')
    const record = await eventually(
      async () => {
        const now = await found()
        return now?.endedAt == null ? undefined : now
      },
      20_000,
      'the record closed',
    )
    assert.deepEqual([...record.codecs].sort(), ['PCMU', 'VP8'])
    assert.ok(record.bytesCaller > 10_000 && record.bytesCallee > 10_000)
  }),
)

test(
  'SIP-01: of an offer with sound and picture nothing is changed but addresses and ports',
  deadline(30_000, async () => {
    for (const user of ['ofra', 'ansel']) await account(user)
    const ansel = await registered('ansel', 3)
    const ofra = await phone('ofra', 1)
    const lines = [
      ...['v=0', `o=- 7 7 IN IP4 ${ofra.init.address}`, 's=two', `c=IN IP4 ${ofra.init.address}`, 'b=AS:700', 't=0 0'],
      ...[
        'm=audio 20000 RTP/AVP 96 0 101',
        'a=rtpmap:96 opus/48000/2',
        'a=fmtp:96 useinbandfec=1',
        'a=rtpmap:0 PCMU/8000',
      ],
      ...['a=rtpmap:101 telephone-event/8000', 'a=ptime:20', 'a=x-unknown:what is this', 'm=video 20010 RTP/AVP 97 98'],
      ...['b=TIAS:512000', 'a=rtpmap:97 VP8/90000', 'a=rtpmap:98 H264/90000', 'a=fmtp:98 profile-level-id=42801F'],
      ...['a=rtcp-fb:* nack pli', 'a=content:main', 'a=sendrecv'],
    ]
    const { status, dialog } = await ofra.call('ansel', { body: `${lines.join('\r\n')}\r\n` })
    assert.equal(status, 200)
    const invite = ansel.requests.find((request) => methodOf(request) === 'INVITE')
    const without = (text: string[]): string[] =>
      text
        .filter((line) => line !== '' && !line.startsWith('a=rtcp:'))
        .map((line) => line.replace(/^m=(\w+) \d+/, 'm=$1 N').replace(/(IP4 )[\d.]+$/, '$1N'))
    assert.deepEqual(without((invite?.body ?? '').split('\r\n')), without(lines))
    assert.doesNotMatch(invite?.body ?? '', /^c=IN IP4 127\.91\.2/m)
    assert.equal(dialog && (await ofra.bye(dialog)), 200)
  }),
)

when('kamailio', 'zeep')(
  'SIP-06: who lacks the right to call out is refused, is given it over SOAP, and the next call goes out by Kamailio',
  deadline(60_000, async () => {
    const address = `${net}.50`
    const carrier = new Carrier({ listen: [`udp:${address}:5060`], user: 'nobody' })
    carrier.start()
    try {
      await account('fred')
      await node(2).operations.trunkAdd({
        ...{ name: 'carrier', target: `sip:${address}`, domain: 'carrier.example', prefixes: ['00'], register: false },
        ...{ expiresSeconds: 600, callsMax: 0, from: 'trunk', probeSeconds: 1, failures: 3, successes: 1 },
        ...{ user: 'fred', password: 's3cret' },
      })
      const outside = await eventually(
        () => phone('0031201234567', 1, { domain: 'carrier.example', password: 's3cret', proxy: address }),
        10_000,
        'the carrier',
      )
      await eventually(
        async () => statusOf(await outside.register({ algorithm: 'SHA-256' })) === 200,
        10_000,
        'the number to be there',
      )
      const fred = await phone('fred', 3)
      await eventually(async () => (await fred.call('0031201234567')).status === 403, 10_000, 'the trunk at node 3')
      assert.equal(outside.requests.length, 0)
      await soap(['addToGroup', { sipId: { username: 'fred', domain }, group: 'free-pstn' }])
      const { status, dialog } = await fred.call('0031201234567')
      assert.equal(status, 200, carrier.said)
      assert.equal(dialog && (await fred.bye(dialog)), 200)
      await soap(['removeFromGroup', { sipId: { username: 'fred', domain }, group: 'free-pstn' }])
      assert.equal((await fred.call('0031201234567')).status, 403)
      await node(1).operations.trunkRemove({ name: 'carrier' })
    } finally {
      await carrier.stop()
      carrier.clean()
    }
  }),
)

when('sipp', 'zeep')(
  'SIP-07: the same user in two domains is two; sipp registers each with its own password',
  deadline(60_000, async () => {
    await account('ida')
    await soap(['addDomain', { domain: { domain: second } }])
    await node(2).operations.accountAdd({ aor: `ida@${second}`, password: 'other' })
    const hosts = [hostOf(), hostOf()]
    for (const [index, [at, secret]] of [
      [domain, 'secret'],
      [second, 'other'],
    ].entries()) {
      const rows = [['ida', at as string, sippCredentials('ida', secret as string), `${hosts[index]}:5060`]]
      const run = startSipp({
        scenario: 'register',
        address: hosts[index] as string,
        port: 5060,
        proxy: node(1).address,
        rows,
        calls: 1,
      })
      const { code, output } = await run.done
      assert.equal(code, 0, output)
    }
    for (const [index, at] of [domain, second].entries()) {
      const { contacts } = await node(3).operations.where({ aor: `ida@${at}` })
      assert.deepEqual(
        contacts.map(({ contact }) => contact),
        [`sip:ida@${hosts[index]}:5060`],
      )
    }
  }),
)

when('sipp', 'zeep')(
  'SIP-08, SIP-21: number, alias and address ring the same device of sipp; From may be any of one’s own, and nobody else’s',
  deadline(90_000, async () => {
    for (const user of ['boss', 'rita', 'mallory']) await account(user)
    const to = { username: 'boss', domain }
    await soap(
      ['addAlias', { alias: { id: { username: 'chief', domain }, target: to } }],
      ['addAlias', { alias: { id: { username: '+31201234500', domain }, target: to } }],
      ['addAlias', { alias: { id: { username: 'desk', domain }, target: { username: 'rita', domain } } }],
    )
    const host = hostOf()
    for (const [from, callee] of [
      ['rita', 'boss'],
      ['rita', 'chief'],
      ['desk', '+31201234500'],
    ] as const) {
      const uas = await device('boss', 'uas', host)
      const { code, output } = await call(from, 'rita', callee)
      assert.equal(code, 0, `${from} calls ${callee}: ${output}`)
      assert.equal((await uas.done).code, 0)
    }
    const { code } = await call('boss', 'mallory', 'rita')
    assert.notEqual(code, 0, 'in the name of another')

    // A number as telephones write it, and as SIP does.
    const boss = await registered('boss', 1)
    const rita = await phone('rita', 2)
    for (const uri of [
      'tel:+31201234500',
      'tel:+31-20-1234500',
      `sip:+31201234500@${domain};user=phone`,
      `sip:boss@${domain}`,
    ]) {
      boss.requests.length = 0
      const answer = await rita.request('MESSAGE', uri, { body: 'x', headers: [['Content-Type', 'text/plain']] })
      assert.equal(statusOf(answer), 200, uri)
      assert.equal(boss.requests.filter((request) => methodOf(request) === 'MESSAGE').length, 1, uri)
    }
  }),
)

when('baresip')(
  'SIP-12: baresip knows the domain and a DNS server that is a node, and registers',
  deadline(60_000, async () => {
    await account('dina')
    const dina = baresip({ user: 'dina', edge: '', dnsServer: `${node(2).address}:${ports.dns}`, hertz: 440 })
    await isRegistered(dina).catch((error) => {
      throw new Error(`${error.message}\n${dina.output().slice(-3_000)}`)
    })
    const { contacts } = await node(1).operations.where({ aor: `dina@${domain}` })
    assert.equal(contacts.length, 1)
  }),
)

when('kamailio', 'zeep')(
  'SIP-16: an account whose phone is Kamailio, which sends its calls back to the account, ends with 482 at once',
  deadline(60_000, async () => {
    const address = `${net}.51`
    const mirror = new Carrier({ listen: [`udp:${address}:5060`], user: 'nobody', open: true })
    mirror.start()
    try {
      for (const user of ['cato', 'echo']) await account(user)
      const there = await phone('echo', 1, { domain: 'carrier.example', password: 's3cret', proxy: address })
      const back = { contact: `<sip:echo@${node(2).address}:5060>`, algorithm: 'SHA-256' as const }
      await eventually(async () => statusOf(await there.register(back)) === 200, 10_000, 'Kamailio')
      const echo = await phone('echo', 3)
      assert.equal(statusOf(await echo.register({ contact: `<sip:echo@${address}:5060>` })), 200)
      await node(1).operations.peerAdd({
        ...{ name: 'mirror', prefixes: [address], tlsNames: [], callsMax: 0, callsPerSecond: 0, relay: false, domain },
      })
      await eventually(
        async () => (await node(2).operations.peerList()).peers.length === 1,
        10_000,
        'the second node to know Kamailio',
      )
      const cato = await phone('cato', 3)
      const began = performance.now()
      assert.equal((await cato.call('echo')).status, 482)
      console.log(`a loop ended after ${Math.round(performance.now() - began)} ms`)
      await assert.rejects(
        soap(['addAlias', { alias: { id: { username: 'own', domain }, target: { username: 'own', domain } } }]),
        /not found/,
      )
    } finally {
      await mirror.stop()
      mirror.clean()
    }
  }),
)

when('zeep')(
  'SIP-23: who is in the group that wants no anonymous calls gets none, from the next call on; others do',
  deadline(60_000, async () => {
    for (const user of ['shy', 'open', 'quiet']) await account(user)
    const [shy, open] = [await registered('shy', 1), await registered('open', 2)]
    const quiet = await phone('quiet', 3)
    const hidden = { headers: [['Privacy', 'id;user']] as [string, string][] }
    assert.equal((await quiet.call('shy', hidden)).status, 200)
    await soap(['addToGroup', { sipId: { username: 'shy', domain }, group: 'anonymous-reject' }])
    assert.equal((await quiet.call('shy', hidden)).status, 433)
    assert.equal((await quiet.call('shy')).status, 200)
    assert.equal((await quiet.call('open', hidden)).status, 200)
    const invite = open.requests.find((request) => methodOf(request) === 'INVITE')
    assert.match(invite ? header(invite, 'From') : '', /anonymous\.invalid/)
    assert.equal(shy.requests.filter((request) => methodOf(request) === 'INVITE').length, 2)
  }),
)

when('baresip')(
  'SIP-25: baresip subscribes to the presence of another, is notified by it, and hears of the end',
  deadline(90_000, async () => {
    for (const user of ['wim', 'pia']) await account(user)
    const settings = ['module_app contact.so', 'module_app presence.so']
    const pia = baresip({ user: 'pia', edge: node(1).address, hertz: 440, settings })
    await isRegistered(pia)
    const contacts = [`"Pia" <sip:pia@${domain}>;presence=p2p`]
    const wim = baresip({ user: 'wim', edge: node(3).address, hertz: 880, settings, contacts, options: ['-s'] })
    const told = (what: RegExp): Promise<unknown> =>
      eventually(() => what.test(wim.output()), 40_000, `${what}`).catch((error) => {
        throw new Error(`${error.message}\n${wim.output().slice(-6_000)}`)
      })
    await told(/^NOTIFY sip:wim[\s\S]*^Subscription-State: active[\s\S]*<presence /m)
    assert.match(wim.output(), /^SIP\/2\.0 407 [\s\S]*^CSeq: \d+ SUBSCRIBE/m, 'it was asked who it is')
    wim.process.stdin?.write('/quit\n')
    await told(/^NOTIFY sip:wim[\s\S]*^Subscription-State: terminated/m)
  }),
)

when('sipp', 'six')(
  'SIP-26: sipp over IPv6 calls sipp over IPv4, through the relay that has both',
  deadline(60_000, async () => {
    for (const user of ['sixten', 'vier']) await account(user)
    const uas = await device('vier')
    const six = { address: '::1', port: 5098, proxy: '[::1]' }
    const { code, output } = await call('sixten', 'sixten', 'vier', { ...six, holdMs: 300 })
    assert.equal(code, 0, output)
    assert.equal((await uas.done).code, 0)
    const [record] = (await node(3).operations.calls({ account: `vier@${domain}` })).calls
    assert.equal(record?.caller, `sixten@${domain}`)
  }),
)

test.run()
