import {
  errorCode,
  errorMessage,
  formatAddress,
  type Lifecycle,
  sleep,
  stopAll,
  systemClock,
  systemNet,
  systemRandom,
  ThorError,
} from '@thor-node/core'
import type { UserSpaceRelay } from '@thor-node/media'
import type { Overlay } from '@thor-node/overlay'
import { Spool } from './adapters/spool.ts'
import { ADMIN_USER } from './admin-password.ts'
import { packageVersion } from './cli/version.ts'
import type { Context } from './compose/context.ts'
import { composeDirectory, furnishRing } from './compose/directory.ts'
import { composeDns } from './compose/dns.ts'
import { composeFront } from './compose/front.ts'
import { composeRing } from './compose/ring.ts'
import { composeSip, type SipParts } from './compose/sip.ts'
import type { Config } from './config.ts'
import type { BannerFacts, RunningNode, StartNode, StartOptions } from './control/contract.ts'
import { IdentityFiles } from './identity.ts'
import { becomeMember, otherName, otherZone, rootNote } from './membership.ts'
import type { Operations } from './operations.ts'
import { refuseLastIssuer } from './ring-members.ts'

const CAUGHT_UP_PATIENCE_MS = 5_000
const CAUGHT_UP_POLL_MS = 50
const QUORUM_PATIENCE_MS = 30_000
const QUORUM_RETRY_MS = 300
const LEAVE_TROUBLE_MS = 500
const CALLS_POLL_MS = 200

/**
 * One node, from its data directory to its sockets: the only place that sees every package. Parts are started in the order in
 * which they need each other and stopped in reverse.
 */
