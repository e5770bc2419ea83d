import type { DnsServer } from '@thor-node/dns'
import { type Alarm, Door, type Overlay, type Roster, type ScrubReport } from '@thor-node/overlay'
import { Provisioning, ProvisionServer } from '@thor-node/provision'
import { RingAlarms } from '../adapters/alarms.ts'
import { CallHistory } from '../adapters/call-history.ts'
import { LoginNews } from '../adapters/login-news.ts'
import { NetworkStateAdapter } from '../adapters/network-state.ts'
import { CallHistoryAdapter, DeviceLocationsAdapter } from '../adapters/provision.ts'
import type { Spool } from '../adapters/spool.ts'
import type { NodeScrub } from '../control/contract.ts'
import { ControlServer } from '../control/server.ts'
import { DnsOperations } from '../dns-operations.ts'
import { GuardOperations } from '../guard-operations.ts'
import type { Identity, IdentityFiles } from '../identity.ts'
import { Invites } from '../invites.ts'
import { Operations } from '../operations.ts'
import { ProvisionOperations } from '../provision-operations.ts'
import { RingMembers } from '../ring-members.ts'
import { RingOperations } from '../ring-operations.ts'
import { TrunkOperations } from '../trunk-operations.ts'
import type { Context } from './context.ts'
import type { DirectoryParts } from './directory.ts'
import type { DnsParts } from './dns.ts'
import type { SipParts } from './sip.ts'

export interface FrontParts {
  provision: ProvisionServer
  logins: LoginNews
  dns: DnsServer
  door: Door
  control: ControlServer
  operations: Operations
  invites: Invites
}

interface FrontSurroundings {
  overlay: Overlay
  roster: Roster
  identity: Identity
  records: DirectoryParts
  sip: SipParts
  spool: Spool
  dns: DnsParts
  files: IdentityFiles
  domain: string
  leave(): Promise<void>
  isLeaving(): boolean
}

/** What operators, portals and resolvers see: SOAP, DNS, the door for new nodes, the control socket. */
export function composeFront(context: Context, around: FrontSurroundings): FrontParts {
  const { clock, random, logger, config } = context
  const { overlay, roster, identity, records, sip, dns, spool, files, domain, leave, isLeaving } = around
  const { directory, admins, adminPassword } = records
  const { store, members } = overlay
  const host = config.address
  const history = new CallHistory({ store, logger })
  const sessions = () => sip.relay.sessions()
  const provisioning = new Provisioning(
    {
      ...{ store, directory, admins, clock, random, logger },
      ...{ sealer: records.sealer, numbers: records.numbers, zones: records.zones },
      locations: new DeviceLocationsAdapter({ soft: store.soft, clock }),
      calls: new CallHistoryAdapter({ history, members }),
      spool: (key, body) => spool.add(key, body),
      traces: sip.traces,
      network: new NetworkStateAdapter({ ring: overlay, history, directory, clock, sessions }),
    },
    { node: members.self.name },
  )
  const provision = new ProvisionServer(
    { provisioning, clock, logger, tls: sip.certificates.server },
    { bind: { host, port: config.soap.port } },
  )
  const logins = new LoginNews({ ring: overlay, attempts: provisioning.logins.attempts, clock, logger })
  const { authority, rpc } = overlay
  const invites = new Invites(
    { reg: store.reg, members, roster, authority, rpc, clock, random },
    { ring: identity.ring },
  )
  const door = new Door(
    {
      clock,
      log: logger,
      admit: (request) => invites.admit(request),
      roster,
      members: () => members.list().filter(({ nodeId }) => roster.has(nodeId)),
    },
    { listen: { host, port: config.admission.port }, identity: identity.ring, key: identity.key },
  )
  const { callService: calls, transport, certificates } = sip
  const ringMembers = new RingMembers({ ring: overlay, clock, logger, rootFile: () => files.rootThere() })
  const ringOperations = new RingOperations({ overlay, callsHere: () => sip.relay.sessions().length, isLeaving })
  const bytesSent = (): number => overlay.copied.outBytes
  const parts = {
    directory,
    history,
    calls,
    invites,
    ringMembers,
    adminPassword,
    certificates,
    transport,
    leave,
    ringOperations,
    guardOperations: new GuardOperations({ guard: sip.guard, peers: sip.peers }),
    provisionOperations: new ProvisionOperations({ provisioning, directory, admins, clock, random }),
    dnsOperations: new DnsOperations(
      { zones: records.zones, numbers: records.numbers, dns, planOf: (of) => sip.home.planOf(of) },
      { domain },
    ),
    trunkOperations: new TrunkOperations({ trunks: sip.trunks, peers: sip.peers }),
    bytesSent,
  }
  const own = (): Alarm[] => [
    ...overlay.alarms(),
    ...certificates.alarms(),
    ...sip.guard.alarms(),
    ...sip.trunks.alarms(),
  ]
  const alarms = new RingAlarms({ rpc: overlay.rpc, own })
  const operations = new Operations(
    { ring: overlay, alarms, scrub: () => scrubOf(overlay.scrub.report), clock, random, ...parts },
    { domain: () => domain, inviteLifetimeMs: config.admission.inviteTtl },
  )
  const control = new ControlServer({ logger, operations }, { data: config.data })
  return { provision, logins, dns: dns.server, door, control, operations, invites }
}

/** Where it is on the disk is nobody's business. */
function scrubOf(report: ScrubReport | undefined): NodeScrub | undefined {
  if (!report) return undefined
  const { position: _, ...shown } = report
  return shown
}
