/** Bytes that a member costs a node: tables by size of the ring, and a connection over real libp2p. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { silentLogger, sleep, systemClock, systemRandom } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import { type Certificate, signCertificate } from '../packages/overlay/src/admission/certificate.ts'
import { createIssuer, createRoot, trustOf } from '../packages/overlay/src/admission/issuer.ts'
import { Libp2pPeerNet } from '../packages/overlay/src/kad/kad.ts'
import { generateNodeKey, nodeIdOf } from '../packages/overlay/src/kad/node-key.ts'
import { MemberTable } from '../packages/overlay/src/membership/member-table.ts'
import { Roster } from '../packages/overlay/src/membership/roster.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

export interface MemoryRow {
  nodes: number
  /** Kilobytes in the heap of one node. */
  table: number
  roster: number
}

export interface ConnectionCost {
  /** Meshes of so many nodes in one process; the difference of the two counts. */
  meshes: [number, number]
  /** Kilobytes in use (heap and outside of it) per end of a connection at rest: libp2p, Noise, yamux and socket. */
  perEnd: number
  /** CPU milliseconds of dial, Noise handshake, yamux, identify and greeting, per end. */
  handshakeMs: number
}

function heap(): number {
  gc()
  gc()
  return process.memoryUsage().heapUsed
}

function grown<T>(make: () => T): { made: T; kilobytes: number } {
  const before = heap()
  const made = make()
  return { made, kilobytes: Math.round((heap() - before) / 1024) }
}

function tables(nodes: number): MemoryRow {
  const clock = new SimClock()
  const random = new SimRandom(nodes)
  const root = createRoot()
  const issuer = createIssuer(root, nodeIdOf(generateNodeKey()), clock.wall())
  const certificates = Array.from(
    { length: nodes },
    (_, index): Certificate => ({
      ringId: root.ringId,
      nodeId: nodeIdOf(generateNodeKey(random)),
      placementId: Buffer.from(random.bytes(16)).toString('hex'),
      name: `n${index + 1}`,
      roles: ['sip_proxy'],
      zone: 'default',
      notBefore: clock.wall(),
      notAfter: clock.wall() + 86_400_000,
    }),
  )
  const memberOf = (certificate: Certificate, index: number) => ({
    ...certificate,
    weight: 1,
    version: '0.1.0',
    services: {
      host: `10.0.${index >> 8}.${index & 255}`,
      cluster: 7400,
      sipUdp: 5060,
      sipTcp: 5060,
      dns: 53,
      soap: 9200,
    },
    state: 'alive' as const,
    incarnation: 2 ** 20,
    serving: true,
    startedAt: clock.wall(),
  })
  const [own, ...others] = certificates as [Certificate, ...Certificate[]]
  const table = grown(() => {
    const made = new MemberTable(memberOf(own, 0), { log: silentLogger, onMoved: () => undefined })
    others.forEach((certificate, index) => {
      made.add({ member: memberOf({ ...certificate }, index + 1), belief: { phase: 'trusted' } })
    })
    made.list()
    return made
  })
  const roster = grown(() => {
    const made = new Roster({ clock }, { ring: trustOf(root) })
    for (const certificate of certificates) made.add(signCertificate(issuer, certificate))
    return made
  })
  return { nodes, table: table.kilobytes, roster: roster.kilobytes }
}

/** What the connections of a full mesh of real nodes in this process keep, and what it took to make them. */
async function mesh(nodes: number): Promise<{ bytes: number; cpuMs: number }> {
  const keys = Array.from({ length: nodes }, () => generateNodeKey())
  const parts = { clock: systemClock, random: systemRandom, log: silentLogger }
  const nets = keys.map(
    (key) => new Libp2pPeerNet(parts, { key, listen: { host: '127.0.0.1', port: 0 }, isMember: () => true }),
  )
  for (const net of nets) await net.start()
  const before = heap() + process.memoryUsage().external
  const cpu = process.cpuUsage()
  for (const [index, net] of nets.entries()) {
    for (const other of nets.slice(index + 1)) await net.connect(other.self, other.addresses)
  }
  const { user, system } = process.cpuUsage(cpu)
  // Until identify and kad-dht are through, and buffers of handshakes are free.
  await sleep(systemClock, 5_000)
  const bytes = heap() + process.memoryUsage().external - before
  for (const net of nets) await net.stop()
  return { bytes, cpuMs: (user + system) / 1000 }
}

export async function measureMemory(): Promise<{ tables: MemoryRow[]; connections: ConnectionCost }> {
  // The first run is warming up: code and caches count as memory too.
  await mesh(4)
  const meshes: [number, number] = [8, 24]
  const [few, many] = [await mesh(meshes[0]), await mesh(meshes[1])]
  const ends = meshes[1] * (meshes[1] - 1) - meshes[0] * (meshes[0] - 1)
  const perEnd = Math.round((many.bytes - few.bytes) / ends / 1024)
  const handshakeMs = Math.round(((many.cpuMs - few.cpuMs) / ends) * 10) / 10
  tables(10)
  return { tables: [64, 300, 1000].map(tables), connections: { meshes, perEnd, handshakeMs } }
}
