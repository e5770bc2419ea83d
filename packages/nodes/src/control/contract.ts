/**
 * What can be asked of a running node, by the command line through the control socket. `node.ts` implements
 * NodeOperations; `server.ts` offers them on a Unix socket; `client.ts` is the other end and implements them too.
 *
 * Everything here is plain JSON: no Date, Map, Buffer or undefined inside arrays. Times of day are epoch milliseconds (`…At`),
 * durations are in the unit that the name ends in.
 */
import type { Address, Aor, Logger, RangeId } from '@thor-node/core'
import type { Config } from '../config.ts'
import type { DnsContract } from './dns-contract.ts'
import type { GuardContract } from './guard-contract.ts'
import type { ProvisionContract } from './provision-contract.ts'
import type { RingContract } from './ring-contract.ts'
import type { TrunkContract } from './trunk-contract.ts'

/** Addresses on which a node answers, as they were really bound. Absent = not served there. */
export interface NodeServices {
  /** The address that others use to reach the node, a literal IP. */
  host: string
  sipUdp?: number
  sipTcp?: number
  sipTls?: number
  sipWs?: number
  sipWss?: number
  soap?: number
  dns?: number
  /** Node to node. */
  cluster: number
  admission?: number
}

export interface NodeStatus {
  name: string
  nodeId: string
  state: 'alive' | 'suspect' | 'dead' | 'left'
  /** False until it has caught up and while it drains. */
  serving: boolean
  /** The host of `services`. */
  address: string
  zone: string
  roles: string[]
  version: string
  /** 0 for nodes that are not live. */
  uptimeSeconds: number
  /** Of how many ranges it is a replica. */
  rangesHeld: number
  /** Of how many ranges it is home: the first live replica. */
  rangesHome: number
  /** The node that was asked. */
  self: boolean
  services: NodeServices
  /** What is wrong with it now; empty for nodes that are not live. */
  alarms: NodeAlarm[]
  /** The check of its disk, running or last: of the node that was asked only. */
  scrub?: NodeScrub
}

export interface NodeScrub {
  /** Epoch milliseconds; no end while it runs. */
  startedAt: number
  endedAt?: number
  records: number
  bytes: number
  damaged: number
  /** Of these, how many are whole again. */
  mended: number
}

export interface NodeAlarm {
  /** `full-disk`, `slow-disk`, `clock-off`, `wrong-clock`, `damage` …: for monitors. */
  kind: string
  /** One sentence: what is wrong, and what to do. */
  text: string
  /** Epoch milliseconds; 0 when the node itself does not answer. */
  since: number
}

export interface RingStatus {
  /** 4096, always. */
  ranges: number
  /** Ranges with fewer live replicas than they should have. */
  underReplicated: number
  /** Ranges without a live majority: they refuse changes. */
  closed: number
  /** Ranges whose replicas are being changed. */
  changing: number
}

export interface StatusResult {
  domain: string
  /** All that are known, `left` ones included; in order of name. */
  nodes: NodeStatus[]
  /** Of the whole ring. `accounts` is null while they cannot be listed. */
  totals: { accounts: number | null; registrations: number; calls: number }
  ring: RingStatus
}

export interface AccountView {
  aor: Aor
  /** First and last name, as one text; empty when none was given. */
  displayName: string
  email: string
  aliases: Aor[]
  groups: string[]
  /** Concurrent calls; 0 = platform default. */
  callLimit: number
  createdAt: number
  changedAt: number
}

export interface AccountAddQuery {
  aor: Aor
  /** Generated when absent. */
  password?: string
  displayName?: string
  email?: string
  groups?: string[]
}

export interface AccountAdded {
  account: AccountView
  /** The only time that it is told: afterwards the ring knows nothing but its hashes. */
  password: string
  generated: boolean
}

export interface AccountListQuery {
  domain?: string
  /** Default 1000. */
  limit?: number
}

export interface AccountList {
  accounts: AccountView[]
  /** How many there are, shown or not. */
  total: number
}

export interface DomainView {
  domain: string
  accounts: number
  changedAt: number
}

export interface CallView {
  callUuid: string
  callId: string
  /** `alice@thor.local`, or the URI of an outside party. */
  caller: string
  callee: string
  billedTo: Aor
  /** By which tree, and as which number, ENUM led it; null where it did not. */
  enum: { tree: string; number: string } | null
  startedAt: number
  /** Null while the call goes on. */
  endedAt: number | null
  durationSeconds: number
  /** A CallEndCause; null while the call goes on. */
  endCause: string | null
  /** Relayed octets, from the caller and from the callee. */
  bytesCaller: number
  bytesCallee: number
  codecs: string[]
  userAgentCaller: string
  userAgentCallee: string
}

export interface CallsQuery {
  /** Calls placed or received by this account; absent = calls of the whole ring, newest first. */
  account?: Aor
  /** Default 50. */
  limit?: number
  /** Only calls that go on now. */
  current?: boolean
}

export interface ContactView {
  contact: string
  /** Name of the node that holds the flow, and the flow itself in text. */
  edge: string
  flow: string
  transport: string
  q: number
  expiresSeconds: number
  userAgent: string
  /** Where the device was seen from, `192.0.2.7:5060`. */
  source: string
}

export interface WhereResult {
  aor: Aor
  /** What stands under the address. `redirectsTo` is set for an alias. */
  kind: 'account' | 'alias' | 'none'
  redirectsTo?: Aor
  range: RangeId
  /** Name of the home; null when no replica lives. */
  home: string | null
  /** Names, in the order in which they would be home. */
  replicas: { name: string; live: boolean }[]
  contacts: ContactView[]
}

export interface InviteResult {
  invite: string
  expiresAt: number
}

