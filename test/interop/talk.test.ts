/** baresip to baresip on different edges, through a relay: each records the tone that the other plays (MR-01, SIP-15). */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { available } from '../support/programs.ts'
import { shareOf, toneWav } from '../support/wav.ts'

const test = suite('interop: talk')
const installed = available('baresip', 'baresip')
const ALICE_HERTZ = 440
const BOB_HERTZ = 880

let cluster: Cluster
let work: string
const phones: ChildProcess[] = []

interface Baresip {
  process: ChildProcess
  output(): string
  /** What it heard, once the call is over. */
  heard(): Buffer
}

/** One baresip with a configuration of its own, that plays a tone and records what it hears. */
function baresip(user: string, address: string, edge: string, hertz: number, commands: string[] = []): Baresip {
  const home = join(work, user)
  mkdirSync(home)
  const tone = join(home, 'tone.wav')
  writeFileSync(tone, toneWav(hertz, 20))
  const account = `<sip:${user}@thor.local>;auth_user=${user};auth_pass=secret;outbound="sip:${edge}:5060";regint=120`
  writeFileSync(join(home, 'accounts'), `${account};answermode=auto;audio_source=aufile,${tone}\n`)
  writeFileSync(join(home, 'contacts'), '')
  const modules = ['account', 'g711', 'aufile', 'sndfile', 'stdio'].map((name) => `module ${name}.so`)
  const settings = [
    'module_path /usr/lib/baresip/modules',
    ...modules,
    'module_app menu.so',
    `sip_listen ${address}:5060`,
    'net_interface 127.0.0.1',
    `audio_source aufile,${tone}`,
    `audio_player aufile,${join(home, 'played.wav')}`,
    'audio_alert aufile,/dev/null',
    `snd_path ${home}`,
    'rtp_ports 20000-20100',
  ]
  writeFileSync(join(home, 'config'), `${settings.join('\n')}\n`)
  const child = spawn('baresip', ['-f', home, ...commands.flatMap((command) => ['-e', command])], { cwd: home })
  phones.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-100_000)
    })
  }
  return {
    process: child,
    output: () => output,
    heard() {
      const file = readdirSync(home).find((name) => name.endsWith('-dec.wav'))
      return file === undefined ? Buffer.alloc(0) : readFileSync(join(home, file))
    },
  }
}

const registered = (phone: Baresip): Promise<unknown> =>
  eventually(() => /200 OK/.test(phone.output()), 20_000, 'baresip registered')

test.before(async () => {
  if (!installed) return
  work = mkdtempSync(join(tmpdir(), 'thor-talk-'))
  cluster = await startCluster({ net: '127.29.1', nodes: 3 })
  await cluster.settled()
})
test.after(async () => {
  for (const phone of phones) phone.kill('SIGKILL')
  await cluster?.stop()
  if (work) rmSync(work, { recursive: true, force: true })
})

const run = installed ? test : test.skip
run(
  'a tone is heard both ways through the relay, and the record has its bytes',
  deadline(120_000, async () => {
    const [first, second, third] = cluster.nodes as [Cluster['nodes'][0], Cluster['nodes'][0], Cluster['nodes'][0]]
    for (const user of ['alice', 'bob']) {
      await first.operations.accountAdd({ aor: `${user}@thor.local`, password: 'secret' })
    }
    const bob = baresip('bob', '127.29.2.2', second.address, BOB_HERTZ)
    await registered(bob)
    const alice = baresip('alice', '127.29.2.1', first.address, ALICE_HERTZ)
    await registered(alice)
    alice.process.stdin?.write('/dial sip:bob@thor.local\n')
    // Four seconds of speech as the recordings count them.
    const enough = 4 * 8_000 * 2
    const recording = (): boolean => bob.heard().length > enough && alice.heard().length > enough
    await eventually(recording, 40_000, 'both phones recording').catch((error) => {
      throw new Error(`${error.message}\nalice:\n${alice.output().slice(-2_000)}\nbob:\n${bob.output().slice(-2_000)}`)
    })
    alice.process.stdin?.write('/hangup\n')
    const record = await eventually(
      async () => (await third.operations.calls({})).calls.find((call) => call.endedAt !== null),
      20_000,
      'the record closed',
    )
    for (const phone of [alice, bob]) phone.process.kill('SIGTERM')
    assert.ok(shareOf(bob.heard(), ALICE_HERTZ) > 0.8, 'bob hears the tone of alice')
    assert.ok(shareOf(alice.heard(), BOB_HERTZ) > 0.8, 'alice hears the tone of bob')
    assert.ok(shareOf(bob.heard(), BOB_HERTZ) < 0.1, 'and not his own')
    assert.is(record.caller, 'alice@thor.local')
    assert.is(record.callee, 'bob@thor.local')
    assert.is(record.endCause, 'bye-caller')
    assert.equal(record.codecs, ['PCMU'])
    assert.match(record.userAgentCaller, /^baresip/)
    // At least four seconds of 50 packets with 160 octets each way.
    assert.ok(record.bytesCaller > 4 * 8_000, 'octets of the caller')
    assert.ok(record.bytesCallee > 4 * 8_000, 'octets of the callee')
  }),
)

test.run()
