import {
  type Aor,
  type Clock,
  formatAddress,
  RANGE_COUNT,
  type Random,
  randomHex,
  rangeOf,
  recordKey,
  splitAor,
  ThorError,
} from '@thor-node/core'
import type { Alarm, Member, NodeId } from '@thor-node/overlay'
import type { AccountDirectory, AccountRecord, AddressRecord } from '@thor-node/provision'
import type { StoredBinding, TransportLayer } from '@thor-node/sip'
import type { RingAlarms } from './adapters/alarms.ts'
import type { CallHistory } from './adapters/call-history.ts'
import type { CallService } from './adapters/call-service.ts'
import type { RingAccess } from './adapters/ring-access.ts'
import { ADMIN_USER, type AdminPassword } from './admin-password.ts'
import type {
  AccountAdded,
  AccountAddQuery,
  AccountList,
  AccountListQuery,
  AccountView,
  AdminPasswordResult,
  CallsQuery,
  CallView,
  CertificatesResult,
  ContactView,
  DomainView,
  InviteQuery,
  InviteResult,
  LeaveResult,
  MembersResult,
  NodeOperations,
  NodeScrub,
  NodeStatus,
  RevokeQuery,
  RevokeResult,
  StatusResult,
  WhereResult,
} from './control/contract.ts'
import type { DnsContract } from './control/dns-contract.ts'
import type { GuardContract } from './control/guard-contract.ts'
import type { ProvisionContract } from './control/provision-contract.ts'
import type { RingContract } from './control/ring-contract.ts'
import type { TrunkContract } from './control/trunk-contract.ts'
import { ForwardedDns } from './dns-forwarded.ts'
import type { Invites } from './invites.ts'
import { LeaveProgress } from './leave-progress.ts'
import type { RingMembers } from './ring-members.ts'
import { AccountCount } from './status/account-count.ts'
import { callView } from './status/call-view.ts'
import type { Certificates } from './tls/certificates.ts'

/** What one node counts of the ranges that it is home of; summed up, the whole ring. */
interface HomeCounts {
  registrations: number
  calls: number
}

export interface OperationsComponents {
  ring: RingAccess
  alarms: Pick<RingAlarms, 'of'>
  /** Of this node's disk. */
  scrub(): NodeScrub | undefined
  clock: Clock
  random: Random
  directory: AccountDirectory
  history: CallHistory
  calls: CallService
  invites: Invites
  ringMembers: RingMembers
  adminPassword: AdminPassword
  certificates: Pick<Certificates, 'list' | 'note' | 'reload'>
  transport: Pick<TransportLayer, 'remoteOf'>
  ringOperations: RingContract
  guardOperations: GuardContract
  trunkOperations: TrunkContract
  provisionOperations: ProvisionContract
  dnsOperations: DnsContract
  /** Bytes that this node copied to others. */
  bytesSent(): number
  /** Begins to leave; returns at once, and rejects when that is not possible. */
  leave(): Promise<void>
}

export interface OperationsInit {
  domain: () => string
  inviteLifetimeMs: number
}

const LIST_DEFAULT = 1_000
const CALLS_DEFAULT = 50
const CALLS_MAX = 10_000

/** What the command line asks of a running node. */
export class Operations extends ForwardedDns implements NodeOperations {
  readonly #c: OperationsComponents
  readonly #init: OperationsInit
  readonly #accountCount: AccountCount
  #leaving: LeaveProgress | undefined

