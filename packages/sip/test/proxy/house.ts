/** One or more stacks on a Wire with a home, relay and records in memory: the delegates, played by the pure decisions. */
import { type Address, type Aor, computeHa1, formatAddress, silentLogger, ThorError } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import { type CredentialHashes, judgeAnswer, NonceCounts } from '../../src/auth.ts'
import type { AccountView } from '../../src/call-control/account-view.ts'
import { decideAdmission, refuseBind } from '../../src/call-control/admission.ts'
import { planCall } from '../../src/call-control/call-plan.ts'
import type { Calls, Diversion, Home, KeptMessage, MediaControl, Ring } from '../../src/delegates.ts'
import { Peers } from '../../src/guard/peers.ts'
import { applyBind, lostWith, type StoredBinding } from '../../src/registrar/bindings.ts'
import { SipStack, type SipStackComponents, type SipStackInit } from '../../src/stack.ts'
import { Phone } from './phone.ts'
import { Wire, WireTransport } from './wire.ts'

export const KEY = new Uint8Array(32).fill(7)

export class House {
  readonly wire = new Wire()
  readonly clock = new SimClock()
  readonly accounts = new Map<Aor, { view: AccountView; credentials: CredentialHashes }>()
  readonly aliases = new Map<Aor, Aor>()
  /** Kept for accounts that are offline; two at most. */
  readonly messages = new Map<Aor, KeptMessage[]>()
  readonly peers = new Peers()
  /** An alias that is somebody's diversion. */
  readonly diversions = new Map<Aor, Diversion>()
  readonly bindings = new Map<Aor, StoredBinding[]>()
  readonly stacks = new Map<string, SipStack>()
  readonly counts = new NonceCounts()
  /** Everything that media and calls were told, in order. */
  readonly log: string[] = []
  readonly answered: Parameters<Calls['answered']>[0][] = []
  /** What fails instead of answering. */
  broken: { home?: boolean; media?: string; answered?: boolean } = {}
  /** The relay answers no sooner. */
  mediaWaits: Promise<void> | undefined
  /** Where foreign hosts are. */
  readonly foreign = new Map<string, readonly Address[]>()
  /** By which numbers outside are reached. */
  trunks: SipStackComponents['trunks']
  /** Where numbers lead by ENUM. */
  numbers: SipStackComponents['numbers']
  /** Which calls are emergencies. */
  emergencies: SipStackComponents['emergencies']
  /** The home answers challenges, and breaks when it is to judge an answer. */
  emergencyHomeBreaks = false
  /** How numbers are dialled. */
  planOf: SipStackComponents['planOf']
  #calls = 0

  account(aor: Aor, change: Partial<AccountView> & { md5Only?: boolean } = {}): void {
    const [user = '', domain = ''] = aor.split('@')
    const { md5Only, ...view } = change
    this.accounts.set(aor, {
      view: {
        kind: 'account',
        aor,
        aliases: [],
        groups: [],
        callLimit: 0,
        algorithms: md5Only ? ['MD5'] : ['SHA-256', 'MD5'],
        ...view,
      },
      credentials: {
        ha1Md5: computeHa1('MD5', user, domain, 'secret'),
        ha1bMd5: computeHa1('MD5', aor, domain, 'secret'),
        ...(!md5Only && {
          ha1Sha256: computeHa1('SHA-256', user, domain, 'secret'),
          ha1bSha256: computeHa1('SHA-256', aor, domain, 'secret'),
        }),
      },
    })
  }

  async node(host: string, init: SipStackInit = {}): Promise<Address> {
    const address = { host, port: 5060 }
    const transport = new WireTransport(this.wire, address)
    const stack = new SipStack(
      {
        clock: this.clock,
        random: new SimRandom(this.stacks.size + 1),
        logger: silentLogger,
        transport,
        home: this.#home(),
        media: this.#media(),
        calls: this.#callsDelegate(),
        ring: this.#ring(formatAddress(address)),
        trusted: { peers: this.peers, load: { begin: () => true } },
        ...(this.trunks && { trunks: this.trunks }),
        ...(this.numbers && { numbers: this.numbers }),
        ...(this.emergencies && { emergencies: this.emergencies }),
        ...(this.planOf && { planOf: this.planOf }),
        resolve: {
          resolve: async ({ host, port }) => {
            const found = this.foreign.get(host) ?? [{ host, port: port ?? 5060 }]
            return found.map((remote) => ({ transport: 'udp', remote }))
          },
        },
      },
      { keepAlive: 'off', ...init },
    )
    this.stacks.set(formatAddress(address), stack)
    await stack.start()
    return address
  }

  phone(aor: Aor, host: string, proxy: Address, password?: string, port = 5070): Phone {
    return new Phone(this.wire, { host, port }, aor, proxy, password)
  }

