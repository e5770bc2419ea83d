/** Who may be a member, with real processes: issuers, joining through any node, revocation, strangers, new keys. */
import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { errorCode, silentLogger, systemClock, systemRandom } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { connectControl, type NodeOperations } from '@thor-node/nodes'
import { decodeRootKey, generateNodeKey, Libp2pPeerNet, PeerRpc } from '@thor-node/overlay'
import { unpack } from 'msgpackr'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, type ClusterNode, ports, startCluster } from '../support/cluster.ts'
import { run } from '../support/programs.ts'

const test = suite('e2e: admission')
const bin = resolve(import.meta.dirname, '../../bin/thor-node.js')
const NET = '127.28.3'

interface Extra {
  process: ChildProcess
  data: string
  address: string
  operations: NodeOperations
  output(): string
  ended: Promise<number | null>
}

let cluster: Cluster
let scratch: string
const extras: Extra[] = []

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode

/** Starts one more node, with an invite or as the member that it is. */
function launch(number: number, invite?: string): Extra {
  const data = join(scratch, `n${number}`)
  const address = `${NET}.${number}`
  const args = [bin, 'join', ...(invite ? [invite] : []), '--data', data, '--address', address]
  const child = spawn(process.execPath, [...args, '--dns-port', `${ports.dns}`], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = new Promise<number | null>((done) => child.once('exit', done))
  const extra = { process: child, data, address, operations: connectControl(data), output: () => output, ended }
  extras.push(extra)
  return extra
}

const serving = (extra: Extra): Promise<unknown> =>
  eventually(
    async () => (await extra.operations.status()).nodes.find((member) => member.self)?.serving,
    60_000,
    `${extra.address} serving`,
  )

/** What this node says of another; it cuts a connection in the moment in which it says so. */
const stateAt = async (operations: NodeOperations, name: string): Promise<string | undefined> =>
  (await operations.members()).members.find((member) => member.name === name)?.state

/** A libp2p node of our own with this key, that lets everybody in. */
async function stranger(host: string, key: Uint8Array) {
  const log = silentLogger
  const net = new Libp2pPeerNet(
    { clock: systemClock, random: systemRandom, log },
    { key, listen: { host, port: 0 }, isMember: () => true },
  )
  const rpc = new PeerRpc({ peers: net, clock: systemClock, log })
  await net.start()
  return { net, rpc }
}

test.before(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'thor-admission-'))
  cluster = await startCluster({ net: NET, nodes: 3 })
  await cluster.settled()
})
test.after(async () => {
  for (const { process: child } of extras) child.kill('SIGKILL')
  await cluster?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

test(
  'the first three nodes become issuers, and no private key is on a disk where it does not belong',
  deadline(60_000, async () => {
    await eventually(
      async () => (await node(1).operations.members()).members.every(({ issuerUntil }) => issuerUntil !== null),
      30_000,
      'three issuers',
    )
    const rootFile = join(node(1).data, 'ring-root.key')
    assert.is(statSync(rootFile).mode & 0o777, 0o600)
    const root = Buffer.from(decodeRootKey(readFileSync(rootFile, 'utf8')).privateKey)
    const issuerKeys = cluster.nodes.map(({ data }) => {
      const { issuer } = unpack(readFileSync(join(data, 'issuer')))
      return Buffer.from(issuer.privateKey)
    })
    for (const [index, { data }] of cluster.nodes.entries()) {
      for (const name of readdirSync(data, { recursive: true, encoding: 'utf8' })) {
        const path = join(data, name)
        if (!statSync(path).isFile() || path === rootFile) continue
        const bytes = readFileSync(path)
        assert.not(bytes.includes(root), `${path} has the root key`)
        for (const [owner, key] of issuerKeys.entries()) {
          if (owner !== index) assert.not(bytes.includes(key), `${path} has the issuer key of n${owner + 1}`)
        }
      }
    }
    // From here on the root key is where it belongs.
    renameSync(rootFile, join(scratch, 'ring-root.key'))
    assert.is((await node(1).operations.members()).rootKeyFile, null)
  }),
)

test(
  'a node joins through any member, also through one that is no issuer, with the roles of its invite',
  deadline(120_000, async () => {
    const wishes = { roles: ['sip_proxy', 'media_relay'], zone: 'annex' }
    const fourth = launch(4, (await node(3).operations.invite(wishes)).invite)
    await serving(fourth)
    const views = (await node(2).operations.members()).members
    const fourthView = views.find(({ name }) => name === 'n4')
    assert.equal(fourthView?.roles, wishes.roles)
    assert.is(fourthView?.zone, 'annex')
    assert.is(fourthView?.issuerUntil, null)
    const services = (await node(2).operations.status()).nodes.find(({ name }) => name === 'n4')?.services
    assert.is(services?.soap, undefined, 'not a provisioning_server')
    assert.is(services?.dns, undefined, 'not a thor_dnsmanager')

    // The invite names its own door first.
    const fifth = launch(5, (await fourth.operations.invite({})).invite)
    await serving(fifth)
    assert.match(fourth.output(), /a node was admitted/)
    assert.not(node(1).output().includes(`"remote":"${NET}.5"`))
  }),
)

test(
  'a revoked node is cut by all, also one that does not hear of it; the others go on',
  deadline(180_000, async () => {
    const fifth = extras[1] as Extra
    const observers = [...cluster.nodes, extras[0] as Extra].map(({ operations }) => operations)
    fifth.process.kill('SIGSTOP')
    // What it remembers of before, for the next test.
    copyFileSync(join(fifth.data, 'roster'), join(scratch, 'roster.before'))
    const from = performance.now()
    const done = node(2).operations.revoke({ node: 'n5' })
    await eventually(
      async () => (await Promise.all(observers.map((one) => stateAt(one, 'n5')))).every((s) => s === 'revoked'),
      30_000,
      'cut everywhere',
    )
    console.log(`   out at all others after ${Math.round(performance.now() - from)} ms`)
    await done
    await node(2).operations.accountAdd({ aor: 'after@thor.local', password: 'x' })
    assert.is((await node(3).operations.accountShow({ aor: 'after@thor.local' })).aor, 'after@thor.local')
    fifth.process.kill('SIGCONT')
    assert.is(await fifth.ended, 1)
    assert.match(fifth.output(), /the ring has revoked this node on .*, at n2: it stays out/)
    await eventually(
      async () => {
        const { nodes, ring } = await node(1).operations.status()
        const held = nodes.find(({ name }) => name === 'n5')?.rangesHeld
        return (held === undefined || held === 0) && ring.changing === 0 && ring.underReplicated === 0
      },
      60_000,
      'its ranges at others',
    )
  }),
)

test(
  'a revoked node that starts again says so and ends, whether it knows or has to ask',
  deadline(120_000, async () => {
    const again = launch(5)
    assert.is(await again.ended, 1)
    assert.match(again.output(), /the ring has revoked this node/)
    // With the memory of before it finds closed gates, and asks a door why.
    copyFileSync(join(scratch, 'roster.before'), join(again.data, 'roster'))
    const asking = launch(5)
    assert.is(await asking.ended, 1)
    assert.match(asking.output(), /the ring has revoked this node on .*, at n2/)
    assert.is(unpack(readFileSync(join(again.data, 'roster'))).revocations.length, 1, 'and keeps it')
  }),
)

test(
  'strangers, and who has the key of a revoked node, are refused by all',
  deadline(60_000, async () => {
    const stolen = unpack(readFileSync(join(scratch, 'n5', 'identity'))).key as Uint8Array
    const { nodes } = await node(1).operations.status()
    const live = nodes.filter(({ state }) => state === 'alive')
    assert.is(live.length, 4)
    for (const key of [generateNodeKey(), Uint8Array.from(stolen)]) {
      const { net, rpc } = await stranger(`${NET}.66`, key)
      for (const { nodeId, address } of live) {
        assert.is(await net.connect(nodeId, [`${address}:${ports.cluster}`]).catch(errorCode), 'OVERLAY_REFUSED')
        assert.is(await rpc.call(nodeId, 'swim.sync', {}).catch(errorCode), 'RPC_NOT_CONNECTED')
      }
      await net.stop()
    }
  }),
)

test(
  'a new issuer key from the root key file, and the ring goes on without a break',
  deadline(90_000, async () => {
    const rotate = (...words: string[]) => run(process.execPath, [bin, 'rotate', ...words], { timeoutMs: 30_000 })
    const before = (await node(1).operations.members()).members.find(({ name }) => name === 'n1')?.issuerUntil
    const done = await rotate('--root', join(scratch, 'ring-root.key'), '--data', node(1).data)
    assert.is(done.code, 0, done.stderr)
    await eventually(
      async () => {
        const { members } = await node(3).operations.members()
        const until = members.find(({ name }) => name === 'n1')?.issuerUntil
        return until !== null && until !== before
      },
      10_000,
      'the new key known at n3',
    )
    // An offline round for the fourth node makes it an issuer.
    const fourth = extras[0] as Extra
    const request = await rotate('--request', '--data', fourth.data)
    const made = await rotate('--certify', request.stdout.trim(), '--root', join(scratch, 'ring-root.key'))
    assert.is(made.code, 0, made.stderr)
    const taken = await rotate('--install', made.stdout.trim(), '--data', fourth.data)
    assert.is(taken.code, 0, taken.stderr)
    const { nodes } = await node(2).operations.status()
    assert.is(nodes.filter(({ state }) => state === 'alive').length, 4)
    const { members } = await node(2).operations.members()
    assert.ok(members.every(({ state, issuerUntil }) => state === 'revoked' || issuerUntil !== null))
    await node(1).operations.accountAdd({ aor: 'rotated@thor.local', password: 'x' })
  }),
)

test.run()
