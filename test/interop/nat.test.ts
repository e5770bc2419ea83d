/**
 * baresip behind NATs that forget after 30 s: it registers, is silent for longer than that, and can be called from outside,
 * whatever the kind of NAT; with two flows it rings when the node of one is gone (SIP-14, RFC 3581, RFC 5626).
 */
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isRegistered, startBaresip } from '../support/baresip.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { canIsolate } from '../support/namespaces.ts'
import { makeWorld, type NatKind, type World } from '../support/nat.ts'
import { available } from '../support/programs.ts'
import { sippCredentials, startSipp } from '../support/sipp.ts'

const test = suite('interop: NAT')
const isolated = canIsolate()
if (!isolated) console.log('SKIP network namespaces: needs root on Linux, with nft, ip and nsenter')
const possible = [available('baresip', 'baresip'), available('sipp', 'sip-tester'), isolated].every(Boolean)

/** Longer than the NATs remember. */
const SILENT_MS = Number(process.env.NAT_SILENT_MS ?? 40_000)
const KINDS: NatKind[] = ['full cone', 'port restricted', 'symmetric']

let world: World
let cluster: Cluster
let work: string
const phones: ChildProcess[] = []

test.before(async () => {
  if (!possible) return
  work = mkdtempSync(join(tmpdir(), 'thor-nat-'))
  world = await makeWorld(3)
  cluster = await startCluster({ net: world.net, nodes: 3, prefix: () => world.prefix })
  await cluster.settled()
  await cluster.nodes[0]?.operations.accountAdd({ aor: 'caller@thor.local', password: 'secret' })
})
test.after(async () => {
  for (const phone of phones) phone.kill('SIGKILL')
  await cluster?.stop()
  await world?.stop()
  if (work) rmSync(work, { recursive: true, force: true })
})

/** Calls a user from outside, through one node, for a second. */
function call(callee: string, proxy: string, number: number) {
  const rows = [['caller', 'thor.local', sippCredentials('caller', 'secret'), callee]]
  const more = ['-timeout', '20s']
  const address = world.address(number)
  return startSipp({ scenario: 'uac', address, proxy, rows, calls: 1, holdMs: 1_000, prefix: world.prefix, more }).done
}

const run = possible ? test : test.skip

run(
  'phones behind a NAT of each kind are called after a silence that the NAT does not remember',
  deadline(180_000, async () => {
    const [first, second, third] = cluster.nodes as [Cluster['nodes'][0], Cluster['nodes'][0], Cluster['nodes'][0]]
    const homes = await Promise.all(KINDS.map((kind) => world.addHome(kind)))
    for (const [n, home] of homes.entries()) {
      const user = `home${n}`
      await first.operations.accountAdd({ aor: `${user}@thor.local`, password: 'secret' })
      const { address, prefix } = home
      const edge = second.address
      const phone = startBaresip({ work, user, address, edge, hertz: 440, interface: 'eth0', prefix })
      phones.push(phone.process)
      await isRegistered(phone)
    }
    // This is the time that is tested: nothing is waited for.
    await new Promise((done) => setTimeout(done, SILENT_MS))
    for (const [n, { kind }] of homes.entries()) {
      const { code, output } = await call(`home${n}`, (n % 2 === 0 ? third : first).address, n)
      assert.is(code, 0, `${kind}:\n${output}`)
    }
  }),
)

run(
  'a phone with two flows rings through the other one when the node of the first is gone',
  deadline(120_000, async () => {
    const [first, second, third] = cluster.nodes as [Cluster['nodes'][0], Cluster['nodes'][0], Cluster['nodes'][0]]
    await first.operations.accountAdd({ aor: 'two@thor.local', password: 'secret' })
    const { address, prefix } = await world.addHome('port restricted')
    const [edge, edge2] = [first.address, second.address]
    const phone = startBaresip({ work, user: 'two', address, edge, edge2, hertz: 440, interface: 'eth0', prefix })
    phones.push(phone.process)
    await isRegistered(phone, 2)
    for (const victim of [first, second]) {
      const startedAt = performance.now()
      await cluster.kill(victim)
      const { code, output } = await call('two', third.address, 3)
      assert.is(code, 0, `${phone.output().slice(-1_500)}\n${output}`)
      console.log(`  called ${Math.round(performance.now() - startedAt - 1_000)} ms after the node was killed`)
      await cluster.restart(victim)
      await cluster.settled()
    }
  }),
)

test.run()
