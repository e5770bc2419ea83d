import {
  type Aor,
  type Clock,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  makeRoom,
  rangeOf,
  type Timer,
} from '@thor-node/core'
import type { DomainRecord } from '@thor-node/provision'
import {
  type Admission,
  type AdmitQuery,
  type BindQuery,
  type BindResult,
  type CallPlan,
  type DialPlan,
  type Home,
  type KeptMessage,
  noPlan,
  type PlanQuery,
  type UnbindQuery,
} from '@thor-node/sip'
import { askWhoCalls, askWhoRegisters, type FirstAsk, isFirstAsk } from './first-ask.ts'
import { KNOWN_ACCOUNTS_MAX } from './limits.ts'
import type { RingAccess } from './ring-access.ts'

const DOMAINS_REFRESH_MS = 10_000

/** The homes of accounts, as the SIP stack of an edge sees them: one RPC each. */
export class HomeAdapter implements Home, Lifecycle {
  readonly #ring: RingAccess
  readonly #clock: Clock
  readonly #log: Logger
  #domains = new Set<string>()
  /** Accounts that exist, as far as this node has seen it: no stranger asks for them. */
  readonly #known = new Set<Aor>()
  #domainList: readonly string[] = []
  #plans: ReadonlyMap<string, DialPlan> = new Map()
  #trees: ReadonlyMap<string, readonly string[]> = new Map()
  readonly #plan: DialPlan
  #timer: Timer | undefined
  #refreshing: Promise<void> | undefined

  /** `plan`: of domains that have none of their own. */
  constructor(components: { ring: RingAccess; clock: Clock; logger: Logger }, init: { plan?: DialPlan } = {}) {
    this.#plan = init.plan ?? noPlan
    this.#ring = components.ring
    this.#clock = components.clock
    this.#log = components.logger.forComponent('node:home')
  }

  async start(): Promise<void> {
    if (this.#timer) return
    await this.refreshDomains()
    this.#timer ??= every(
      this.#clock,
      DOMAINS_REFRESH_MS,
      () => this.refreshDomains(),
      (error) => this.#log.warn('list of domains not refreshed', { error: errorMessage(error) }),
    )
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async admit(query: AdmitQuery): Promise<Admission> {
    if (isFirstAsk(query)) {
      this.#tellOfFirstAsk(query)
      return askWhoCalls(query)
    }
    const admission: Admission = await this.#ring.callHome(rangeOf(query.aor), 'home.admit', query)
    if (admission.verdict === 'admit') this.#met(query.aor)
    return admission
  }

  plan(query: PlanQuery): Promise<CallPlan> {
    return this.#ring.callHome(rangeOf(query.aor), 'home.plan', query)
  }

  async bind(query: BindQuery): Promise<BindResult> {
    if (isFirstAsk(query)) {
      this.#tellOfFirstAsk(query)
      return askWhoRegisters()
    }
    const result: BindResult = await this.#ring.callHome(rangeOf(query.aor), 'home.bind', query)
    if (result.verdict === 'bound') this.#met(query.aor)
    return result
  }

  unbind(query: UnbindQuery): Promise<void> {
    return this.#ring.callHome(rangeOf(query.aor), 'home.unbind', query)
  }

  keep(query: { aor: Aor; message: KeptMessage }): Promise<'kept' | 'full'> {
    return this.#ring.callHome(rangeOf(query.aor), 'home.keep', query)
  }

  kept(query: { aor: Aor }): Promise<readonly KeptMessage[]> {
    return this.#ring.callHome(rangeOf(query.aor), 'home.kept', query)
  }

  delivered(query: { aor: Aor; id: string }): Promise<void> {
    return this.#ring.callHome(rangeOf(query.aor), 'home.delivered', query)
  }

  servesDomain(domain: string): boolean {
    return this.#domains.has(domain.toLowerCase())
  }

  /** How numbers are dialled in a domain; undefined: in none that is known. */
  planOf(domain: string | undefined): DialPlan {
    return this.#plans.get(domain ?? '') ?? this.#plan
  }

  /** Trees of numbers that callers of a domain look into; empty: as the ring does. */
  treesOf(domain: string | undefined): readonly string[] {
    return this.#trees.get(domain ?? '') ?? []
  }

  /** In order; the same list as long as they are the same. */
  domains(): readonly string[] {
    return this.#domainList
  }

  /** Called after a change was announced, too. */
  refreshDomains(): Promise<void> {
    this.#refreshing ??= this.#readDomains().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** Whoever tries addresses that do not exist is known by it; one word to the home is enough, and may be lost. */
  #tellOfFirstAsk({ aor, source }: FirstAsk): void {
    if (this.#known.has(aor)) return
    const home = this.#ring.ranges.homeOf(rangeOf(aor))
    if (home !== undefined) this.#ring.rpc.notify(home, 'home.asked', { aor, source })
  }

  /** An account that was let in here exists. */
  #met(aor: Aor): void {
    if (this.#known.has(aor)) return
    makeRoom(this.#known, KNOWN_ACCOUNTS_MAX)
    this.#known.add(aor)
  }

  async #readDomains(): Promise<void> {
    const listed = await this.#ring.store.reg.list<DomainRecord>('domain/')
    // A node that is cut off sees none: what it knew serves on.
    if (listed.length === 0) return
    this.#plans = new Map(
      listed.flatMap(({ value: { body } }) => (body.dialPlan ? [[body.domain, body.dialPlan]] : [])),
    )
    this.#trees = new Map(listed.map(({ value: { body } }) => [body.domain, body.enumTrees ?? []]))
    const domains = listed.map(({ value }) => value.body.domain).sort()
    if (domains.join() === this.#domainList.join()) return
    this.#domains = new Set(domains)
    this.#domainList = domains
  }
}
