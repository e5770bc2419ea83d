import { type Aor, type Clock, type RangeId, rangeOf, recordKey, type Sealer, sleep } from '@thor-node/core'
import { type AccountRecord, type Credentials, openCredentials } from '@thor-node/provision'
import {
  type AccountView,
  type Admission,
  type AdmitQuery,
  type AuthVerdict,
  algorithmsOf,
  applyBind,
  type BindLimits,
  type BindQuery,
  type BindResult,
  type CallPlan,
  decideAdmission,
  type Guard,
  judgeAnswer,
  lostWith,
  NonceCounts,
  nonceMadeAt,
  type PlanQuery,
  PrefixSet,
  planCall,
  refuseBind,
  type StoredBinding,
  type UnbindQuery,
} from '@thor-node/sip'
import type { AccountsCache } from './accounts-cache.ts'
import { askWhoCalls, askWhoRegisters, type FirstAsk, isFirstAsk } from './first-ask.ts'
import { GoodSources } from './good-sources.ts'
import type { KeptMessageService } from './kept-messages.ts'
import { FAILED_LOGINS_WAITING_MAX } from './limits.ts'
import type { RingAccess } from './ring-access.ts'

/**
 * A failed log-in is answered no sooner. Whether the account had to be looked up, or does not exist, then shows in no
 * answer's time.
 */
const FAILURE_MS = 50
/** A node that was not asked about a range for so long knows nothing of what its home counted meanwhile. */
const STAND_IN_MS = 5_000
/** Property of an account: `on` or `off`. */
const KEEP_MESSAGES = 'keep-messages'
/**
 * The home's side: reads the account, lets the pure functions of the SIP package decide, stores what they decided. It
 * answers whoever asks; that the caller should ask the home first only saves time.
 */
export class HomeService {
  readonly #ring: RingAccess
  readonly #accounts: AccountsCache
  readonly #sealer: Sealer
  readonly #clock: Clock
  readonly #limits: BindLimits | undefined
  readonly #messages: Pick<KeptMessageService, 'waits'> | undefined
  readonly #keepMessages: boolean
  readonly #cookieKey: Uint8Array
  readonly #guard: Pick<Guard, 'accountRetryAfter' | 'failed' | 'saw'> | undefined
  readonly #good = new GoodSources()
  readonly #counts: NonceCounts
  /** Wall time since when this node has been home of a range. */
  readonly #homeSince = new Map<RangeId, number>()
  /** Ranges of which this node judged for a home that did not answer: since when, and when last. */
  readonly #standIn = new Map<RangeId, { since: number; last: number }>()
  readonly #lists = new WeakMap<AccountRecord, PrefixSet>()
  #failing = 0
  /** Opening a seal costs more than checking a digest: kept per record. */
  readonly #opened = new WeakMap<AccountRecord, Credentials>()