  constructor(components: OperationsComponents, init: OperationsInit) {
    super(components.dnsOperations)
    this.#c = components
    this.#init = init
    this.#accountCount = new AccountCount(components, { list: () => components.directory.accounts() })
    components.ring.rpc.serve<null, HomeCounts>('node.counts', () => this.#ownCounts())
  }

  async status(): Promise<StatusResult> {
    const { ring } = this.#c
    const members = ring.members.list()
    const live = members.filter((member) => ring.members.isLive(member.nodeId))
    const [accounts, alarms, counts] = await Promise.all([
      // Who looks for what is wrong must see the nodes, whatever else is out of reach.
      this.#accountCount.get().catch(() => null),
      this.#c.alarms.of(live),
      Promise.all(live.map((member) => this.#countsOf(member.nodeId))),
    ])
    const sum = (key: keyof HomeCounts): number => counts.reduce((total, one) => total + one[key], 0)
    const spread = this.#spread()
    return {
      domain: this.#init.domain(),
      nodes: members
        .map((member) => this.#nodeStatus(member, spread, alarms.get(member.nodeId) ?? []))
        .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true })),
      totals: { accounts, registrations: sum('registrations'), calls: sum('calls') },
      ring: {
        ranges: RANGE_COUNT,
        underReplicated: spread.underReplicated,
        closed: spread.closed,
        changing: ring.ranges.counts().changing,
      },
    }
  }

  async accountAdd(query: AccountAddQuery): Promise<AccountAdded> {
    const password = query.password ?? randomHex(this.#c.random, 8)
    const [firstName = '', ...rest] = (query.displayName ?? '').trim().split(/\s+/)
    const record = await this.#c.directory.addAccount({
      ...idOf(query.aor),
      password,
      ...(query.displayName && { firstName, lastName: rest.join(' ') }),
      ...(query.email && { email: query.email }),
      ...(query.groups && { groups: query.groups }),
    })
    return { account: viewOf(record), password, generated: query.password === undefined }
  }

  async accountList({ domain, limit = LIST_DEFAULT }: AccountListQuery): Promise<AccountList> {
    const all = await this.#c.directory.accounts()
    const found = all.filter(({ aor }) => domain === undefined || splitAor(aor)?.domain === domain.toLowerCase())
    return { accounts: found.slice(0, limit).map(viewOf), total: found.length }
  }

