/** baresip to baresip on different edges, through a relay: each records the tone that the other plays (MR-01, SIP-15). */
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Baresip, type BaresipInit, isRegistered, startBaresip } from '../support/baresip.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { available } from '../support/programs.ts'
import { shareOf } from '../support/wav.ts'

const test = suite('interop: talk')
const installed = available('baresip', 'baresip')
const ALICE_HERTZ = 440
const BOB_HERTZ = 880

let cluster: Cluster
let work: string
const phones: ChildProcess[] = []

const baresip = (init: Omit<BaresipInit, 'work'>): Baresip => {
  const phone = startBaresip({ work, ...init })
  phones.push(phone.process)
  return phone
}

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
    const bob = baresip({ user: 'bob', address: '127.29.2.2', edge: second.address, hertz: BOB_HERTZ })
    await isRegistered(bob)
    const alice = baresip({ user: 'alice', address: '127.29.2.1', edge: first.address, hertz: ALICE_HERTZ })
    await isRegistered(alice)
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
