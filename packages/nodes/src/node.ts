import { join } from 'node:path'
import { type CallClosed, mergeClosed } from '@thor-node/accounting'
import {
  type Address,
  deriveKey,
  errorCode,
  errorMessage,
  formatAddress,
  type Lifecycle,
  Sealer,
  sleep,
  stopAll,
  systemClock,
  systemNet,
  systemRandom,
  ThorError,
} from '@thor-node/core'
import { UserSpaceRelay } from '@thor-node/media'
import {
  Door,
  GroupCommit,
  LevelDisk,
  Libp2pPeerNet,
  Overlay,
  Roster,
  type ServiceAddresses,
  verifyCertificate,
} from '@thor-node/overlay'
import { AccountDirectory, Admins, ProvisionServer } from '@thor-node/provision'
import { defaultTimers, SipStack, Transports } from '@thor-node/sip'
import { AccountsCache } from './adapters/accounts-cache.ts'
import { announcingStore, type ChangeNews } from './adapters/announcing-store.ts'
import { CallHistory } from './adapters/call-history.ts'
import { CallService } from './adapters/call-service.ts'
import { CallsAdapter } from './adapters/calls.ts'
import { HomeAdapter } from './adapters/home.ts'
import { HomeService } from './adapters/home-service.ts'
import { MediaControlAdapter } from './adapters/media-control.ts'
import { MediaService } from './adapters/media-service.ts'
import { CallHistoryAdapter, DeviceLocationsAdapter } from './adapters/provision.ts'
import { Relays } from './adapters/relays.ts'
import { RingAdapter } from './adapters/ring.ts'
import { Spool } from './adapters/spool.ts'
import { ADMIN_USER, AdminPassword } from './admin-password.ts'
import { packageVersion } from './cli/version.ts'
import type { Config } from './config.ts'
import type { BannerFacts, RunningNode, StartNode, StartOptions } from './control/contract.ts'
import { ControlServer } from './control/server.ts'
import { LiveZone } from './dns/live-zone.ts'
import { DnsServer } from './dns/server.ts'
import { IdentityFiles } from './identity.ts'
import { Invites } from './invites.ts'
import { becomeMember } from './membership.ts'
import { Operations } from './operations.ts'
import { RingSettings } from './ring-settings.ts'

const CAUGHT_UP_PATIENCE_MS = 5_000
const CAUGHT_UP_POLL_MS = 50
const QUORUM_PATIENCE_MS = 30_000
const QUORUM_RETRY_MS = 300
const LEAVE_TROUBLE_MS = 500

/**
 * One node, from its data directory to its sockets: the only place that sees every package. Parts are started in the order in
 * which they need each other and stopped in reverse.
 */
export const startNode: StartNode = async (config, options) => {
  const node = new Node(config, options)
  try {
    await node.start()
  } catch (error) {
    await node.stop().catch(() => undefined)
    throw error
  }
  return node
}

class Node implements RunningNode {
  readonly fatal: Promise<Error>
  readonly left: Promise<void>
  readonly #config: Config
  readonly #options: StartOptions
  readonly #fail: (error: Error) => void
  readonly #sayLeft: () => void
  readonly #notes: string[] = []
  #started: Lifecycle[] = []
  #overlay: Overlay | undefined
  #operations: Operations | undefined
  #banner: BannerFacts | undefined
  #stopping: Promise<void> | undefined
  #leaving: Promise<void> | undefined

  constructor(config: Config, options: StartOptions) {
    this.#config = config
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<Error>()
    this.fatal = promise
    this.#fail = resolve
    const left = Promise.withResolvers<void>()
    this.left = left.promise
    this.#sayLeft = left.resolve
  }