  async accountShow({ aor }: { aor: Aor }): Promise<AccountView> {
    return viewOf((await this.#c.directory.getAccount(aor)).body)
  }

  async accountRemove({ aor }: { aor: Aor }): Promise<{ removed: Aor }> {
    await this.#c.directory.deleteAccount(aor)
    return { removed: aor }
  }

  async domainList(): Promise<{ domains: DomainView[] }> {
    const [domains, accounts] = await Promise.all([this.#c.directory.domains(), this.#c.directory.accounts()])
    const counts = new Map<string, number>()
    for (const { aor } of accounts) {
      const domain = splitAor(aor)?.domain ?? ''
      counts.set(domain, (counts.get(domain) ?? 0) + 1)
    }
    return {
      domains: domains.map(({ domain, changedAt }) => ({ domain, accounts: counts.get(domain) ?? 0, changedAt })),
    }
  }

  async calls({ account, limit = CALLS_DEFAULT, current = false }: CallsQuery): Promise<{ calls: CallView[] }> {
    const { history, clock } = this.#c
    const records =
      account === undefined
        ? await history.ofRing()
        : [...(await history.ofAccount(account, 'placed')), ...(await history.ofAccount(account, 'received'))]
    const unique = [...new Map(records.map((record) => [record.callUuid, record])).values()]
    const shown = unique
      .filter((record) => !current || record.stoppedAt === undefined)
      .slice(0, Math.min(limit, CALLS_MAX))
    return { calls: shown.map((record) => callView(record, clock.wall())) }
  }

  async where({ aor }: { aor: Aor }): Promise<WhereResult> {
    const { ring } = this.#c
    const id = idOf(aor)
    const canonical = `${id.username}@${id.domain}`
    const range = rangeOf(canonical)
    const record = await ring.store.reg.read<AddressRecord>(recordKey('acct', canonical), 'strict')
    const home = ring.ranges.homeOf(range)
    const bindings = await ring.store.soft.read<StoredBinding>(recordKey('loc', canonical))
    const now = this.#c.clock.wall()
    return {
      aor: canonical,
      kind: record?.body.kind ?? 'none',
      ...(record?.body.kind === 'alias' && { redirectsTo: record.body.target }),
      range,
      home: home === undefined ? null : this.#nameOf(home),
      replicas: ring.ranges
        .replicasOf(range)
        .map((nodeId) => ({ name: this.#nameOf(nodeId), live: ring.members.isLive(nodeId) })),
      contacts: bindings.filter(({ body }) => body.expiresAt > now).map(({ body }) => this.#contactView(body, now)),
    }
  }

  async invite({ ttlSeconds, roles, zone }: InviteQuery): Promise<InviteResult> {
    const lifetimeMs = ttlSeconds === undefined ? this.#init.inviteLifetimeMs : ttlSeconds * 1_000
    return this.#c.invites.create(lifetimeMs, { ...(roles && { roles }), ...(zone && { zone }) })
  }

  async members(): Promise<MembersResult> {
    return this.#c.ringMembers.list()
  }

  async revoke(query: RevokeQuery): Promise<RevokeResult> {
    return this.#c.ringMembers.revoke(query)
  }

  async issuerRequest(): Promise<{ request: string; ringId: string }> {
    return this.#c.ringMembers.issuerRequest()
  }

  async issuerInstall(query: { certificate: string }): Promise<{ issuerUntil: number }> {
    return this.#c.ringMembers.issuerInstall(query)
  }

  async adminPassword({ reset = false }: { reset?: boolean }): Promise<AdminPasswordResult> {
    const { adminPassword } = this.#c
    const password = reset ? await adminPassword.reset() : await adminPassword.read()
    if (password === undefined) {
      throw new ThorError(
        'NODE_NO_ADMIN',
        'the ring has no administrator yet; make one with "thor-node admin password --reset"',
      )
    }
    return { user: ADMIN_USER, password, reset }
  }

  async leave(): Promise<LeaveResult> {
    const { ring, clock, bytesSent } = this.#c
    // Looked at before anything moves.
    this.#leaving ??= new LeaveProgress({ held: ring.ranges.counts().held, bytesSent: bytesSent(), at: clock.now() })
    await this.#c.leave().catch((error) => {
      this.#leaving = undefined
      throw error
    })
    return this.#leaving.look({ held: ring.ranges.counts().held, bytesSent: bytesSent(), at: clock.now() })
  }

  ringShow: RingContract['ringShow'] = (query) => this.#c.ringOperations.ringShow(query)
  ringRange: RingContract['ringRange'] = (query) => this.#c.ringOperations.ringRange(query)
  ringVerify: RingContract['ringVerify'] = (query) => this.#c.ringOperations.ringVerify(query)
  async certificates({ reload = false }: { reload?: boolean }): Promise<CertificatesResult> {
    const { certificates } = this.#c
    if (reload) await certificates.reload()
    return { certificates: certificates.list(), note: certificates.note ?? null }
  }

  drain: RingContract['drain'] = (query) => this.#c.ringOperations.drain(query)
  recover: RingContract['recover'] = (query) => this.#c.ringOperations.recover(query)

  peerList: GuardContract['peerList'] = () => this.#c.guardOperations.peerList()
  peerAdd: GuardContract['peerAdd'] = (query) => this.#c.guardOperations.peerAdd(query)
  peerRemove: GuardContract['peerRemove'] = (query) => this.#c.guardOperations.peerRemove(query)
  trunkList: TrunkContract['trunkList'] = () => this.#c.trunkOperations.trunkList()
  trunkShow: TrunkContract['trunkShow'] = (query) => this.#c.trunkOperations.trunkShow(query)
  trunkAdd: TrunkContract['trunkAdd'] = (query) => this.#c.trunkOperations.trunkAdd(query)
  trunkRemove: TrunkContract['trunkRemove'] = (query) => this.#c.trunkOperations.trunkRemove(query)
  apiCall: ProvisionContract['apiCall'] = (query) => this.#c.provisionOperations.apiCall(query)
  adminAdd: ProvisionContract['adminAdd'] = (query) => this.#c.provisionOperations.adminAdd(query)
  adminList: ProvisionContract['adminList'] = () => this.#c.provisionOperations.adminList()
  adminRemove: ProvisionContract['adminRemove'] = (query) => this.#c.provisionOperations.adminRemove(query)
  tokenAdd: ProvisionContract['tokenAdd'] = (query) => this.#c.provisionOperations.tokenAdd(query)
  tokenList: ProvisionContract['tokenList'] = () => this.#c.provisionOperations.tokenList()
  tokenRemove: ProvisionContract['tokenRemove'] = (query) => this.#c.provisionOperations.tokenRemove(query)
  auditRead: ProvisionContract['auditRead'] = (query) => this.#c.provisionOperations.auditRead(query)
  accountsImport: ProvisionContract['accountsImport'] = (query) => this.#c.provisionOperations.accountsImport(query)
  accountsExport: ProvisionContract['accountsExport'] = (query) => this.#c.provisionOperations.accountsExport(query)
  guardList: GuardContract['guardList'] = () => this.#c.guardOperations.guardList()
  guardUnblock: GuardContract['guardUnblock'] = (query) => this.#c.guardOperations.guardUnblock(query)
  guardBlock: GuardContract['guardBlock'] = (query) => this.#c.guardOperations.guardBlock(query)

  async #countsOf(nodeId: NodeId): Promise<HomeCounts> {
    try {
      return await this.#c.ring.rpc.call<HomeCounts>(nodeId, 'node.counts', null, { timeoutMs: 1_000 })
    } catch {
      // A node that dies while it is asked counts nothing; the next look shows its ranges at others.
      return { registrations: 0, calls: 0 }
    }
  }

  #ownCounts(): HomeCounts {
    const { ring } = this.#c
    const registrations = ring.store.soft
      .local('loc/')
      .reduce((total, { key, entries }) => total + (ring.ranges.isHome(key.range) ? entries.length : 0), 0)
    return { registrations, calls: this.#c.calls.count() }
  }

  /** Ranges by node, from the configs. */
  #spread(): { held: Map<NodeId, number>; home: Map<NodeId, number>; underReplicated: number; closed: number } {
    const { ranges, members } = this.#c.ring
    const held = new Map<NodeId, number>()
    const home = new Map<NodeId, number>()
    const wanted = Math.min(3, members.list().filter((member) => member.state !== 'left').length)
    let underReplicated = 0
    let closed = 0
    const live = (nodes: readonly NodeId[]): number => nodes.filter((nodeId) => members.isLive(nodeId)).length
    const majority = (nodes: readonly NodeId[]): boolean => live(nodes) * 2 > nodes.length
    for (let range = 0; range < RANGE_COUNT; range++) {
      const info = ranges.info(range)
      for (const nodeId of info.replicas) held.set(nodeId, (held.get(nodeId) ?? 0) + 1)
      if (info.home !== undefined) home.set(info.home, (home.get(info.home) ?? 0) + 1)
      if (live(info.replicas) < wanted) underReplicated++
      if (!majority(info.replicas) || (info.next && !majority(info.next))) closed++
    }
    return { held, home, underReplicated, closed }
  }

  #nodeStatus(
    member: Member,
    spread: { held: Map<NodeId, number>; home: Map<NodeId, number> },
    alarms: Alarm[],
  ): NodeStatus {
    const { members } = this.#c.ring
    const live = members.isLive(member.nodeId)
    const scrub = member.nodeId === members.self.nodeId ? this.#c.scrub() : undefined
    return {
      name: member.name,
      nodeId: member.nodeId,
      state: member.state,
      serving: live && member.serving,
      address: member.services.host,
      zone: member.zone,
      roles: [...member.roles],
      version: member.version,
      uptimeSeconds: live ? Math.max(0, Math.round((this.#c.clock.wall() - member.startedAt) / 1_000)) : 0,
      rangesHeld: spread.held.get(member.nodeId) ?? 0,
      rangesHome: spread.home.get(member.nodeId) ?? 0,
      self: member.nodeId === members.self.nodeId,
      services: member.services,
      alarms,
      ...(scrub && { scrub }),
    }
  }

  #nameOf(nodeId: NodeId): string {
    return this.#c.ring.members.get(nodeId)?.name ?? nodeId
  }

  #contactView(binding: StoredBinding, now: number): ContactView {
    const { members } = this.#c.ring
    const edge = members.list().find(({ services: { host, sipUdp, sipTcp } }) => {
      return binding.edge === formatAddress({ host, port: sipUdp ?? sipTcp ?? 0 })
    })
    const remote = this.#c.transport.remoteOf(binding.flow)?.remote
    return {
      contact: binding.contact,
      edge: edge?.name ?? binding.edge,
      flow: remote ? `${binding.transport}:${remote.host}:${remote.port}` : binding.flow,
      transport: binding.transport,
      q: binding.q / 1_000,
      expiresSeconds: Math.ceil((binding.expiresAt - now) / 1_000),
      userAgent: binding.userAgent,
      source: `${binding.source.host}:${binding.source.port}`,
    }
  }
}

function idOf(aor: Aor): { username: string; domain: string } {
  const parts = splitAor(aor)
  if (!parts) throw new ThorError('NODE_BAD_ADDRESS', `"${aor}" is not an address; write user@domain`)
  return { username: parts.user, domain: parts.domain.toLowerCase() }
}

const viewOf = (record: AccountRecord): AccountView => ({
  aor: record.aor,
  displayName: [record.firstName, record.lastName].filter(Boolean).join(' '),
  email: record.email,
  aliases: [...record.aliases],
  groups: [...record.groups],
  callLimit: record.callLimit,
  createdAt: record.createdAt,
  changedAt: record.changedAt,
})
