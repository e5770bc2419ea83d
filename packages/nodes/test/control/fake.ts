import { ThorError } from '@thor-node/core'
import type {
  AccountView,
  BannerFacts,
  CallView,
  MembersResult,
  MemberView,
  NodeOperations,
  StatusResult,
} from '../../src/control/contract.ts'
import type { BlockView } from '../../src/control/guard-contract.ts'
import type {
  LossView,
  RecoverResult,
  RingRangeResult,
  RingShowResult,
  RingVerifyResult,
} from '../../src/control/ring-contract.ts'
import { FakeTrunks } from './fake-trunks.ts'

const AT = Date.UTC(2026, 10, 23, 12, 0, 0)

export const fakeStatus: StatusResult = {
  domain: 'thor.local',
  nodes: [
    {
      name: 'n1',
      nodeId: '12D3KooWn1',
      state: 'alive',
      serving: true,
      address: '192.0.2.1',
      zone: 'default',
      roles: ['sip-proxy', 'media-relay'],
      version: '0.1.0',
      uptimeSeconds: 3_725,
      rangesHeld: 4_096,
      rangesHome: 2_050,
      alarms: [],
      self: true,
      services: { host: '192.0.2.1', sipUdp: 5060, sipTcp: 5060, soap: 9200, dns: 1053, cluster: 7400 },
    },
    {
      name: 'n2',
      nodeId: '12D3KooWn2',
      state: 'alive',
      serving: false,
      address: '192.0.2.2',
      zone: 'default',
      roles: ['sip-proxy'],
      version: '0.1.0',
      uptimeSeconds: 12,
      rangesHeld: 4_096,
      rangesHome: 2_046,
      alarms: [],
      self: false,
      services: { host: '192.0.2.2', sipUdp: 5060, sipTcp: 5062, cluster: 7400 },
    },
    {
      name: 'n3',
      nodeId: '12D3KooWn3',
      state: 'dead',
      serving: false,
      address: '192.0.2.3',
      zone: 'default',
      roles: [],
      version: '0.1.0',
      uptimeSeconds: 0,
      rangesHeld: 0,
      rangesHome: 0,
      alarms: [],
      self: false,
      services: { host: '192.0.2.3', cluster: 7400 },
    },
  ],
  totals: { accounts: 1_234, registrations: 1, calls: 0 },
  ring: { ranges: 4_096, underReplicated: 4_096, closed: 0, changing: 3 },
}

export const fakeCall: CallView = {
  callUuid: '0af-0123456789abcdef01234567',
  callId: 'x@y',
  caller: 'alice@thor.local',
  callee: 'bob@thor.local',
  billedTo: 'alice@thor.local',
  startedAt: AT,
  endedAt: AT + 65_000,
  durationSeconds: 65,
  endCause: 'bye-caller',
  ...{ enum: null, bytesCaller: 1_000_000, bytesCallee: 118_000 },
  codecs: ['PCMA'],
  ...{ userAgentCaller: 'baresip', userAgentCallee: 'linphone' },
}

export const fakeBanner: BannerFacts = {
  name: 'n1',
  domain: 'thor.local',
  firstNode: true,
  nodes: 1,
  version: '0.1.0',
  data: '/var/lib/thor-node',
  sipUdp: { host: '192.0.2.1', port: 5060 },
  sipTcp: { host: '192.0.2.1', port: 5060 },
  dns: { host: '192.0.2.1', port: 1053 },
  soapUrl: 'http://192.0.2.1:9200/',
  controlPath: '/var/lib/thor-node/control.sock',
  adminUser: 'admin',
  invite: 'thor1abc',
  inviteExpiresAt: AT,
  notes: ['DNS answers on port 1053 instead of 53: ports below 1024 need root or CAP_NET_BIND_SERVICE.'],
}

const fakeMember: MemberView = {
  name: 'n1',
  nodeId: '12D3KooWn1',
  state: 'alive',
  self: true,
  roles: ['sip_proxy', 'issuer'],
  zone: 'default',
  certificateUntil: AT + 86_400_000,
  issuerUntil: AT + 2 * 86_400_000,
  revokedAt: null,
  revokedBy: null,
}

export const fakeMembers: MembersResult = {
  members: [
    fakeMember,
    { ...fakeMember, name: 'n2', nodeId: '12D3KooWn2', self: false, roles: ['sip_proxy'], issuerUntil: null },
    {
      ...fakeMember,
      name: 'n4',
      nodeId: '12D3KooWn4',
      self: false,
      state: 'revoked',
      certificateUntil: null,
      issuerUntil: null,
      revokedAt: AT,
      revokedBy: 'n1',
    },
  ],
  rootKeyFile: null,
  hints: ['Only one node can issue certificates.'],
}

