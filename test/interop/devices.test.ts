/**
 * Real devices of one account on three nodes: sipp forked in parallel and by q (SIP-09, SIP-10, SIP-13), baresip with two flows
 * (RFC 5626, SIP-14) and with a message that waited for it (IM-01). The last test kills a node.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { Phone, type PhoneInit } from '../support/phone.ts'
import { available } from '../support/programs.ts'
import { header, methodOf, statusOf } from '../support/sip-message.ts'
import { sippCredentials, startSipp } from '../support/sipp.ts'

const net = '127.37.1'
const clients = '127.37.2'
/** From the call to the bell, though an edge was killed just before. */
const RING_LIMIT_MS = 5_000

const test = suite('interop: devices')
const withSipp = available('sipp', 'sip-tester') ? test : test.skip
const withBaresip = available('baresip', 'baresip') ? test : test.skip
let cluster: Cluster
let work: string
let lastHost = 10
const phones: Phone[] = []
const programs: ChildProcess[] = []

const node = (number: number): string => `${net}.${number}`

async function phone(user: string, edge: number, init: Partial<PhoneInit> = {}): Promise<Phone> {
  const operations = cluster.nodes[2]?.operations
  await operations?.accountAdd({ aor: `${user}@thor.local`, password: 'secret' }).catch(() => undefined)
  const address = `${clients}.${lastHost++}`
  const made = await new Phone({ user, password: 'secret', address, proxy: node(edge), ...init }).start()
  phones.push(made)
  return made
}

/** Registers a device elsewhere, without NAT, in the name of this account. */
async function register(account: Phone, address: string, q: number, edge: number): Promise<void> {
  const contact = `<sip:${account.init.user}@${address}:5060>;q=${q}`
  assert.equal(statusOf(await account.register({ contact, proxy: node(edge) })), 200)
}

/** A baresip of this account that only rings; `params` go to its account. */
function baresip(user: string, address: string, params: string): { output(): string } {
  const home = join(work, user)
  mkdirSync(home)
  const account = `<sip:${user}@thor.local>;auth_user=${user};auth_pass=secret;regint=120;${params}`
  writeFileSync(join(home, 'accounts'), `${account}\n`)
  writeFileSync(join(home, 'contacts'), '')
  const modules = ['uuid', 'account', 'g711', 'aufile', 'stdio'].map((name) => `module ${name}.so`)
  const settings = [
    'module_path /usr/lib/baresip/modules',
    ...modules,
    'module_app menu.so',
    `sip_listen ${address}:5060`,
    'net_interface 127.0.0.1',
    'audio_alert aufile,/dev/null',
  ]
  writeFileSync(join(home, 'config'), `${settings.join('\n')}\n`)
  const child = spawn('baresip', ['-f', home, '-v'], { cwd: home })
  programs.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-100_000)
    })
  }
  return { output: () => output }
}

test.before(async () => {
  work = mkdtempSync(join(tmpdir(), 'thor-devices-'))
  const options = ['--sip-group-ringing', '2s', '--sip-keep-messages', 'on']
  cluster = await startCluster({ net, nodes: 3, options })
  await cluster.settled()
})
test.after(async () => {
  for (const made of phones) await made.stop()
  for (const program of programs) program.kill('SIGKILL')
  await cluster?.stop()
  if (work) rmSync(work, { recursive: true, force: true })
})

withSipp(
  'three sipp devices ring at once; one answers, knows who calls, and has the only record; the others hear why they stop',
  deadline(60_000, async () => {
    const account = await phone('many', 1)
    await phone('caller1', 1)
    const addresses = [201, 202, 203].map((host) => `${clients}.${host}`)
    for (const [index, address] of addresses.entries()) await register(account, address, 1, index + 1)
    const [winner = '', ...losers] = addresses
    const answers = startSipp({ scenario: 'uas-checks', address: winner, port: 5060, calls: 1 })
    const others = losers.map((address) => startSipp({ scenario: 'uas-cancelled', address, port: 5060, calls: 1 }))
    const rows = [['caller1', 'thor.local', sippCredentials('caller1', 'secret'), 'many']]
    const calling = {
      scenario: 'uac',
      address: `${clients}.204`,
      port: 5060,
      proxy: node(2),
      rows,
      calls: 1,
      holdMs: 500,
    }
    const caller = await startSipp(calling).done
    assert.equal(caller.code, 0, caller.output)
    for (const run of [answers, ...others]) {
      const { code, output } = await run.done
      assert.equal(code, 0, output)
    }
    const records = await cluster.nodes[0]?.operations.calls({ account: 'many@thor.local', limit: 10 })
    assert.equal(records?.calls.length, 1)
  }),
)

