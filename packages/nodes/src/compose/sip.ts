import { join } from 'node:path'
import { type Address, deriveKey, errorMessage, type Sealer } from '@thor-node/core'
import { UserSpaceRelay } from '@thor-node/media'
import type { Overlay, RingIdentity } from '@thor-node/overlay'
import {
  type BindLimits,
  defaultTimers,
  Guard,
  type ListenPoint,
  type NumberLookup,
  Overload,
  SipStack,
  Transports,
} from '@thor-node/sip'
import { AccountsCache } from '../adapters/accounts-cache.ts'
import { CallService } from '../adapters/call-service.ts'
import { CallsAdapter } from '../adapters/calls.ts'
import { EmergencyService } from '../adapters/emergency-service.ts'
import { GuardService } from '../adapters/guard-service.ts'
import { HomeAdapter } from '../adapters/home.ts'
import { HomeService } from '../adapters/home-service.ts'
import { KeptMessageService } from '../adapters/kept-messages.ts'
import { MediaControlAdapter } from '../adapters/media-control.ts'
import { MediaService } from '../adapters/media-service.ts'
import { PeersService } from '../adapters/peers-service.ts'
import { Relays } from '../adapters/relays.ts'
import { RingAdapter } from '../adapters/ring.ts'
import type { Spool } from '../adapters/spool.ts'
import { TraceService } from '../adapters/trace-service.ts'
import { TrunksService } from '../adapters/trunks-service.ts'
import type { Config } from '../config.ts'
import { Certificates } from '../tls/certificates.ts'
import type { Context } from './context.ts'

export interface SipParts {
  transport: Transports
  certificates: Certificates
  stack: SipStack
  relay: UserSpaceRelay
  home: HomeAdapter
  callService: CallService
  mediaService: MediaService
  guard: GuardService
  peers: PeersService
  trunks: TrunksService
  emergencies: EmergencyService
  traces: TraceService
}

interface SipSurroundings {
  overlay: Overlay
  ring: RingIdentity
  sealer: Sealer
  spool: Spool
  numbers: NumberLookup
  /** Of the ring: in Record-Route, where that is configured. */
  domain: string
}

