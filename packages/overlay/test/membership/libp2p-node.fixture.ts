/** A member over libp2p: in this process (`bootNode`), or, run as a program, in one of its own. Serves echo; prints its port. */
import { silentLogger, systemClock, systemRandom } from '@thor-node/core'
import { type Certificate, signCertificate, verifyCertificate } from '../../src/admission/certificate.ts'
import { decodeRingIdentity, type RingIdentity } from '../../src/admission/identity.ts'
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
  identity: RingIdentity
  /** Of all members. */
  keys: readonly Uint8Array[]
  /** Which of them this node is. */
  index: number
  host: string
  port: number
  boots: number
  known: readonly Member[]
}

export async function bootNode({ identity, keys, index, host, port, boots, known }: BootOptions): Promise<BootedNode> {
  const certificates = keys.map((key, i) => ({
    ringId: identity.ringId,
    nodeId: nodeIdOf(key),
    placementId: `${i}`.repeat(32),
    name: `n${i + 1}`,
    roles: [],
    zone: '',
    notBefore: 0,
    notAfter: 1e14,
  }))
  const roster = new Roster((signed) => verifyCertificate(identity, signed, systemClock.wall()))
  for (const certificate of certificates) roster.add(signCertificate(identity.privateKey, certificate))
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
    'identity' | 'keys'
  >
  const identity = decodeRingIdentity(Buffer.from(process.env.RING ?? '', 'base64'))
  const node = await bootNode({ ...options, identity, keys: keys.map((key) => Buffer.from(key, 'hex')) })
  console.log(node.port)
}
