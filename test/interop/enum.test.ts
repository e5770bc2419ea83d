/**
 * Numbers and zones of three nodes, seen by other programs: dig, kdig, drill and delv, a resolver in front, Kamailio's enum
 * module, a secondary server, and a phone that knows nothing of ENUM.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import { Phone } from '../support/phone.ts'
import { available, run } from '../support/programs.ts'
import { methodOf } from '../support/sip-message.ts'

const NET = '127.92.1'
const SECONDARY = `${NET}.50`
const RESOLVER = `${NET}.60`
const ENUM_PROXY = `${NET}.70`
const PORT = 53
const TREE = 'e164.arpa'
const NUMBER = '+31208005100'
const NAME = '0.0.1.5.0.0.8.0.2.1.3.e164.arpa'
const bin = resolve(import.meta.dirname, '../../bin/thor-node.js')

const test = suite('interop: enum')
const isRoot = process.getuid?.() === 0
if (!isRoot) console.log('SKIP port 53 needs root')
const there = isRoot && available('dig', 'bind9-dnsutils')
const it = there ? test : test.skip
const itWith = (program: string, debianPackage: string) =>
  there && available(program, debianPackage) ? test : test.skip

let cluster: Cluster
let alice: Phone
let bob: Phone
let carol: Phone
let folder: string
const children: ChildProcess[] = []

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode
const thor = async (...words: string[]): Promise<string> => {
  const { code, stdout, stderr } = await run(process.execPath, [bin, ...words, '--data', node(1).data], {
    timeoutMs: 30_000,
  })
  assert.is(code, 0, `${words.join(' ')}: ${stderr}`)
  return stdout
}
const add = (number: string, mapto: string) => {
  const mappings = [{ type: 'sip', mapto, priority: 5, ttl: 3_600 }]
  return node(1).operations.enumAdd({ tree: TREE, number, mappings })
}
const answers = async (server: string, ...question: string[]): Promise<string[]> => {
  const { stdout } = await run('dig', [`@${server}`, '-p', String(PORT), '+tries=1', '+time=3', '+short', ...question])
  return stdout.trim().split('\n').filter(Boolean).sort()
}
const atAll = async (wanted: string, ...question: string[]): Promise<void> => {
  for (const number of [1, 2, 3]) {
    const there = async (): Promise<boolean> => (await answers(`${NET}.${number}`, ...question)).join(' | ') === wanted
    await eventually(there, 10_000, `node ${number} to answer ${wanted} for ${question.join(' ')}`)
  }
}

function launch(program: string, args: string[], prefix: string[] = []): { said: () => string } {
  const [first = program, ...rest] = [...prefix, program, ...args]
  const child = spawn(first, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  children.push(child)
  return { said: () => said.slice(-3_000) }
}

test.before(async () => {
  if (!there) return
  folder = mkdtempSync(join(tmpdir(), 'thor-enum-'))
  chmodSync(folder, 0o777)
  const options = [
    '--domain',
    'voice.example',
    '--dns-port',
    String(PORT),
    '--dns-transfer-to',
    SECONDARY,
    '--dns-notify',
    SECONDARY,
  ]
  cluster = await startCluster({ net: NET, nodes: 3, options })
  await cluster.settled()
  const phone = async (user: string, last: number, at: number): Promise<Phone> => {
    await node(1).operations.accountAdd({ aor: `${user}@voice.example`, password: 'secret' })
    const { address: proxy } = node(at)
    return new Phone({ user, domain: 'voice.example', password: 'secret', address: `${NET}.${last}`, proxy }).start()
  }
  alice = await phone('alice', 61, 2)
  bob = await phone('bob', 62, 3)
  carol = await phone('carol', 63, 1)
  for (const one of [bob, carol]) await one.register()
  await node(1).operations.enumRangeAdd({ tree: TREE, prefix: '+3120', minDigits: 11, maxDigits: 11 })
  await add(NUMBER, 'sip:bob@voice.example')
  await node(1).operations.dnsAdd({ zone: 'customer.example', ttl: 60 })
})
test.after(async () => {
  for (const child of children) child.kill()
  for (const phone of [alice, bob, carol]) await phone?.stop()
  await cluster?.stop()
  if (folder) rmSync(folder, { recursive: true, force: true })
})

it(
  'EN-02, EN-34: what is set at one node is answered by all, and changes and goes everywhere',
  deadline(60_000, async () => {
    await atAll('100 5 "u" "E2U+sip" "!^.*$!sip:bob@voice.example!" .', NAME, 'NAPTR')
    await thor('dns', 'set', 'customer.example', 'www', 'A', '192.0.2.80')
    await atAll('192.0.2.80', 'WWW.customer.example', 'A')
    await node(1).operations.dnsTemplate({ zone: 'customer.example' })
    await atAll(
      '10 0 "s" "SIPS+D2T" "" _sips._tcp.customer.example. | 20 0 "s" "SIP+D2T" "" _sip._tcp.customer.example. | 30 0 "s" "SIP+D2U" "" _sip._udp.customer.example.',
      'customer.example',
      'NAPTR',
    )
    await atAll('100 0 5060 proxy.voice.example.', '_sip._udp.customer.example', 'SRV')
    assert.is((await answers(`${NET}.1`, 'proxy.voice.example', 'A')).length, 3)
    const table = await thor('dns', 'show', 'customer.example')
    const id = /^(\d+)\s+www\.customer\.example/m.exec(table)?.[1] ?? ''
    await node(1).operations.dnsUnset({ id: Number(id) })
    await atAll('', 'www.customer.example', 'A')
  }),
)

it(
  'EN-01, EN-36: a phone that knows no ENUM dials a number and reaches the address that it leads to; a change counts for the next call',
  deadline(60_000, async () => {
    const invites = (phone: Phone): number => phone.requests.filter((one) => methodOf(one) === 'INVITE').length
    const before = invites(bob)
    const first = await alice.call(NUMBER)
    assert.is(first.status, 200)
    assert.is(invites(bob), before + 1)
    if (first.dialog) await alice.bye(first.dialog)
    assert.match(await thor('enum', 'lookup', '0031208005100'), /^sip:bob@voice\.example$/m)
    await node(1).operations.enumRemove({ tree: TREE, number: NUMBER })
    await add(NAME, 'sip:carol@voice.example')
    const led = async (): Promise<boolean> =>
      (await node(2).operations.enumLookup({ number: NUMBER })).uris[0] === 'sip:carol@voice.example'
    await eventually(led, 10_000, 'node 2 to know of the change')
    const second = await alice.call(NUMBER)
    assert.is(second.status, 200)
    assert.is(invites(carol), 1)
    if (second.dialog) await alice.bye(second.dialog)
    assert.is((await alice.call('+31208005199')).status, 404)
  }),
)

it(
  'EN-37: an account, and else its domain, says which trees its calls look into, in which order',
  deadline(60_000, async () => {
    const dialled = '+31208005177'
    const tree = 'e164.private.example'
    await node(1).operations.enumRangeAdd({ tree, prefix: '+3120', minDigits: 11, maxDigits: 11 })
    const mappings = [{ type: 'sip', mapto: 'sip:bob@voice.example', priority: 5, ttl: 60 }]
    await node(1).operations.enumAdd({ tree, number: dialled, mappings })
    await add(dialled, 'sip:carol@voice.example')
    const rings = async (phone: Phone, why: string): Promise<void> => {
      const invites = (): number => phone.requests.filter((one) => methodOf(one) === 'INVITE').length
      const tried = async (): Promise<boolean> => {
        const before = invites()
        const { dialog } = await alice.call(dialled)
        if (dialog) await alice.bye(dialog)
        return invites() > before
      }
      await eventually(tried, 15_000, why)
    }
    const id = { username: 'alice', domain: 'voice.example' }
    await rings(carol, 'the trees of the ring, by name')
    await call(3, 'Sip.updateDomain', { domain: { domain: 'voice.example', enum_trees: [tree, TREE] } })
    await rings(bob, 'the order of the domain')
    await call(3, 'Sip.updateAccount', { account: { id, enum_trees: [TREE] } })
    await rings(carol, 'the order of the account')
    await call(3, 'Sip.updateAccount', { account: { id, enum_trees: [] } })
    await rings(bob, 'the order of the domain again')
    await call(3, 'Sip.updateDomain', { domain: { domain: 'voice.example', enum_trees: [] } })
    await rings(carol, 'the trees of the ring again')
  }),
)

const call = (at: number, operation: string, args: Record<string, unknown>): Promise<unknown> =>
  node(at).operations.apiCall({ operation, args })

it(
  'ten who put numbers of one block at three nodes at once all succeed, and so do subscribers with such numbers',
  deadline(120_000, async () => {
    const mappings = [{ type: 'sip', mapto: 'sip:bob@voice.example', priority: 5, ttl: 60 }]
    const put = (index: number): Promise<unknown> =>
      node((index % 3) + 1).operations.enumAdd({ tree: TREE, number: `+312080061${10 + index}`, mappings })
    const add = (index: number): Promise<unknown> => {
      const account = { id: { username: `s${index}`, domain: 'voice.example' }, password: 'secret' }
      const numbers = [{ number: `312080061${30 + index}`, tld: TREE }]
      return call((index % 3) + 1, 'Platform.addSubscriber', { subscriber: { account, numbers } })
    }
    await Promise.all(Array.from({ length: 10 }, (_, index) => put(index)))
    await Promise.all(Array.from({ length: 6 }, (_, index) => add(index)))
    const query = { filter: { number: '312080061%', tld: TREE } }
    const { value } = (await call(2, 'Enum.getNumbers', { query })) as { value: { total: number } }
    assert.is(value.total, 16)
  }),
)

it(
  'EN-36, EN-38, DN-04: a portal and the command line have the same zones and numbers, all nodes answer for them, and calls are led by them',
  deadline(90_000, async () => {
    const id = { number: '4930123456', tld: TREE }
    const name = '6.5.4.3.2.1.0.3.9.4.e164.arpa'
    await call(3, 'Dns.addZone', { zone: { name: 'portal.example', ttl: 60 } })
    await call(3, 'Dns.addRecord', { record: { zone: 'portal.example', name: 'www', type: 'A', value: '192.0.2.90' } })
    await call(3, 'Enum.addRange', { range: { id: { prefix: '4930', tld: TREE }, minDigits: 8, maxDigits: 12 } })
    const mappings = [{ type: 'sip', mapto: 'sip:bob@voice.example', priority: 5, ttl: 60 }]
    await call(3, 'Enum.addNumber', { number: { id, mappings } })
    await atAll('192.0.2.90', 'www.portal.example', 'A')
    await atAll('100 5 "u" "E2U+sip" "!^.*$!sip:bob@voice.example!" .', name, 'NAPTR')
    const led = async (wanted: string): Promise<void> => {
      const found = async (): Promise<boolean> =>
        (await node(2).operations.enumLookup({ number: '+4930123456' })).uris[0] === wanted
      await eventually(found, 10_000, `node 2 to lead to ${wanted}`)
    }
    await led('sip:bob@voice.example')
    const { status, dialog } = await alice.call('+4930123456')
    assert.is(status, 200)
    if (dialog) await alice.bye(dialog)

    // What the portal made is found on the command line, and changed there.
    assert.match(await thor('enum', 'show', '+4930123456'), /sip:bob@voice\.example/)
    assert.match(await thor('enum', 'ranges'), /0\.3\.9\.4\.e164\.arpa/)
    assert.match(await thor('dns', 'show', 'portal.example'), /www\.portal\.example\s[^\n]*192\.0\.2\.90/)
    await thor('dns', 'set', 'portal.example', 'mail', 'MX', '10 in.portal.example.')
    await thor('enum', 'add', '+4930123457', 'voice', 'tel:+4930123456')
    // And the other way round.
    const numbers = (await call(2, 'Enum.getNumbers', { query: { filter: { number: '4930%' } } })) as {
      value: { total: number }
    }
    assert.is(numbers.value.total, 2)
    const records = (await call(2, 'Dns.getRecords', {
      query: { filter: { zone: 'portal.example', type: 'MX' } },
    })) as {
      value: { records: { value: string; priority: number }[] }
    }
    assert.equal(
      records.value.records.map(({ value, priority }) => [priority, value]),
      [[10, 'in.portal.example']],
    )
    const zones = (await call(1, 'Dns.getZones', {})) as { value: { zones: { name: string }[] } }
    assert.equal(zones.value.zones.map((zone) => zone.name).sort(), ['customer.example', 'portal.example'])
    // Numbers of both in one transfer.
    const { stdout } = await run('dig', [
      ...[`@${NET}.1`, '-b', SECONDARY, '-p', String(PORT), '+noall', '+answer', '0.3.9.4.e164.arpa', 'AXFR'],
    ])
    assert.match(stdout, /6\.5\.4\.3\.2\.1\.0\.3\.9\.4\.e164\.arpa\.\s+60\s+IN\s+NAPTR.*E2U\+sip/)
    assert.match(stdout, /7\.5\.4\.3\.2\.1\.0\.3\.9\.4\.e164\.arpa\.\s+3600\s+IN\s+NAPTR.*E2U\+voice:tel/)

    await call(3, 'Enum.updateNumber', {
      number: { id, mappings: [{ type: 'sip', mapto: 'sip:carol@voice.example' }] },
    })
    await led('sip:carol@voice.example')
    await call(3, 'Enum.deleteNumber', { enumId: id })
    await atAll('', name, 'NAPTR')
  }),
)

it(
  'a zone of thousands of records is imported as one change, and transferred as one state',
  deadline(90_000, async () => {
    await node(1).operations.dnsAdd({ zone: 'large.example', ttl: 60 })
    const lines = Array.from({ length: 5_000 }, (_, i) => `h${i} A 192.0.2.${i % 250}`)
    await node(1).operations.dnsImport({ zone: 'large.example', text: lines.join('\n') })
    await atAll('192.0.2.249', 'h4999.large.example', 'A')
    await node(2).operations.dnsSet({ zone: 'large.example', name: 'h4999', type: 'A', value: '192.0.2.250' })
    await atAll('192.0.2.249 | 192.0.2.250', 'h4999.large.example', 'A')
    const { stdout } = await run('dig', [`@${NET}.3`, '-b', SECONDARY, '-p', String(PORT), 'large.example', 'AXFR'])
    // SOA twice, NS of the nodes.
    assert.match(stdout, /XFR size: 5006 records/)
    await thor('dns', 'remove', 'large.example')
    await atAll('', 'h1.large.example', 'A')
  }),
)

for (const [program, debianPackage, args] of [
  ['kdig', 'knot-dnsutils', (name: string) => [`@${NET}.2`, '-p', String(PORT), '+short', name, 'NAPTR']],
  ['drill', 'ldnsutils', (name: string) => ['-p', String(PORT), name, `@${NET}.2`, 'NAPTR']],
  ['delv', 'bind9-dnsutils', (name: string) => [`@${NET}.2`, '-p', String(PORT), '-i', name, 'NAPTR']],
] as const) {
  itWith(program, debianPackage)(
    `${program} reads a number`,
    deadline(20_000, async () => {
      const { stdout } = await run(program, args(NAME))
      assert.match(stdout, /100 5 "u" "E2U\+sip" "!\^\.\*\$!sip:carol@voice\.example!" \./)
    }),
  )
}

itWith('unbound', 'unbound')(
  'a resolver in front finds numbers, and what is not there',
  deadline(60_000, async () => {
    const stubs = ['e164.arpa', 'voice.example', 'customer.example'].map(
      (name) => `stub-zone:\n  name: "${name}"\n${[1, 2, 3].map((n) => `  stub-addr: ${NET}.${n}@${PORT}\n`).join('')}`,
    )
    const lines = `server:\n  interface: ${RESOLVER}@${PORT}\n  username: ""\n  chroot: ""\n  directory: "${folder}"\n  pidfile: ""\n  use-syslog: no\n  logfile: ""\n  do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n  module-config: "iterator"\n  local-zone: "127.in-addr.arpa." transparent\n  use-caps-for-id: yes\nremote-control:\n  control-enable: no\n${stubs.join('')}`
    writeFileSync(join(folder, 'unbound.conf'), lines)
    const unbound = launch('unbound', ['-d', '-c', join(folder, 'unbound.conf')])
    const found = async (): Promise<boolean> => (await answers(RESOLVER, NAME, 'NAPTR')).length === 1
    await eventually(found, 20_000, 'unbound to find the number').catch((error) => {
      throw new Error(`${error}\n${unbound.said()}`)
    })
    const { stdout } = await run('dig', [`@${RESOLVER}`, '-p', String(PORT), `9.${NAME}`, 'NAPTR'])
    assert.match(stdout, /status: NXDOMAIN/)
    assert.is((await answers(RESOLVER, '_sip._udp.voice.example', 'SRV')).length, 3)
  }),
)

itWith('nsd', 'nsd')(
  'DN-01: a secondary server transfers zones and follows changes',
  deadline(90_000, async () => {
    mkdirSync(join(folder, 'nsd'))
    const zone = (name: string): string =>
      `zone:\n  name: "${name}"\n${[1, 2, 3].map((n) => `  request-xfr: ${NET}.${n}@${PORT} NOKEY\n  allow-notify: ${NET}.${n} NOKEY\n`).join('')}  outgoing-interface: ${SECONDARY}\n`
    const paths = ['pidfile', 'xfrdfile', 'zonelistfile'].map((name) => `  ${name}: "${folder}/nsd/${name}"\n`).join('')
    writeFileSync(
      join(folder, 'nsd.conf'),
      `server:\n  ip-address: ${SECONDARY}@${PORT}\n  server-count: 1\n  username: ""\n  chroot: ""\n  database: ""\n  zonesdir: "${folder}/nsd"\n  logfile: "${folder}/nsd/log"\n  xfrdir: "${folder}/nsd"\n${paths}remote-control:\n  control-enable: no\n${zone('customer.example')}${zone('0.2.1.3.e164.arpa')}`,
    )
    launch('nsd', ['-d', '-c', join(folder, 'nsd.conf')])
    const at = async (wanted: string, ...question: string[]): Promise<void> => {
      const same = async (): Promise<boolean> => (await answers(SECONDARY, ...question)).join(' | ') === wanted
      await eventually(same, 40_000, `the secondary to answer ${wanted} for ${question.join(' ')}`)
    }
    await at('100 5 "u" "E2U+sip" "!^.*$!sip:carol@voice.example!" .', NAME, 'NAPTR')
    await at('100 0 5060 proxy.voice.example.', '_sip._udp.customer.example', 'SRV')
    // Without NOTIFY it would look again after an hour.
    await node(1).operations.dnsSet({ zone: 'customer.example', name: 'new', type: 'A', value: '192.0.2.81' })
    await at('192.0.2.81', 'new.customer.example', 'A')
    await add('+31208005101', 'sip:bob@voice.example')
    await at('100 5 "u" "E2U+sip" "!^.*$!sip:bob@voice.example!" .', '1.0.1.5.0.0.8.0.2.1.3.e164.arpa', 'NAPTR')
    const soa = (await answers(`${NET}.1`, 'customer.example', 'SOA'))[0]?.split(' ')[2]
    await node(1).operations.dnsSet({ zone: 'customer.example', name: 'newer', type: 'A', value: '192.0.2.82' })
    await atAll('192.0.2.82', 'newer.customer.example', 'A')
    const from = [`@${NET}.1`, '-b', SECONDARY, '-p', String(PORT), '+noall', '+answer']
    const steps = (await run('dig', [...from, 'customer.example', `IXFR=${soa}`])).stdout
    const lines = steps.split('\n').filter((line) => /\sIN\s/.test(line))
    assert.equal(
      lines.map((line) => line.split(/\s+/)[3]),
      ['SOA', 'SOA', 'SOA', 'A', 'SOA'],
      steps,
    )
    const { stdout } = await run('dig', [`@${NET}.1`, '-p', String(PORT), '+tcp', 'customer.example', 'AXFR'])
    assert.match(stdout, /Transfer failed/, 'others get no transfer')
    const own = await run('dig', [`@${NET}.1`, '-b', SECONDARY, '-p', String(PORT), 'customer.example', 'AXFR'])
    assert.match(own.stdout, /XFR size: \d+ records/)
  }),
)

itWith('kamailio', 'kamailio')(
  "Kamailio's enum module follows a number",
  deadline(60_000, async () => {
    if (!available('sipsak', 'sipsak')) return
    writeFileSync(join(folder, 'resolv.conf'), `nameserver ${NET}.1\n`)
    const config = resolve(import.meta.dirname, 'kamailio/enum.cfg')
    const command = `mount --bind ${folder}/resolv.conf /etc/resolv.conf && exec kamailio -DD -E -f ${config} -l udp:${ENUM_PROXY}:5060 -Y ${folder}`
    const kamailio = launch('sh', ['-c', command], ['unshare', '-m'])
    const asked = async (user: string): Promise<string> => {
      const { stdout } = await run('sipsak', ['-vv', '-s', `sip:${user}@${ENUM_PROXY}:5060`], { timeoutMs: 5_000 })
      return stdout
    }
    const led = async (): Promise<boolean> => (await asked(NUMBER)).includes('299 sip:carol@voice.example')
    await eventually(led, 30_000, 'Kamailio to be led to carol').catch((error) => {
      throw new Error(`${error}\n${kamailio.said()}`)
    })
    assert.match(await asked('+31208005199'), /404 Nowhere/)
  }),
)

test.run()