/** SIP and media: the stack and the relay of this node, and the adapters that let them use the ring. */
export function composeSip(
  context: Context,
  { overlay, ring, sealer, spool, numbers, domain }: SipSurroundings,
): SipParts {
  const { random, net, logger, config } = context
  // Call records and nonces: a node with a wrong clock would stamp the ones wrongly, and refuse every phone for the others.
  const clock = overlay.ringClock
  const cookieKey = deriveKey(ring.secret, 'cookies')
  const relay = new UserSpaceRelay(
    { clock, random, net, logger },
    {
      host: config.address,
      ...(config.address6 !== undefined && { otherHost: config.address6 }),
      ports: config.media.ports,
      silenceMs: config.media.silence,
    },
  )
  const accounts = new AccountsCache({ clock, reg: overlay.store.reg })
  const home = new HomeAdapter({ ring: overlay, clock, logger }, { plan: config.dial })
  overlay.store.reg.watch('domain/', () => {
    home.refreshDomains().catch((error) => {
      logger.warn('list of domains not refreshed', { error: errorMessage(error) })
    })
  })
  const { failures, window: windowMs, block: blockMs, scanners } = config.guard
  const peers = new PeersService({ ring: overlay, clock, random, logger }, { configured: config.sip.trusted })
  const { load } = peers
  const trunks = new TrunksService({ ring: overlay, clock, random, logger, sealer, load, peers, stack: () => stack })
  const isTrusted = (host: string): boolean => peers.peers.hasHost(host)
  const guard = new Guard({ clock, logger, isTrusted }, { settings: { failures, windowMs, blockMs, scanners } })
  const { zone: site, emergency: configured } = config
  const emergencies = new EmergencyService({ ring: overlay, clock, logger }, { site, configured })
  const overload = new Overload(
    { clock, random, isTrusted, isUrgent: (bytes) => emergencies.mayBe(bytes) },
    { settings: { targetMs: config.sip.latency, perSource: config.sip.sourceRate } },
  )
  const guardService = new GuardService({ ring: overlay, guard, overload, clock, logger })
  const messages = new KeptMessageService({ ring: overlay })
  new HomeService(
    { ring: overlay, accounts, sealer, clock, guard, messages },
    { cookieKey, limits: bindLimits(config), keepMessages: config.sip.keepMessages === 'on' },
  )
  const relays = new Relays({ ring: overlay, random })
  const calls = new CallsAdapter(
    { ring: overlay, relays, spool, clock, random, logger },
    { nodeName: overlay.members.self.name },
  )
  const certificates = new Certificates(
    { clock, random, logger },
    {
      directory: config.sip.tlsCertificates ?? join(config.data, 'tls'),
      ownDirectory: join(config.data, 'tls'),
      names: [
        domain,
        `${overlay.members.self.name}.${domain}`,
        config.address,
        ...(config.address6 === undefined ? [] : [config.address6]),
      ],
      verify: config.sip.tlsVerify === 'on',
      asks: () => peers.peers.haveTlsNames || trunks.trunks.overTls,
      ...(config.sip.tlsCa !== undefined && { caFile: config.sip.tlsCa }),
    },
  )
  const origins = new Set(config.sip.wsOrigins)
  const transport = new Transports(
    { clock, random, net, logger, tls: certificates },
    {
      listen: listenPoints(config),
      acceptsOrigin: (origin) => origin === undefined || origins.has('*') || origins.has(origin),
      hears: (host) => guard.hears(host),
      overload,
    },
  )
  const planOf = (of: string | undefined) => home.planOf(of)
  const traces = new TraceService({ ring: overlay, clock, random, logger, transport, planOf })
  const others = new RingAdapter(
    { ring: overlay },
    { self: () => sipAddress(transport) ?? { host: config.address, port: config.sip.udp }, cookieKey },
  )
  const media = new MediaControlAdapter({ ring: overlay, relays, logger })
  const stack = new SipStack(
    {
      clock,
      random,
      logger,
      transport,
      home,
      media,
      calls: peers.counting(calls),
      ring: others,
      guard,
      trusted: peers,
      trunks: trunks.trunks,
      numbers,
      planOf,
      emergencies,
    },
    {
      timers: { ...defaultTimers, t1: config.sip.t1, timerC: config.sip.ringing },
      algorithms: config.sip.algorithms,
      qop: config.sip.qop,
      dns: { servers: config.sip.dnsServers, timeoutMs: config.sip.dnsTimeout },
      recordRoute: config.sip.recordRoute === 'domain' ? domain : 'address',
      keepAlive: config.sip.natKeepAlive,
      serviceRoute: config.sip.serviceRoute === 'on',
      groupRingingMs: config.sip.groupRinging,
      sessions: { interval: config.sip.sessionExpires / 1_000, min: config.sip.sessionMin / 1_000 },
    },
  )
  others.serve(stack)
  const sendByes: ConstructorParameters<typeof CallService>[0]['sendByes'] = (dialog, cause) =>
    stack.endCall(dialog, cause)
  const callService = new CallService({ ring: overlay, spool, clock, logger, sendByes })
  const mediaService = new MediaService({ ring: overlay, relay, clock, logger })
  return {
    transport,
    certificates,
    stack,
    relay,
    home,
    callService,
    mediaService,
    guard: guardService,
    peers,
    trunks,
    emergencies,
    traces,
  }
}

const bindLimits = ({ sip }: Config): BindLimits => ({
  expiresMin: sip.expiresMin / 1_000,
  expiresMax: sip.expiresMax / 1_000,
  contactsMax: sip.contactsMax,
})

function listenPoints({ address, address6, sip }: Config): ListenPoint[] {
  const names = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const
  return names.flatMap((transport) => {
    const port = sip[transport]
    if (port === 'off') return []
    return [address, ...(address6 === undefined ? [] : [address6])].map((host) => ({ transport, host, port }))
  })
}

/** By which other nodes know this edge. */
const sipAddress = ({ listening }: Transports): Address | undefined =>
  (listening.find(({ transport }) => transport === 'udp') ?? listening[0])?.local
