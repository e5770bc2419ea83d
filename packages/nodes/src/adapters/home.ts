import {
  type Aor,
  type Clock,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  rangeOf,
  type Timer,
} from '@thor-node/core'
import type { DomainRecord } from '@thor-node/provision'
import type {
  Admission,
  AdmitQuery,
  BindQuery,
  BindResult,
  CallPlan,
  Home,
  KeptMessage,
  PlanQuery,
  UnbindQuery,
} from '@thor-node/sip'
import type { RingAccess } from './ring-access.ts'

const DOMAINS_REFRESH_MS = 10_000

/** The homes of accounts, as the SIP stack of an edge sees them: one RPC each. */
export class HomeAdapter implements Home, Lifecycle {
  readonly #ring: RingAccess
  readonly #clock: Clock
  readonly #log: Logger
  #domains = new Set<string>()
  #timer: Timer | undefined
  #refreshing: Promise<void> | undefined

  constructor(components: { ring: RingAccess; clock: Clock; logger: Logger }) {
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

  admit(query: AdmitQuery): Promise<Admission> {
    return this.#ring.callHome(rangeOf(query.aor), 'home.admit', query)
  }

  plan(query: PlanQuery): Promise<CallPlan> {
    return this.#ring.callHome(rangeOf(query.aor), 'home.plan', query)
  }

  bind(query: BindQuery): Promise<BindResult> {
    return this.#ring.callHome(rangeOf(query.aor), 'home.bind', query)
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

  domains(): string[] {
    return [...this.#domains].sort()
  }

  /** Called after a change was announced, too. */
  refreshDomains(): Promise<void> {
    this.#refreshing ??= this.#readDomains().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #readDomains(): Promise<void> {
    const listed = await this.#ring.store.reg.list<DomainRecord>('domain/')
    // A node that is cut off sees none: what it knew serves on.
    if (listed.length > 0) this.#domains = new Set(listed.map(({ value }) => value.body.domain))
  }
}