const ringNode = {
  state: 'alive' as const,
  serving: true,
  zone: 'east',
  weight: 1,
  self: false,
  homes: 2_048,
  held: 4_096,
  fairHomes: 2_048,
  fairHeld: 4_096,
  filling: 0,
  copiedIn: 0,
  copiedOut: 0,
}

export const fakeRing: RingShowResult = {
  nodes: [
    { ...ringNode, name: 'n1', nodeId: '12D3KooWn1', self: true },
    { ...ringNode, name: 'n2', nodeId: '12D3KooWn2', zone: 'west', homes: 1_536, filling: 7, copiedIn: 2_500_000 },
    {
      ...ringNode,
      name: 'n3',
      nodeId: '12D3KooWn3',
      state: 'dead',
      serving: false,
      homes: 0,
      fairHomes: 0,
      fairHeld: 0,
    },
  ],
  zones: [
    { zone: 'east', nodes: 2, homes: 2_048, held: 8_192 },
    { zone: 'west', nodes: 1, homes: 2_048, held: 4_096 },
  ],
  homes: Array.from({ length: 4_096 }, (_, range) => range % 2),
  moving: [1, 2],
  thin: [1, 2, 3],
  closed: [3],
  oneZone: 4,
  moves: [{ from: ['n1', 'n2', 'n3'], to: ['n1', 'n2', 'n4'], left: 55, open: 32, total: 100, etaSeconds: 75 }],
  more: { groups: 2, ranges: 9 },
}

export const fakeRange: RingRangeResult = {
  range: 175,
  epoch: 7,
  home: 'n1',
  changing: true,
  members: [
    { name: 'n1', nodeId: 'x1', state: 'alive', since: 3, change: 'stays', home: true, copy: 'whole', epoch: 7 },
    { name: 'n2', nodeId: 'x2', state: 'dead', since: 3, change: 'goes', home: false, copy: null, epoch: null },
    { name: 'n4', nodeId: 'x4', state: 'alive', since: 7, change: 'joins', home: false, copy: 'filling', epoch: 6 },
  ],
  recoveries: [{ at: AT, by: 'ada', epochBefore: 5, epochAfter: 1_048_600 }],
}

/** Keeps accounts in a Map and remembers what it was asked. */
export class FakeOperations extends FakeTrunks implements NodeOperations {
  readonly accounts = new Map<string, AccountView>()
  /** What `ringVerify` finds in the part that begins there. */
  readonly verified = new Map<number, Partial<RingVerifyResult>>()
  losses: LossView[] = []
  /** One less at each look. */
  callsHere = 0

  async status() {
    this.asked.push(['status', {}])
    return fakeStatus
  }

  async accountAdd(query: Parameters<NodeOperations['accountAdd']>[0]) {
    this.asked.push(['accountAdd', query])
    if (this.accounts.has(query.aor)) throw new ThorError('PROVISION_EXISTS', `${query.aor} is taken.`)
    const account: AccountView = {
      aor: query.aor,
      displayName: query.displayName ?? '',
      email: query.email ?? '',
      aliases: [],
      groups: [],
      callLimit: 0,
      createdAt: AT,
      changedAt: AT,
    }
    this.accounts.set(query.aor, account)
    return { account, password: query.password ?? 'made-up-one', generated: query.password === undefined }
  }

  async accountList(query: Parameters<NodeOperations['accountList']>[0]) {
    this.asked.push(['accountList', query])
    const accounts = [...this.accounts.values()]
    return { accounts: accounts.slice(0, query.limit ?? 1_000), total: accounts.length }
  }

  async accountShow({ aor }: { aor: string }) {
    const account = this.accounts.get(aor)
    if (!account) throw new ThorError('PROVISION_UNKNOWN', `There is no account ${aor}.`)
    return account
  }

  async accountRemove({ aor }: { aor: string }) {
    this.accounts.delete(aor)
    return { removed: aor }
  }

  async domainList() {
    return { domains: [{ domain: 'thor.local', accounts: this.accounts.size, changedAt: AT }] }
  }

  async calls(query: Parameters<NodeOperations['calls']>[0]) {
    this.asked.push(['calls', query])
    const led = query.account === 'led@thor.local' && { enum: { tree: 'e164.arpa', number: '+31208005100' } }
    return { calls: query.current ? [] : [{ ...fakeCall, ...led }] }
  }

