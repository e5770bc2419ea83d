import { type Aor, type Clock, type RangeId, rangeOf, recordKey, type Sealer } from '@thor-node/core'
import { type AccountRecord, type Credentials, openCredentials } from '@thor-node/provision'
import {
  type AccountView,
  type Admission,
  type AdmitQuery,
  type AuthVerdict,
  algorithmsOf,
  applyBind,
  type BindQuery,
  type BindResult,
  type CallPlan,
  type DigestAnswer,
  decideAdmission,
  judgeAnswer,
  NonceCounts,
  nonceMadeAt,
  type PlanQuery,
  planCall,
  refuseBind,
  type StoredBinding,
} from '@thor-node/sip'
import type { AccountsCache } from './accounts-cache.ts'
import type { RingAccess } from './ring-access.ts'

/**
 * The home's side: reads the account, lets the pure functions of the SIP package decide, stores what they decided. It
 * answers whoever asks; that the caller should ask the home first only saves time.
 */
export class HomeService {
  readonly #ring: RingAccess
  readonly #accounts: AccountsCache
  readonly #sealer: Sealer
  readonly #clock: Clock
  readonly #cookieKey: Uint8Array
  readonly #counts: NonceCounts
  /** Wall time since when this node has been home of a range. */
  readonly #homeSince = new Map<RangeId, number>()
  /** Opening a seal costs more than checking a digest: kept per record. */
  readonly #opened = new WeakMap<AccountRecord, Credentials>()

  constructor(
    components: { ring: RingAccess; accounts: AccountsCache; sealer: Sealer; clock: Clock },
    init: { cookieKey: Uint8Array },
  ) {
    this.#ring = components.ring
    this.#accounts = components.accounts
    this.#sealer = components.sealer
    this.#clock = components.clock
    this.#cookieKey = init.cookieKey
    this.#counts = new NonceCounts()
    this.#ring.ranges.onGained((range) => this.#homeSince.set(range, this.#clock.wall()))
    const { rpc } = this.#ring
    rpc.serve<AdmitQuery, Admission>('home.admit', (query) => this.admit(query))
    rpc.serve<PlanQuery, CallPlan>('home.plan', (query) => this.plan(query))
    rpc.serve<BindQuery, BindResult>('home.bind', (query) => this.bind(query))
  }

  async admit(query: AdmitQuery): Promise<Admission> {
    const record = await this.#account(query.aor)
    const verdict = this.#judge(record, query.answer)
    const admission = decideAdmission(record && this.#view(record), query, verdict)
    if (admission.verdict === 'admit' && query.from !== admission.account) {
      const alias = await this.#accounts.get(query.from)
      // The account's own list may be behind: the address itself says whose it is.
      if (alias?.kind !== 'alias' || alias.target !== admission.account) {
        return { verdict: 'refuse', status: 403, reason: 'From Is Not Your Address' }
      }
    }
    return admission
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
    )
  }

  async bind(query: BindQuery): Promise<BindResult> {
    const record = await this.#account(query.aor)
    const refusal = refuseBind(record && this.#view(record), this.#judge(record, query.answer))
    if (refusal || !record) return refusal ?? { verdict: 'refuse', status: 403, reason: 'Forbidden' }
    const { soft } = this.#ring.store
    const key = recordKey('loc', record.aor)
    const now = this.#clock.wall()
    const bindings = await soft.read<StoredBinding>(key)
    const { result, puts, removes } = applyBind(
      bindings.map(({ body }) => body),
      query,
      now,
    )
    await Promise.all([
      ...puts.map((binding) => soft.put(key, { sub: binding.id, body: binding, ttlMs: binding.expiresAt - now })),
      ...removes.map((id) => soft.remove(key, id)),
    ])
    return result
  }

  async #account(aor: Aor): Promise<AccountRecord | undefined> {
    const record = await this.#accounts.get(aor)
    if (record?.kind !== 'alias') return record
    const target = await this.#accounts.get(record.target)
    return target?.kind === 'account' ? target : undefined
  }

  #judge(record: AccountRecord | undefined, answer: DigestAnswer | undefined): AuthVerdict {
    const account = record && { aor: record.aor, credentials: this.#credentials(record) }
    const verdict = judgeAnswer(
      { cookieKey: this.#cookieKey, counts: this.#counts, wallMs: this.#clock.wall() },
      account,
      answer,
    )
    if (!verdict.ok || !record || !answer) return verdict
    // The home before this one counted older nonces: one more challenge, and nothing is ever replayed.
    const since = this.#homeSince.get(rangeOf(record.aor)) ?? 0
    return nonceMadeAt(answer.nonce) < since ? { ok: false, cause: 'stale' } : verdict
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
      algorithms: algorithmsOf(this.#credentials(record)),
      ...(displayName && { displayName }),
    }
  }
}
