/** A member over libp2p: in this process (`bootNode`), or, run as a program, in one of its own. Serves echo; prints its port. */
import { silentLogger, systemClock, systemRandom } from '@thor-node/core'
import { type Certificate, signCertificate } from '../../src/admission/certificate.ts'
import { createIssuer, trustOf } from '../../src/admission/issuer.ts'
import { decodeRootKey } from '../../src/admission/root-file.ts'
import { Libp2pPeerNet } from '../../src/kad/kad.ts'
import { nodeIdOf } from '../../src/kad/node-key.ts'
import type { Member } from '../../src/membership/contract.ts'
import { Membership } from '../../src/membership/members.ts'
import { Roster } from '../../src/membership/roster.ts'
import { PeerRpc } from '../../src/rpc/rpc.ts'

export interface BootedNode {
  certificates: Certificate[]
  net: Libp2pPeerNet
  rpc: PeerRpc
  members: Membership
  port: number
  stop(): Promise<void>
}

export interface BootOptions {
  /** The file of the ring's root key. */
  rootKey: string
  /** Of all members. */
  keys: readonly Uint8Array[]
  /** Which of them this node is. */
  index: number
  host: string
  port: number
  boots: number
  known: readonly Member[]
}

export async function bootNode({ rootKey, keys, index, host, port, boots, known }: BootOptions): Promise<BootedNode> {
  const root = decodeRootKey(rootKey)
  const now = systemClock.wall()
  const certificates = keys.map((key, i) => ({
    ringId: root.ringId,
    nodeId: nodeIdOf(key),
    placementId: `${i}`.repeat(32),
    name: `n${i + 1}`,
    roles: [],
    zone: '',
    notBefore: now,
    notAfter: now + 86_400_000,
  }))
  const roster = new Roster({ clock: systemClock }, { ring: trustOf(root) })
  const issuer = createIssuer(root, nodeIdOf(keys[0] as Uint8Array), now)
  for (const certificate of certificates) roster.add(signCertificate(issuer, certificate))
  const parts = { clock: systemClock, random: systemRandom, log: silentLogger }
  const net = new Libp2pPeerNet(parts, {
    key: keys[index] as Uint8Array,
    listen: { host, port },
    isMember: (id) => roster.has(id),
  })
  const rpc = new PeerRpc({ ...parts, peers: net })
  rpc.serve('echo', (body) => body)
  await net.start()
  const cluster = Number(net.addresses[0]?.split(':').at(-1))
  const members = new Membership(
    { ...parts, peers: net, rpc, roster, findAddresses: (id) => net.findAddresses(id) },
    {
      certificate: certificates[index] as Certificate,
      incarnation: boots * 2 ** 20,
      version: '1.0.0',
      services: { host, cluster },
      known,
    },
  )
  await members.start()
  return {
    certificates,
    net,
    rpc,
    members,
    port: cluster,
    async stop() {
      await members.stop()
      await net.stop()
    },
  }
}

if (import.meta.main) {
  const { keys, ...options } = JSON.parse(process.env.NODE ?? '{}') as { keys: string[] } & Omit<
    BootOptions,
    'rootKey' | 'keys'
  >
  const rootKey = process.env.ROOT ?? ''
  const node = await bootNode({ ...options, rootKey, keys: keys.map((key) => Buffer.from(key, 'hex')) })
  console.log(node.port)
}