export const startNode: StartNode = async (config, options) => {
  const node = new Node(config, options)
  try {
    // What ends a running node ends one that starts too.
    await Promise.race([node.start(), node.fatal.then((error) => Promise.reject(error))])
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
  readonly #onFatal: (error: Error) => void
  readonly #sayLeft: () => void
  #started: Lifecycle[] = []
  #overlay: Overlay | undefined
  #relay: UserSpaceRelay | undefined
  #operations: Operations | undefined
  #banner: BannerFacts | undefined
  #stopping: Promise<void> | undefined
  #leaving: Promise<void> | undefined
  /** Why the node cannot go on; while it starts, the start fails of it. */
  #broken: Error | undefined

  constructor(config: Config, options: StartOptions) {
    this.#config = config
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<Error>()
    this.fatal = promise
    this.#onFatal = (error) => {
      // A node that leaves is put out at its own wish.
      if (this.#leaving && errorCode(error) === 'NODE_REVOKED') return
      this.#broken ??= error
      resolve(error)
    }
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
    const { logger, invite, acceptOldCopy = false, onProgress = () => undefined } = this.#options
    const config = this.#config
    const context: Context = { clock: systemClock, random: systemRandom, net: systemNet, logger, config }
    const files = new IdentityFiles({ data: config.data })
    onProgress(invite ? 'joining the ring' : 'starting')
    const { identity, roster: known } = await becomeMember({ ...context, files }, config, invite, acceptOldCopy)

    const issuer = await files.loadIssuer()
    const wake = this.#options.wake ?? false
    const { disk, roster, peers, overlay, standing } = composeRing(
      context,
      { identity, known, issuer, files, wake, acceptOldCopy },
      this.#onFatal,
    )
    this.#overlay = overlay
    await this.#run({ start: () => disk.open(), stop: () => disk.close() })
    await this.#run(standing)
    await this.#run(overlay)
    const cluster = portOf(peers.addresses[0]) ?? config.cluster.port

    const records = composeDirectory(context, overlay, identity.ring)
    if (identity.genesis) {
      await this.#patiently(() => furnishRing(records, config.domain))
      await files.save({ ...identity, genesis: false })
    }
    const domain = await this.#patiently(() => records.settings.domain())
    const spool = new Spool({ disk, set: overlay.store.set, clock: systemClock, logger })
    const dnsParts = composeDns(context, {
      overlay,
      ring: identity.ring,
      index: records.index,
      domain,
      domains: () => sip.home.domains(),
      treesOf: (of) => sip.home.treesOf(of),
      shedding: () => sip.guard.shedding,
    })
    const sip: SipParts = composeSip(context, {
      overlay,
      ring: identity.ring,
      sealer: records.sealer,
      spool,
      numbers: dnsParts.numbers,
      domain,
    })
    const leave = (): Promise<void> => this.#leave(overlay, files)
    const isLeaving = (): boolean => this.#leaving !== undefined
    const around = { overlay, roster, identity, records, sip, dns: dnsParts, spool, files, domain, leave, isLeaving }
    const front = composeFront(context, around)
    this.#operations = front.operations

    await this.#patiently(() => sip.home.start())
    const {
      home,
      relay,
      mediaService,
      callService,
      stack,
      transport,
      certificates,
      guard,
      peers: trusted,
      trunks,
      emergencies,
      traces,
    } = sip
    this.#relay = relay
    const { provision, logins, dns, door, control, invites } = front
    const { roles } = overlay.members.self
    const servers = [
      ...(roles.includes('provisioning_server') ? [provision] : []),
      ...(roles.includes('thor_dnsmanager') ? [dns] : []),
    ]
    for (const part of [
      home,
      guard,
      logins,
      trusted,
      spool,
      relay,
      mediaService,
      callService,
      certificates,
      stack,
      trunks,
      emergencies,
      traces,
      records.copies,
      dnsParts.notifier,
      dnsParts.served,
      dnsParts.loads,
      ...servers,
      door,
      control,
    ]) {
      await this.#run(part)
    }
    const [udp, tcp, tls, ws, wss] = (['udp', 'tcp', 'tls', 'ws', 'wss'] as const).map(
      (name) => transport.listening.find((one) => one.transport === name)?.local,
    )
    overlay.updateServices({
      host: config.address,
      ...(config.address6 !== undefined && { host6: config.address6 }),
      cluster,
      ...(udp && { sipUdp: udp.port }),
      ...(tcp && { sipTcp: tcp.port }),
      ...(tls && { sipTls: tls.port }),
      ...(ws && { sipWs: ws.port }),
      ...(wss && { sipWss: wss.port }),
      ...(dns.address && { dns: dns.address.port }),
      ...(provision.local && { soap: provision.local.port }),
      admission: door.local.port,
    })
    onProgress('catching up')
    await this.#caughtUp(overlay)
    overlay.setServing(true)

    const offered = await this.#offer(() => invites.create(config.admission.inviteTtl))
    this.#banner = {
      name: overlay.members.self.name,
      domain,
      firstNode: identity.genesis,
      nodes: overlay.members.list().filter((member) => overlay.members.isLive(member.nodeId)).length,
      version: packageVersion(),
      data: config.data,
      ...(udp && { sipUdp: udp }),
      ...(tcp && { sipTcp: tcp }),
      ...(tls && { sipTls: tls }),
      ...(ws && { sipWs: ws }),
      ...(wss && { sipWss: wss }),
      ...(dns.address && { dns: dns.address }),
      ...(provision.local && { soapUrl: `http://${formatAddress(provision.local)}/` }),
      controlPath: control.path,
      adminUser: ADMIN_USER,
      ...(offered && { invite: offered.invite, inviteExpiresAt: offered.expiresAt }),
      notes: [
        ...otherName(config.name, overlay.members.self.name),
        ...otherZone(config.zone, overlay.members.self.zone),
        ...(dns.note ? [dns.note] : []),
        ...(certificates.note && (tls || wss) ? [certificates.note] : []),
        ...rootNote(await files.rootThere()),
      ],
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#overlay?.setServing(false)
    await this.#callsEnd()
    const parts = this.#started
    this.#started = []
    // What runs may finish, as far as that takes moments.
    await Promise.allSettled(parts.map((part) => part.drain?.()))
    await stopAll(parts)
  }

  /** Calls whose media pass through this node end with it: those that are nearly over may end by themselves. */
  async #callsEnd(): Promise<void> {
    const calls = (): number => this.#relay?.sessions().length ?? 0
    const until = systemClock.now() + this.#config.shutdown.calls
    if (calls() > 0) this.#options.logger.info('waiting for calls that this node relays', { calls: calls() })
    while (calls() > 0 && systemClock.now() < until) await sleep(systemClock, CALLS_POLL_MS)
    if (calls() > 0) this.#options.logger.warn('calls are cut off: their media pass through here', { calls: calls() })
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
    refuseLastIssuer(overlay)
    overlay.setServing(false)
    await overlay.handOver()
    await overlay.sayLeft()
    // Whoever finds this disk later finds keys that open nothing.
    await overlay.authority.revoke(overlay.self).catch((error) => {
      this.#options.logger.warn('the keys of this node stay good until its certificate ends', { error })
    })
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
        if (this.#broken) throw this.#broken
        if (systemClock.now() > until) throw error
        this.#options.onProgress?.(`waiting for the ring: ${errorMessage(error)}`)
        await sleep(systemClock, QUORUM_RETRY_MS)
      }
    }
  }

  /** A node that finds no quorum for an invite serves nevertheless. */
  async #offer<T>(create: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#patiently(create)
    } catch (error) {
      if (this.#broken) throw this.#broken
      this.#options.logger.warn('no invite could be made for the next node', { error: errorMessage(error) })
      return undefined
    }
  }

  async #caughtUp(overlay: Overlay): Promise<void> {
    const until = systemClock.now() + CAUGHT_UP_PATIENCE_MS
    while (!overlay.caughtUp && systemClock.now() < until) await sleep(systemClock, CAUGHT_UP_POLL_MS)
  }
}

const portOf = (address: string | undefined): number | undefined => {
  const port = Number(address?.slice(address.lastIndexOf(':') + 1))
  return Number.isInteger(port) ? port : undefined
}
