import type { CallRecord } from '@thor-node/accounting'
import { type Aor, Sealer, silentLogger, systemClock } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import { EnumDirectory, ZoneDirectory } from '@thor-node/dns'
import {
  AccountDirectory,
  Admins,
  type CallHistory,
  type CallHistoryQuery,
  type DeviceLocation,
  type DeviceLocations,
  type NetworkState,
  type ProvisionComponents,
  type ProvisionInit,
  Provisioning,
  ProvisionServer,
  type RunningTrace,
  type SipTraces,
  type TracedSip,
} from '../../src/index.ts'
import { memoryStore } from './memory-store.ts'

export const wall = Date.UTC(2026, 10, 23, 12, 0, 0)

export const device: DeviceLocation = {
  address: '192.168.1.10',
  port: 5060,
  publicAddress: '198.51.100.7',
  publicPort: 40_000,
  expiresSeconds: 600,
  userAgent: 'Phone "A&B"',
  transport: 'udp',
}

export const call: CallRecord = {
  callUuid: '0ab-000000000000000000000001',
  leg: 'a',
  callId: 'call-1',
  fromTag: 'a=1',
  toTag: 'b',
  billedTo: 'alice@example.com',
  caller: 'alice@example.com',
  callee: 'bob@example.com',
  requestUri: 'sip:+31208005100@example.com',
  enum: { tree: 'e164.arpa', number: '+31208005100' },
  startedAt: wall,
  stoppedAt: wall + 61_000,
  durationSeconds: 61,
  callerUserAgent: '',
  calleeUserAgent: '',
  codecs: ['PCMA'],
  node: 'node1',
  callerBytes: 0,
  calleeBytes: 0,
  callerPackets: 0,
  calleePackets: 0,
}

/** All of the interface over a store in memory, with `admin` / `secret` as administrator and a wall clock that stands still. */
export async function makeComponents() {
  const store = memoryStore()
  const random = new SimRandom(3)
  const clock = { ...systemClock, wall: () => wall }
  const sealer = new Sealer(Buffer.alloc(32, 1), random)
  const common = { store, clock, random, logger: silentLogger }
  const directory = new AccountDirectory({ ...common, sealer })
  const admins = new Admins(common, { costLog2: 4 })
  await admins.createAdmin('admin', 'secret')
  const asked: { aor: Aor; query: CallHistoryQuery }[] = []
  const locations: DeviceLocations = { locations: async (aor) => (aor === 'alice@example.com' ? [device] : []) }
  const calls: CallHistory = {
    calls: async (aor, query) => {
      asked.push({ aor, query })
      return query.direction === 'placed' && aor === 'alice@example.com' ? [call] : []
    },
  }
  const numbers = new EnumDirectory(common)
  const zones = new ZoneDirectory(common)
  const parts = {
    ...common,
    sealer,
    directory,
    numbers,
    zones,
    admins,
    locations,
    calls,
    network,
    traces: makeTraces(),
  }
  const provisioning = new Provisioning(parts, { node: 'n1' })
  const components: ProvisionComponents = { provisioning, clock, logger: silentLogger }
  return { store, components, provisioning, directory, admins, asked }
}

function makeTraces(): SipTraces {
  const running = new Map<Aor, RunningTrace>()
  const message = (seq: number, direction: 'in' | 'out', text: string): TracedSip => ({
    ...{ node: 'n1', seq, at: 1_000 + seq, direction, transport: 'udp', callId: 'call-1' },
    ...{ local: '192.0.2.1:5060', remote: '192.0.2.7:5070', text },
  })
  const messages = [
    message(1, 'in', 'INVITE sip:bob@example.com SIP/2.0\r\nFrom: <sip:a@b>;tag=f\r\nTo: <sip:c@d>\r\n\r\n'),
    message(2, 'out', 'SIP/2.0 180 Ringing\r\nFrom: <sip:a@b>;tag=f\r\nTo: <sip:c@d>;tag=t\r\nCSeq: 1 INVITE\r\n\r\n'),
  ]
  return {
    begin: async ({ account, startedAt, until }) => void running.set(account, { account, startedAt, until }),
    end: async (account) => running.delete(account),
    list: async () => [...running.values()],
    read: async (_, { n1 = 0 }) => ({
      ...{ messages: messages.filter(({ seq }) => seq > n1), dropped: 0, silent: [], now: 2_000 },
    }),
    ofCall: async ({ callId, nodeIp }) => (callId === 'call-1' && nodeIp !== '192.0.2.9' ? messages : []),
  }
}

const network: NetworkState = {
  status: async () => ({ node1: { ip: '192.0.2.1', version: '0.1.0', roles: ['sip_proxy'] } }),
  statistics: async () => ({ summary: { sip_proxy: { online_accounts: { 'example.com': 1 } } } }),
  mediaSummary: async () => [{ ip: '192.0.2.1', session_count: 0 }],
  mediaSessions: async () => [],
  mediaTrace: async ({ callId }) => (callId === 'call-1' ? { call_id: callId, duration: 61, streams: [] } : undefined),
}

export async function startServer(host: string, times: ProvisionInit['times'] = {}) {
  const made = await makeComponents()
  const server = new ProvisionServer(made.components, { bind: { host, port: 0 }, times })
  await server.start()
  const { port } = server.local as { port: number }
  return { ...made, server, port, url: `http://${host}:${port}/` }
}