  get operations(): Operations {
    if (!this.#operations) throw new ThorError('NODE_NOT_STARTED', 'the node has not started')
    return this.#operations
  }

  get banner(): BannerFacts {
    if (!this.#banner) throw new ThorError('NODE_NOT_STARTED', 'the node has not started')
    return this.#banner
  }

  async start(): Promise<void> {
    const { logger, invite, onProgress = () => undefined } = this.#options
    const config = this.#config
    const [clock, random, net] = [systemClock, systemRandom, systemNet]
    const files = new IdentityFiles({ data: config.data })
    onProgress(invite ? 'joining the ring' : 'starting')
    const { identity, roster: known, isNew } = await becomeMember({ clock, random, logger, files }, config, invite)

    const disk = new GroupCommit(
      { disk: new LevelDisk({ directory: join(config.data, 'records') }) },
      {
        onFatal: (cause) =>
          this.#fail(new ThorError('NODE_DISK_FAILED', `the disk failed: ${errorMessage(cause)}`, { cause })),
      },
    )
    await disk.open()
    this.#started.push({ start: async () => undefined, stop: () => disk.close() })

    const roster = new Roster((signed) => verifyCertificate(identity.ring, signed, clock.wall()))
    for (const certificate of [identity.certificate, ...known.certificates]) roster.add(certificate)
    const peers = new Libp2pPeerNet(
      { clock, random, log: logger },
      {
        key: identity.key,
        listen: { host: config.address, port: config.cluster.port },
        isMember: (nodeId) => roster.has(nodeId),
      },
    )
    const services: ServiceAddresses = { host: config.address, cluster: config.cluster.port }
    const overlay = new Overlay(
      {
        clock,
        random,
        logger,
        disk,
        peers,
        roster,
        findAddresses: (nodeId) => peers.findAddresses(nodeId),
        saveRoster: (saved) => files.saveRoster(saved),
      },
      {
        genesis: identity.genesis,
        bootCounter: identity.boots,
        version: packageVersion(),
        weight: config.weight,
        services,
        known: known.members,
        choose: chooseRecord,
      },
    )
    this.#overlay = overlay
    await this.#run(overlay)
    const cluster = portOf(peers.addresses[0])
    if (cluster !== undefined) overlay.updateServices({ ...services, cluster })

    // What the ring keeps, as this node uses it.
    const sealer = new Sealer(deriveKey(identity.ring.secret, 'credentials'), random)
    const cookieKey = deriveKey(identity.ring.secret, 'cookies')
    const store = announcingStore(overlay)
    const directory = new AccountDirectory({ store, sealer, clock, random, logger })
    const admins = new Admins({ store, clock, random, logger })
    const adminPassword = new AdminPassword({ reg: store.reg, sealer, admins, random })
    const settings = new RingSettings({ reg: store.reg })
    if (identity.genesis) {
      await directory.addDomain({ domain: config.domain }).catch(unless('PROVISION_DOMAIN_EXISTS'))
      await settings.setDomain(config.domain)
      if ((await adminPassword.read()) === undefined) await adminPassword.reset()
      await files.save({ ...identity, genesis: false })
    }
    const domain = await this.#patiently(() => settings.domain())

    // Media and SIP.
    const relay = new UserSpaceRelay(
      { clock, random, net, logger },
      { host: config.address, ports: config.media.ports, silenceMs: config.media.silence },
    )
    const accounts = new AccountsCache({ clock, reg: overlay.store.reg })
    const home = new HomeAdapter({ ring: overlay, clock, logger })
    overlay.rpc.serve<ChangeNews, void>('store.changed', ({ name }) => {
      const [kind, key = ''] = [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1)]
      if (kind === 'acct') accounts.forget(key)
      else
        home
          .refreshDomains()
          .catch((error) => logger.warn('list of domains not refreshed', { error: errorMessage(error) }))
    })
    new HomeService({ ring: overlay, accounts, sealer, clock }, { cookieKey })
    const relays = new Relays({ ring: overlay, random })
    const spool = new Spool({ disk, set: overlay.store.set, clock, logger })
    const calls = new CallsAdapter(
      { ring: overlay, relays, spool, clock, random, logger },
      { nodeName: overlay.members.self.name },
    )
    const transport = new Transports(
      { clock, random, net, logger },
      {
        listen: [
          { transport: 'udp', host: config.address, port: config.sip.udp },
          { transport: 'tcp', host: config.address, port: config.sip.tcp },
        ],
      },
    )
    const ring = new RingAdapter(
      { ring: overlay },
      { self: () => sipAddress(transport) ?? { host: config.address, port: config.sip.udp }, cookieKey },
    )
    const stack = new SipStack(
      {
        clock,
        random,
        logger,
        transport,
        home,
        media: new MediaControlAdapter({ ring: overlay, relays, logger }),
        calls,
        ring,
      },
      {
        timers: { ...defaultTimers, t1: config.sip.t1, timerC: config.sip.ringing },
        algorithms: config.sip.algorithms,
        recordRoute: config.sip.recordRoute === 'domain' ? domain : 'address',
      },
    )
    ring.serve(stack)
    const callService = new CallService({
      ring: overlay,
      spool,
      clock,
      logger,
      sendByes: (dialog, cause) => stack.endCall(dialog, cause),
    })
    const mediaService = new MediaService({ ring: overlay, relay, clock, logger })

    // What operators use.
    const history = new CallHistory({ store: overlay.store, logger })
    const provision = new ProvisionServer(
      {
        directory,
        admins,
        locations: new DeviceLocationsAdapter({ soft: overlay.store.soft, clock }),
        calls: new CallHistoryAdapter({ history }),
        clock,
        logger,
      },
      { bind: { host: config.address, port: config.soap.port } },
    )
    const zone = new LiveZone(
      { members: overlay.members, domains: () => home.domains() },
      { version: Math.floor(clock.wall() / 1_000) },
    )
    const dns = new DnsServer(
      { logger, clock, random, net, zone },
      { host: config.address, port: config.dns.port, ttlMs: config.dns.ttl },
    )
    const invites = new Invites(
      { reg: store.reg, members: overlay.members, roster, clock, random },
      { ring: identity.ring },
    )
    const door = new Door(
      {
        clock,
        log: logger,
        redeem: (request) => invites.redeem(request),
        announce: (certificate) => overlay.announce(certificate),
        ring: () => ({ certificates: roster.certificates, members: overlay.members.list() }),
      },
      { listen: { host: config.address, port: config.admission.port }, identity: identity.ring },
    )
    this.#operations = new Operations(
      {
        ring: overlay,
        clock,
        random,
        directory,
        history,
        calls: callService,
        invites,
        adminPassword,
        transport,
        leave: () => this.#leave(overlay, files),
      },
      { domain: () => domain, inviteLifetimeMs: config.admission.inviteTtl },
    )
    const control = new ControlServer({ logger, operations: this.#operations }, { data: config.data })

    await this.#patiently(() => home.start())
    for (const part of [home, spool, relay, mediaService, callService, stack, provision, dns, door, control]) {
      await this.#run(part)
    }
    if (dns.note) this.#notes.push(dns.note)
    const [udp, tcp] = (['udp', 'tcp'] as const).map(
      (name) => transport.listening.find((one) => one.transport === name)?.local,
    )
    overlay.updateServices({
      host: config.address,
      cluster: cluster ?? config.cluster.port,
      ...(udp && { sipUdp: udp.port }),
      ...(tcp && { sipTcp: tcp.port }),
      ...(dns.address && { dns: dns.address.port }),
      ...(provision.local && { soap: provision.local.port }),
      admission: door.local.port,
    })
    onProgress('catching up')
    await this.#caughtUp(overlay)
    overlay.setServing(true)

    const { invite: nextInvite, expiresAt } = await this.#patiently(() => invites.create(config.admission.inviteTtl))
    this.#banner = {
      name: overlay.members.self.name,
      domain,
      firstNode: isNew && identity.genesis,
      nodes: overlay.members.list().filter((member) => overlay.members.isLive(member.nodeId)).length,
      version: packageVersion(),
      data: config.data,
      ...(udp && { sipUdp: udp }),
      ...(tcp && { sipTcp: tcp }),
      ...(dns.address && { dns: dns.address }),
      ...(provision.local && { soapUrl: `http://${formatAddress(provision.local)}/` }),
      controlPath: control.path,
      adminUser: ADMIN_USER,
      invite: nextInvite,
      inviteExpiresAt: expiresAt,
      notes: this.#notes,
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#overlay?.setServing(false)
    const parts = this.#started
    this.#started = []
    // What runs may finish, as far as that takes moments.
    await Promise.allSettled(parts.map((part) => part.drain?.()))
    await stopAll(parts)
  }

  async #run(part: Lifecycle): Promise<void> {
    // Noted first: a part that fails halfway is stopped too.
    this.#started.push(part)
    await part.start()
  }

  /** Begins, once, to hand everything over; what is wrong with that shows within moments. */
  async #leave(overlay: Overlay, files: IdentityFiles): Promise<void> {
    this.#leaving ??= this.#handOver(overlay, files).catch((error) => {
      this.#leaving = undefined
      overlay.setServing(true)
      throw error
    })
    this.#leaving.catch(() => undefined)
    await Promise.race([this.#leaving, sleep(systemClock, LEAVE_TROUBLE_MS)])
  }

  async #handOver(overlay: Overlay, files: IdentityFiles): Promise<void> {
    overlay.setServing(false)
    await overlay.handOver()
    await overlay.sayLeft()
    await files.markLeft()
    this.#sayLeft()
  }

  /** Other replicas may be starting too, after a power cut of all: a moment later they answer. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    const until = systemClock.now() + QUORUM_PATIENCE_MS
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (systemClock.now() > until) throw error
        this.#options.onProgress?.(`waiting for the ring: ${errorMessage(error)}`)
        await sleep(systemClock, QUORUM_RETRY_MS)
      }
    }
  }

  async #caughtUp(overlay: Overlay): Promise<void> {
    const until = systemClock.now() + CAUGHT_UP_PATIENCE_MS
    while (!overlay.caughtUp && systemClock.now() < until) await sleep(systemClock, CAUGHT_UP_POLL_MS)
  }
}

/** Of several ends of one call the best informed one counts; other records have one body only. */
function chooseRecord(name: string, bodies: readonly unknown[]): unknown {
  return name.endsWith('/stop') ? mergeClosed(bodies as CallClosed[]) : bodies[0]
}

const portOf = (address: string | undefined): number | undefined => {
  const port = Number(address?.slice(address.lastIndexOf(':') + 1))
  return Number.isInteger(port) ? port : undefined
}

const sipAddress = ({ listening }: Transports): Address | undefined =>
  (listening.find(({ transport }) => transport === 'udp') ?? listening[0])?.local

const unless = (code: string) => (error: unknown) => {
  if (errorCode(error) !== code) throw error
}