  async stop(): Promise<void> {
    for (const stack of this.stacks.values()) await stack.stop()
  }

  #judge(aor: Aor, answer: Parameters<typeof judgeAnswer>[2]) {
    const account = this.accounts.get(aor)
    const components = { cookieKey: KEY, counts: this.counts, wallMs: this.clock.wall() }
    return judgeAnswer(components, account && { aor, credentials: account.credentials }, answer)
  }

  #home(): Home {
    const check = () => {
      if (this.broken.home) throw new ThorError('OVERLAY_NO_OWNER', 'no home')
    }
    return {
      servesDomain: (domain) => domain === 'example.com',
      admit: async (query) => {
        check()
        if (this.emergencyHomeBreaks && query.answer) throw new ThorError('OVERLAY_NO_OWNER', 'no home')
        return decideAdmission(this.accounts.get(query.aor)?.view, query, this.#judge(query.aor, query.answer))
      },
      plan: async (query) => {
        const { aor } = query
        check()
        const target = this.aliases.get(aor)
        const view = target ? ({ kind: 'alias', aor, target } as const) : this.accounts.get(aor)?.view
        const plan = planCall(view, this.bindings.get(aor) ?? [], this.clock.wall(), query)
        const diversion = this.diversions.get(aor)
        return plan.verdict === 'redirect' && diversion ? { ...plan, diversion } : plan
      },
      bind: async (query) => {
        check()
        const refusal = refuseBind(this.accounts.get(query.aor)?.view, this.#judge(query.aor, query.answer))
        if (refusal) return refusal
        const current = this.bindings.get(query.aor) ?? []
        const { result, puts, removes } = applyBind(current, query, this.clock.wall())
        const gone = new Set([...removes, ...puts.map((put) => put.id)])
        this.bindings.set(query.aor, [...current.filter((binding) => !gone.has(binding.id)), ...puts])
        const waiting = result.verdict === 'bound' && (this.messages.get(query.aor)?.length ?? 0) > 0
        return waiting ? { ...result, waiting } : result
      },
      keep: async ({ aor, message }) => {
        const kept = this.messages.get(aor) ?? []
        if (kept.length >= 2) return 'full'
        this.messages.set(aor, [...kept, message])
        return 'kept'
      },
      kept: async ({ aor }) => this.messages.get(aor) ?? [],
      delivered: async ({ aor, id }) => {
        const kept = this.messages.get(aor) ?? []
        this.messages.set(
          aor,
          kept.filter((message) => message.id !== id),
        )
      },
      unbind: async (query) => {
        check()
        const current = this.bindings.get(query.aor) ?? []
        const lost = new Set(lostWith(current, query))
        this.bindings.set(
          query.aor,
          current.filter(({ id }) => !lost.has(id)),
        )
        this.log.push(`unbind ${query.aor} ${lost.size}`)
      },
    }
  }

  #media(): MediaControl {
    return {
      rewrite: async ({ side, kind, branch, sdp }) => {
        await this.mediaWaits
        if (this.broken.media) throw new ThorError(this.broken.media, 'no relay')
        this.log.push(`${side} ${kind} ${branch}`)
        return sdp.replace('m=audio 4000', `m=audio ${side === 'caller' ? 30000 : 40000}`)
      },
    }
  }

  #callsDelegate(): Calls {
    return {
      newCallUuid: () => `abc-${(++this.#calls).toString(16).padStart(24, '0')}`,
      answered: async (query) => {
        if (this.broken.answered) throw new ThorError('OVERLAY_NO_QUORUM', 'no quorum')
        this.log.push('answered')
        this.answered.push(query)
      },
      refreshed: async ({ seconds }) => void this.log.push(`refreshed ${seconds}`),
      ended: async ({ cause }) => void this.log.push(`ended ${cause}`),
      failed: async ({ status }) => void this.log.push(`failed ${status}`),
    }
  }

  #ring(self: string): Ring {
    const stackAt = (edge: string): SipStack => {
      const stack = this.stacks.get(edge)
      if (!stack) throw new ThorError('NODE_EDGE_GONE', `no ${edge}`)
      return stack
    }
    return {
      self,
      cookieKey: KEY,
      nodeAt: (address) => (this.stacks.has(formatAddress(address)) ? formatAddress(address) : undefined),
      sendOnFlow: async (edge, flow, bytes) => {
        this.log.push(`ring ${edge}`)
        await stackAt(edge).deliverOnFlow(flow, bytes)
      },
      tellBusy: (busy) => {
        for (const [name, stack] of this.stacks) if (name !== self) stack.heardBusy(busy)
      },
      passResponse: async (edge, bytes) => stackAt(edge).deliverResponse(bytes),
    }
  }
}