  async where({ aor }: { aor: string }) {
    return {
      aor,
      kind: 'account' as const,
      range: 175,
      home: 'n2',
      replicas: [
        { name: 'n2', live: true },
        { name: 'n3', live: false },
      ],
      contacts: [
        {
          contact: 'sip:alice@10.0.0.7:5070',
          edge: 'n1',
          flow: 'udp:1',
          transport: 'udp',
          q: 1,
          expiresSeconds: 540,
          userAgent: 'baresip',
          source: '198.51.100.7:5070',
        },
      ],
    }
  }

  async invite(query: Parameters<NodeOperations['invite']>[0]) {
    this.asked.push(['invite', query])
    return { invite: 'thor1abc', expiresAt: AT }
  }

  async members() {
    return fakeMembers
  }

  async revoke(query: Parameters<NodeOperations['revoke']>[0]) {
    this.asked.push(['revoke', query])
    if (query.node !== 'n3') throw new ThorError('NODE_MEMBER_UNKNOWN', `${query.node} is no member`)
    return { name: 'n3', nodeId: '12D3KooWn3' }
  }

  issuerState = { request: 'thor-issuer-request-none', ringId: 'r' }

  async issuerRequest() {
    return this.issuerState
  }

  async issuerInstall(query: Parameters<NodeOperations['issuerInstall']>[0]) {
    this.asked.push(['issuerInstall', query])
    return { issuerUntil: AT }
  }

  async leave() {
    this.asked.push(['leave', undefined])
    return { rangesHeld: 12, rangesTotal: 40, bytesSent: 1_234_567, etaSeconds: 65 }
  }

  async peerList() {
    this.asked.push(['peerList', {}])
    const peer = {
      name: 'trunk1',
      prefixes: ['192.0.2.0/24'],
      tlsNames: [],
      callsMax: 30,
      callsPerSecond: 0,
      relay: false,
    }
    return { peers: [{ ...peer, changedAt: AT, calls: 2 }] }
  }

  async peerAdd(query: Parameters<NodeOperations['peerAdd']>[0]) {
    this.asked.push(['peerAdd', query])
    return { peer: query.name }
  }

  async peerRemove(query: Parameters<NodeOperations['peerRemove']>[0]) {
    this.asked.push(['peerRemove', query])
    return { removed: query.name }
  }

  async guardList() {
    this.asked.push(['guardList', {}])
    const block = { name: '192.0.2.7', cause: 'failed-logins', since: AT, secondsLeft: 599, silent: true, refused: 12 }
    return { blocks: [block as BlockView] }
  }

  async guardUnblock(query: Parameters<NodeOperations['guardUnblock']>[0]) {
    this.asked.push(['guardUnblock', query])
    return { unblocked: query.name }
  }

  async guardBlock(query: Parameters<NodeOperations['guardBlock']>[0]) {
    this.asked.push(['guardBlock', query])
    return { blocked: query.name }
  }

  async ringShow() {
    this.asked.push(['ringShow', {}])
    return fakeRing
  }

  async ringRange(query: Parameters<NodeOperations['ringRange']>[0]) {
    this.asked.push(['ringRange', query])
    return { ...fakeRange, ...(query.name && { name: query.name }) }
  }

  async ringVerify(query: Parameters<NodeOperations['ringVerify']>[0]): Promise<RingVerifyResult> {
    this.asked.push(['ringVerify', query])
    const next = query.from + query.count
    const part = this.verified.get(query.from)
    const rest = { repaired: [], differing: [], unreachable: [], busy: [] }
    return { equal: query.count, ...rest, ...part, next: next < 4_096 ? next : null }
  }

  async certificates(query: Parameters<NodeOperations['certificates']>[0]) {
    this.asked.push(['certificates', query])
    const one = {
      name: 'self-signed',
      hosts: ['thor.local'],
      notAfter: 1_800_000_000_000,
      selfSigned: true,
      fallback: true,
    }
    return { certificates: [one], note: 'Phones will not trust it.' }
  }

  async drain(query: Parameters<NodeOperations['drain']>[0]) {
    this.asked.push(['drain', query])
    return { draining: query.undo !== true, homes: 0, calls: Math.max(0, this.callsHere--) }
  }

  async recover(query: Parameters<NodeOperations['recover']>[0]): Promise<RecoverResult> {
    this.asked.push(['recover', query])
    const recovered = query.accept ? this.losses.map(({ range, start }) => ({ range, epoch: 1_048_600, start })) : []
    return { losses: this.losses, refused: [], recovered }
  }

  async adminPassword(query: Parameters<NodeOperations['adminPassword']>[0]) {
    this.asked.push(['adminPassword', query])
    return { user: 'admin', password: 'soap-password', reset: query.reset === true }
  }
}