withSipp(
  'a device of lower q rings when the one of higher q has rung for its time',
  deadline(60_000, async () => {
    const first = await phone('serial', 1, { behaviour: 'ring' })
    const contact = first.contact
    assert.equal(statusOf(await first.register({ contact: `${contact};q=1` })), 200)
    const second = `${clients}.205`
    await register(first, second, 0.5, 2)
    const answers = startSipp({ scenario: 'uas-checks', address: second, port: 5060, calls: 1 })
    const caller = await phone('caller2', 3)
    const { status, dialog } = await caller.call('serial')
    assert.equal(status, 200)
    assert.ok(dialog)
    assert.equal(await caller.bye(dialog), 200)
    assert.equal((await answers.done).code, 0)
    assert.deepEqual(first.requests.map(methodOf).slice(0, 2), ['INVITE', 'CANCEL'])
  }),
)

test(
  'a caller who wants to refresh too often is told how often will do',
  deadline(30_000, async () => {
    await phone('answerer', 1)
    const caller = await phone('hasty', 2)
    const headers: [string, string][] = [
      ['Supported', 'timer'],
      ['Session-Expires', '30'],
    ]
    const { status, response } = await caller.call('answerer', { headers })
    assert.equal(status, 422)
    assert.equal(header(response, 'Min-SE'), '90')
  }),
)

withBaresip(
  'a message for a baresip that is not there yet reaches it when it comes, by another node',
  deadline(60_000, async () => {
    const writer = await phone('writer', 1)
    await phone('reader', 2)
    const text = 'are you there yet'
    const sent = await writer.request('MESSAGE', 'sip:reader@thor.local', {
      body: text,
      headers: [['Content-Type', 'text/plain']],
    })
    assert.equal(statusOf(sent), 202)
    const reader = baresip('reader', `${clients}.206`, `outbound="sip:${node(3)}:5060"`)
    await eventually(() => reader.output().includes(text), 20_000, 'the message').catch((error) => {
      throw new Error(`${error.message}\n${reader.output().slice(-3_000)}`)
    })
  }),
)

withBaresip(
  'baresip with two flows rings within five seconds though one of its edges was just killed',
  deadline(90_000, async () => {
    const caller = await phone('steady', 3)
    await phone('double', 3)
    const address = `${clients}.207`
    const flows = [1, 2].map((number) => `"sip:${node(number)}:5060;transport=tcp"`)
    const device = baresip('double', address, `sipnat=outbound;outbound=${flows[0]};outbound2=${flows[1]}`)
    const found = await eventually(
      async () => {
        const where = await cluster.nodes[2]?.operations.where({ aor: 'double@thor.local' })
        if (where?.contacts.length !== 2) throw new Error(JSON.stringify(where))
        return where.contacts
      },
      20_000,
      'two flows',
    ).catch((error) => {
      throw new Error(`${error.message}\n${device.output().slice(-3_000)}`)
    })
    assert.deepEqual(found.map(({ edge }) => edge).sort(), ['n1', 'n2'])
    const rings = async (): Promise<number> => {
      const began = performance.now()
      let rangAfter = Number.POSITIVE_INFINITY
      const ended = caller.call('double', {
        onProvisional: (response) => {
          if (statusOf(response) === 180) rangAfter = Math.min(rangAfter, performance.now() - began)
        },
      })
      await eventually(() => rangAfter < Number.POSITIVE_INFINITY, 20_000, 'the bell')
      await caller.cancel()
      assert.equal((await ended).status, 487)
      return rangAfter
    }
    await rings()
    await cluster.kill(cluster.nodes[0] as never)
    const after = await rings()
    assert.ok(after < RING_LIMIT_MS, `rang after ${after} ms`)
  }),
)

test.run()