  constructor(
    components: {
      ring: RingAccess
      accounts: AccountsCache
      sealer: Sealer
      clock: Clock
      messages?: Pick<KeptMessageService, 'waits'>
      guard?: Pick<Guard, 'accountRetryAfter' | 'failed' | 'saw'>
    },
    init: { cookieKey: Uint8Array; limits?: BindLimits; keepMessages?: boolean },
  ) {
    this.#messages = components.messages
    this.#keepMessages = init.keepMessages ?? false
    this.#limits = init.limits
    this.#ring = components.ring
    this.#accounts = components.accounts
    this.#sealer = components.sealer
    this.#clock = components.clock
    this.#guard = components.guard
    this.#cookieKey = init.cookieKey
    this.#counts = new NonceCounts()
    this.#ring.ranges.onGained((range) => this.#homeSince.set(range, this.#clock.wall()))
    const { rpc } = this.#ring
    rpc.serve<AdmitQuery, Admission>('home.admit', (query) => this.admit(query), { asIs: true })
    rpc.serve<PlanQuery, CallPlan>('home.plan', (query) => this.plan(query), { asIs: true })
    rpc.serve<BindQuery, BindResult>('home.bind', (query) => this.bind(query), { asIs: true })
    rpc.serve<{ range: RangeId; madeAt: number }, void>('home.judged', async ({ range, madeAt }) => {
      this.#homeSince.set(range, Math.max(this.#homeSince.get(range) ?? 0, madeAt + 1))
    })
    rpc.serve<FirstAsk, void>('home.asked', (asked) => this.#lookForStranger(asked))
    rpc.serve<UnbindQuery, void>('home.unbind', (query) => this.unbind(query))
  }

  async admit(query: AdmitQuery): Promise<Admission> {
    const closed = this.#closed(query)
    if (closed) return closed
    if (isFirstAsk(query)) {
      this.#lookForStranger(query)
      return askWhoCalls(query)
    }
    const startedAt = this.#clock.now()
    const record = await this.#account(query.aor)
    const verdict = await this.#level(startedAt, this.#note(query, this.#judge(record, query)))
    const admission = decideAdmission(record && this.#view(record), query, verdict)
    if (admission.verdict !== 'admit') return admission
    const { account, identity } = admission
    const { from, fromNumber } = query
    const isOwn =
      (await this.#isOf(account, from)) || (fromNumber !== undefined && (await this.#isOf(account, fromNumber)))
    if (!query.anonymous && !isOwn) {
      const reason = 'From Is Not Your Address'
      if (!query.emergency) return { verdict: 'refuse', status: 403, reason }
      return { ...admission, identity: account, onlyEmergency: reason }
    }
    return (await this.#isOf(account, identity)) ? admission : { ...admission, identity: account }
  }

  /** The account's own list may be behind: the address itself says whose it is. */
  async #isOf(account: Aor, address: Aor): Promise<boolean> {
    if (address === account) return true
    const alias = await this.#accounts.get(address)
    return alias?.kind === 'alias' && alias.target === account
  }

  async plan(query: PlanQuery): Promise<CallPlan> {
    const record = await this.#accounts.get(query.aor)
    if (!record) return planCall(undefined, [], this.#clock.wall())
    if (record.kind === 'alias')
      return planCall({ kind: 'alias', aor: record.aor, target: record.target }, [], this.#clock.wall())
    const bindings = await this.#ring.store.soft.read<StoredBinding>(recordKey('loc', record.aor))
    return planCall(
      this.#view(record),
      bindings.map(({ body }) => body),
      this.#clock.wall(),
      query,
    )
  }

  async bind(query: BindQuery): Promise<BindResult> {
    const closed = this.#closed(query)
    if (closed) return closed
    if (isFirstAsk(query)) {
      this.#lookForStranger(query)
      return askWhoRegisters()
    }
    const startedAt = this.#clock.now()
    const record = await this.#account(query.aor)
    const verdict = await this.#level(startedAt, this.#note(query, this.#judge(record, query)))
    const refusal = refuseBind(record && this.#view(record), verdict)
    if (refusal || !record) return refusal ?? { verdict: 'refuse', status: 403, reason: 'Forbidden' }
    const { soft } = this.#ring.store
    const key = recordKey('loc', record.aor)
    const now = this.#clock.wall()
    const bindings = await soft.read<StoredBinding>(key)
    const { result, puts, removes } = applyBind(
      bindings.map(({ body }) => body),
      query,
      now,
      this.#limits,
    )
    await Promise.all([
      ...puts.map((binding) => soft.put(key, { sub: binding.id, body: binding, ttlMs: binding.expiresAt - now })),
      ...removes.map((id) => soft.remove(key, id)),
    ])
    if (!this.#messages || result.verdict !== 'bound' || puts.length === 0 || !this.#keeps(record)) return result
    const isNew = puts.some(({ id }) => !bindings.some(({ sub }) => sub === id))
    // Nobody waits for his registration because messages cannot be read.
    const waiting = await this.#messages.waits(record.aor, isNew).catch(() => false)
    return waiting ? { ...result, waiting } : result
  }

  /** The account's own word, else the ring's. */
  #keeps({ properties }: AccountRecord): boolean {
    const own = properties.find(({ name }) => name === KEEP_MESSAGES)?.value
    return own === undefined ? this.#keepMessages : own === 'on'
  }

  async unbind(query: UnbindQuery): Promise<void> {
    const record = await this.#account(query.aor)
    if (!record) return
    const key = recordKey('loc', record.aor)
    const { soft } = this.#ring.store
    const bindings = await soft.read<StoredBinding>(key)
    const lost = lostWith(
      bindings.map(({ body }) => body),
      query,
    )
    await Promise.all(lost.map((id) => soft.remove(key, id)))
  }

  async #account(aor: Aor): Promise<AccountRecord | undefined> {
    const record = await this.#accounts.get(aor)
    if (record?.kind !== 'alias') return record
    const target = await this.#accounts.get(record.target)
    return target?.kind === 'account' ? target : undefined
  }

  #judge(record: AccountRecord | undefined, { answer, source }: Asked): AuthVerdict {
    const account = record && { aor: record.aor, credentials: this.#credentials(record) }
    const verdict = judgeAnswer(
      { cookieKey: this.#cookieKey, counts: this.#counts, wallMs: this.#clock.wall() },
      account,
      answer,
    )
    if (!verdict.ok || !record || !answer) return verdict
    // From elsewhere the right password is as wrong as any: nobody learns that it was right.
    if (!this.#mayCome(record, source.host)) return { ok: false, cause: 'wrong-password' }
    const range = rangeOf(record.aor)
    const madeAt = nonceMadeAt(answer.nonce)
    return madeAt < this.#since(range, madeAt) ? { ok: false, cause: 'stale' } : verdict
  }

  /**
   * Wall time before which another node may have counted nonces: one more challenge then, and nothing is ever replayed.
   * Who judges for a home that does not answer tells it, so that the home takes nothing again when it is back.
   */
  #since(range: RangeId, madeAt: number): number {
    const since = this.#homeSince.get(range) ?? 0
    const home = this.#ring.ranges.homeOf(range)
    if (home === undefined || home === this.#ring.self) return since
    const now = this.#clock.wall()
    const known = this.#standIn.get(range)
    const standIn = known && now - known.last < STAND_IN_MS ? known : { since: now, last: now }
    standIn.last = now
    this.#standIn.set(range, standIn)
    this.#ring.rpc.notify(home, 'home.judged', { range, madeAt })
    return Math.max(since, standIn.since)
  }

  /**
   * An account that was tried too often lets nobody in for a while, whatever password, whether it exists or not; except from
   * where its owner came before, so that a stranger cannot lock him out.
   */
  #closed({
    aor,
    answer,
    source,
  }: Asked): { verdict: 'refuse'; status: 403; reason: string; retryAfter: number } | undefined {
    const retryAfter = answer && this.#guard?.accountRetryAfter(aor)
    if (retryAfter === undefined || this.#good.has(aor, source.host)) return undefined
    return { verdict: 'refuse', status: 403, reason: 'Forbidden', retryAfter }
  }

  #note({ aor, source }: Asked, verdict: AuthVerdict): AuthVerdict {
    if (verdict.ok) this.#good.add(aor, source.host)
    else if (FAILURES.has(verdict.cause)) this.#guard?.failed(source.host, aor)
    return verdict
  }

  /** After the answer, which says nothing of it: was that an account at all? A copy that may be a little old is good enough. */
  #lookForStranger({ aor, source }: FirstAsk): void {
    if (!this.#guard || this.#accounts.has(aor)) return
    this.#ring.store.reg.read(recordKey('acct', aor), 'near').then(
      (found) => found || this.#guard?.saw(source.host, 'unknown-account'),
      () => undefined,
    )
  }

  /** The verdict; one that could tell something, after a time that tells nothing. */
  async #level(startedAt: number, verdict: AuthVerdict): Promise<AuthVerdict> {
    if (verdict.ok || !FAILURES.has(verdict.cause) || this.#failing >= FAILED_LOGINS_WAITING_MAX) return verdict
    this.#failing++
    try {
      await sleep(this.#clock, Math.max(0, startedAt + FAILURE_MS - this.#clock.now()))
      return verdict
    } finally {
      this.#failing--
    }
  }

  /** The access list of the account; none lets everybody come. */
  #mayCome(record: AccountRecord, host: string): boolean {
    const { acl = [] } = record
    if (acl.length === 0) return true
    let from = this.#lists.get(record)
    if (!from) {
      from = new PrefixSet(acl.map(({ ip, mask }) => `${ip}/${mask}`))
      this.#lists.set(record, from)
    }
    return from.has(host)
  }

  #credentials(record: AccountRecord): Credentials {
    let credentials = this.#opened.get(record)
    if (!credentials) {
      credentials = openCredentials(this.#sealer, record)
      this.#opened.set(record, credentials)
    }
    return credentials
  }

  #view(record: AccountRecord): AccountView {
    const displayName = [record.firstName, record.lastName].filter(Boolean).join(' ')
    return {
      kind: 'account',
      aor: record.aor,
      aliases: record.aliases,
      groups: record.groups,
      callLimit: record.callLimit,
      ...(this.#messages && this.#keeps(record) && { keepsMessages: true }),
      algorithms: algorithmsOf(this.#credentials(record)),
      ...(displayName && { displayName }),
      ...(record.rpid && { number: record.rpid }),
      ...(record.region && { region: record.region }),
      ...(record.enumTrees && record.enumTrees.length > 0 && { trees: record.enumTrees }),
    }
  }
}

type Asked = Pick<AdmitQuery, 'aor' | 'answer' | 'source'>

/** What a stranger's guess looks like. */
const FAILURES: ReadonlySet<string> = new Set(['unknown-user', 'wrong-password'])