export interface InviteQuery {
  /** A day at most, which is the default. */
  ttlSeconds?: number
  /** Of the new member; default: the four service roles, and `issuer` while the ring has fewer than three. */
  roles?: string[]
  /** Default: what the joining node is set to. */
  zone?: string
}

export interface MemberView {
  name: string
  nodeId: string
  state: 'alive' | 'suspect' | 'dead' | 'left' | 'revoked'
  /** The node that was asked. */
  self: boolean
  roles: string[]
  zone: string
  /** End of its certificate; null when none is in force. */
  certificateUntil: number | null
  /** End of its issuer key; null when it cannot issue certificates. */
  issuerUntil: number | null
  /** When and at which node it was revoked; a node that left was so at its own wish. */
  revokedAt: number | null
  revokedBy: string | null
}

export interface MembersResult {
  /** In order of name, revoked ones last. */
  members: MemberView[]
  /** Path of the root key file on the node that was asked; null when it is not there. */
  rootKeyFile: string | null
  /** Sentences about what should be done. */
  hints: string[]
}

export interface RevokeQuery {
  /** Name or node id. */
  node: string
  /** Also when ranges lose their majority by it. */
  force?: boolean
}

export interface RevokeResult {
  name: string
  nodeId: string
}

export interface AdminPasswordResult {
  user: string
  password: string
  /** True when it was changed just now. */
  reset: boolean
}

/**
 * All may reject with ThorError; code and message reach the user of the command line, so a message says what to do.
 * `CONTROL_…` codes are the socket's own.
 */
export interface NodeOperations extends RingContract, GuardContract, TrunkContract, ProvisionContract, DnsContract {
  status(): Promise<StatusResult>
  /** Rejects when the address is taken, or its domain is not served here. */
  accountAdd(query: AccountAddQuery): Promise<AccountAdded>
  accountList(query: AccountListQuery): Promise<AccountList>
  accountShow(query: { aor: Aor }): Promise<AccountView>
  accountRemove(query: { aor: Aor }): Promise<{ removed: Aor }>
  domainList(): Promise<{ domains: DomainView[] }>
  calls(query: CallsQuery): Promise<{ calls: CallView[] }>
  where(query: { aor: Aor }): Promise<WhereResult>
  /** One invite makes one member. */
  invite(query: InviteQuery): Promise<InviteResult>
  /** Who is a member, until when, and who was put out. */
  members(): Promise<MembersResult>
  /** Puts a node out for ever; its connections are cut within seconds. */
  revoke(query: RevokeQuery): Promise<RevokeResult>
  /** What the holder of the root key must certify to make this node an issuer; the same until that is installed. */
  issuerRequest(): Promise<{ request: string; ringId: string }>
  /** Takes what the root certified; an issuer key that the node had before is revoked. */
  issuerInstall(query: { certificate: string }): Promise<{ issuerUntil: number }>
  /** Of the SOAP administrator. With `reset` a new one is made, which holds on all nodes. */
  adminPassword(query: { reset?: boolean }): Promise<AdminPasswordResult>
  /**
   * Begins to hand all ranges over, or tells how far that is; when none is left the node says goodbye to the ring and its
   * process ends. Rejects with `RANGES_LAST_NODE` when nobody could take them.
   */
  leave(): Promise<LeaveResult>
  /** The TLS certificates of this node. `reload`: looks at the files first. */
  certificates(query: { reload?: boolean }): Promise<CertificatesResult>
}

export interface CertificateView {
  name: string
  hosts: string[]
  /** Wall time in ms. */
  notAfter: number
  selfSigned: boolean
  /** Shown to peers that ask for no name, or an unknown one. */
  fallback: boolean
}

export interface CertificatesResult {
  certificates: CertificateView[]
  /** What is wrong with them, in a sentence. */
  note: string | null
}

export interface LeaveResult {
  /** Ranges that this node still holds, and held when it began to leave. */
  rangesHeld: number
  rangesTotal: number
  /** Copied to other nodes since then. */
  bytesSent: number
  /** At the pace so far; null while that says nothing. */
  etaSeconds: number | null
}

/** What `join` prints when the node is ready. */
export interface BannerFacts {
  name: string
  domain: string
  /** True when this node made the ring; false when it joined or came back to one. */
  firstNode: boolean
  /** Nodes that are live, itself included. */
  nodes: number
  version: string
  data: string
  sipUdp?: Address
  sipTcp?: Address
  sipTls?: Address
  sipWs?: Address
  sipWss?: Address
  dns?: Address
  /** `http://192.0.2.1:9200/` */
  soapUrl?: string
  controlPath: string
  adminUser: string
  /** Admits the next server; none when no quorum was there to make it. */
  invite?: string
  inviteExpiresAt?: number
  /** Sentences about what is not as configured, such as a port that needed privileges. */
  notes: string[]
}

export interface StartOptions {
  logger: Logger
  /** Needed once, by a node that is in no ring yet and shall join one; a node without makes a ring, or returns to its own. */
  invite?: string
  /** Certificates that are over count for an hour more: for a ring that was off as a whole for too long. */
  wake?: boolean
  /** By order of an operator: the disk is used though the others remember a later state of it. */
  acceptOldCopy?: boolean
  /** Short phrases, such as `catching up: 812 of 4096 ranges`. */
  onProgress?(step: string): void
}

export interface RunningNode {
  operations: NodeOperations
  banner: BannerFacts
  /** Idempotent. Takes no new work, hands over what it can, closes everything. */
  stop(): Promise<void>
  /** Resolves when the node cannot go on (its disk failed, it was put out of the ring); never rejects. */
  fatal: Promise<Error>
  /** Resolves when the node has left the ring for good, as asked by an operator; it can be stopped then. */
  left: Promise<void>
}

export type StartNode = (config: Config, options: StartOptions) => Promise<RunningNode>
