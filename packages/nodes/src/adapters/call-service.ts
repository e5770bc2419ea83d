import type { CallClosed, CallOpened, EndCause } from '@thor-node/accounting'
import {
  type Clock,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  makeRoom,
  type SoftEntry,
  type Timer,
} from '@thor-node/core'
import type { DialogRecord } from '@thor-node/sip'
import {
  callKey,
  type DialogState,
  type MediaProof,
  openedKey,
  PROOF_FRESH_MS,
  proofAgeMs,
  rangeOfCall,
  type SessionState,
  stoppedKey,
} from './call-keys.ts'
import { CALL_MAX_MS } from './calls.ts'
import type { RingAccess } from './ring-access.ts'
import type { Spool } from './spool.ts'

const SWEEP_PERIOD_MS = 5_000
const SWEEP_AT_ONCE = 64
/** Ended calls that are remembered. */
const ENDED_KEPT_MAX = 10_000
/** A relay that is gone this long does not come back with the call's media. */
const RELAY_GONE_MS = 5_000
/** Two proofs of media are missed after this. */
const PROOF_MISSED_MS = 75_000
/** A call whose dialog is gone this long is closed at its last proof. */
const DIALOG_GONE_MS = 60_000
/** Refreshes come well before the end of a session; clocks of nodes differ a little. */
const SESSION_GRACE_MS = 30_000

export interface EndQuery {
  callUuid: string
  cause: EndCause
  /** Epoch milliseconds at the edge that saw the end. */
  stoppedAt: number
  relay?: string
  /** Tag of the callee in the dialog that ended: of a forked call with two answers only the recorded one counts. */
  calleeTag?: string
}

interface OpenCall {
  startedAt: number
  /** Monotonic time since when the call looks lost, by the sweep's tests. */
  doubtfulSince?: number
}

/**
 * The home's side of calls: ends them exactly once, and sweeps those of its ranges that nobody ends any more. Every replica
 * keeps the index of open calls, so a new home goes on where the old one died.
 */
export class CallService implements Lifecycle {
  readonly #ring: RingAccess
  readonly #spool: Spool
  readonly #clock: Clock
  readonly #log: Logger
  readonly #sendByes: (dialog: DialogRecord, cause: EndCause) => Promise<void>
  readonly #open = new Map<string, OpenCall>()
  /** The last ones that ended: a node that catches up may get the halves of a record in any order. */
  readonly #ended = new Set<string>()
  readonly #ending = new Map<string, Promise<void>>()
  #unwatch: (() => void) | undefined
  #timer: Timer | undefined

  constructor(components: {
    ring: RingAccess
    spool: Spool
    clock: Clock
    logger: Logger
    /** Sends BYE to both parties. */
    sendByes: (dialog: DialogRecord, cause: EndCause) => Promise<void>
  }) {
    this.#ring = components.ring
    this.#spool = components.spool
    this.#clock = components.clock
    this.#log = components.logger.forComponent('node:calls')
    this.#sendByes = components.sendByes
    this.#ring.rpc.serve<EndQuery, void>('call.end', (query) => this.end(query))
    this.#ring.rpc.serve<{ callUuid: string }, { known: boolean }>('call.silent', ({ callUuid }) =>
      this.#silent(callUuid),
    )
  }

  async start(): Promise<void> {
    this.#unwatch ??= this.#ring.store.set.watch('cdr/', (key, body) => {
      const [, callUuid, , half] = key.name.split('/')
      if (callUuid === undefined) return
      if (half !== 'open') this.#noteEnd(callUuid)
      else if (!this.#ended.has(callUuid)) this.#open.set(callUuid, { startedAt: (body as CallOpened).startedAt })
    })
    this.#timer ??= every(
      this.#clock,
      SWEEP_PERIOD_MS,
      () => this.#sweep(),
      (error) => this.#log.warn('sweep of calls failed', { error: errorMessage(error) }),
    )
  }

  #noteEnd(callUuid: string): void {
    this.#open.delete(callUuid)
    makeRoom(this.#ended, ENDED_KEPT_MAX)
    this.#ended.add(callUuid)
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#unwatch?.()
    this.#unwatch = undefined
    await Promise.allSettled(this.#ending.values())
  }

  /** Calls going on whose range this node is home of. */
  count(): number {
    let calls = 0
    for (const callUuid of this.#open.keys()) if (this.#isHome(callUuid)) calls++
    return calls
  }

  /** Releases the relay and closes the record; however often called, once. */
  end(query: EndQuery): Promise<void> {
    const running = this.#ending.get(query.callUuid)
    if (running) return running
    const ending = this.#endOnce(query).finally(() => this.#ending.delete(query.callUuid))
    this.#ending.set(query.callUuid, ending)
    return ending
  }

  async #endOnce(query: EndQuery): Promise<void> {
    const { callUuid, cause } = query
    if (rangeOfCall(callUuid) === undefined) return
    const entries = await this.#entries(callUuid)
    if (!dialogOf(entries) && (await this.#isClosed(callUuid))) return
    const answeredBy = dialogOf(entries)?.dialog.callee.tag
    if (query.calleeTag !== undefined && answeredBy !== undefined && answeredBy !== query.calleeTag) return
    const relay = query.relay ?? dialogOf(entries)?.relay
    const media = (relay === undefined ? undefined : await this.#release(relay, callUuid)) ?? proofOf(entries)
    // Nobody pays for the time that it took to find out. Without any proof nothing was carried.
    const proven = media?.provenAt ?? this.#open.get(callUuid)?.startedAt
    const stoppedAt = cause === 'media-timeout' || cause === 'lost' ? (proven ?? query.stoppedAt) : query.stoppedAt
    const closed: CallClosed = {
      callUuid,
      leg: 'a',
      stoppedAt,
      cause,
      callerBytes: media?.callerBytes ?? 0,
      calleeBytes: media?.calleeBytes ?? 0,
      callerPackets: media?.callerPackets ?? 0,
      calleePackets: media?.calleePackets ?? 0,
      codecs: media?.codecs ?? [],
    }
    try {
      await this.#ring.store.set.put(stoppedKey(callUuid), closed)
    } catch (error) {
      this.#log.warn('end of call spooled at this node', { call: callUuid, error: errorMessage(error) })
      await this.#spool.add(stoppedKey(callUuid), closed)
    }
    this.#noteEnd(callUuid)
    const { soft } = this.#ring.store
    await Promise.allSettled(['dialog', 'media', 'session'].map((sub) => soft.remove(callKey(callUuid), sub)))
  }

  async #release(relay: string, callUuid: string): Promise<MediaProof | undefined> {
    try {
      return (
        (await this.#ring.rpc.call<MediaProof | null>(relay, 'media.release', { callUuid }, { timeoutMs: 500 })) ??
        undefined
      )
    } catch {
      // The relay is dead: what it proved last is in the soft record.
      return undefined
    }
  }

  async #silent(callUuid: string): Promise<{ known: boolean }> {
    const state = dialogOf(await this.#entries(callUuid))
    if (!state) return { known: false }
    await this.#terminate(callUuid, state, 'media-timeout')
    return { known: true }
  }

  /** Ends a call that its parties did not: BYE to both, whose answers nobody waits for, then as any end. */
  async #terminate(callUuid: string, state: DialogState | undefined, cause: EndCause): Promise<void> {
    if (state) {
      this.#sendByes(state.dialog, cause).catch((error) => {
        this.#log.info('BYE was not answered', { call: callUuid, error: errorMessage(error) })
      })
    }
    await this.end({ callUuid, cause, stoppedAt: this.#clock.wall() })
  }

  async #sweep(): Promise<void> {
    const local = new Map<string, SoftEntry<DialogState | MediaProof>[]>()
    for (const { key, entries } of this.#ring.store.soft.local<DialogState | MediaProof>('call/'))
      local.set(key.name, entries)
    const own = [...this.#open].filter(([callUuid]) => this.#isHome(callUuid))
    for (let at = 0; at < own.length; at += SWEEP_AT_ONCE) {
      const judged = own.slice(at, at + SWEEP_AT_ONCE).map(async ([callUuid, call]) => {
        await this.#judge(callUuid, call, local.get(`call/${callUuid}`) ?? (await this.#entries(callUuid)))
      })
      for (const { reason } of (await Promise.allSettled(judged)).filter((one) => one.status === 'rejected')) {
        this.#log.warn('a call could not be judged', { error: errorMessage(reason) })
      }
    }
  }

  async #judge(callUuid: string, call: OpenCall, entries: SoftEntry<DialogState | MediaProof>[]): Promise<void> {
    const state = dialogOf(entries)
    const age = this.#clock.wall() - call.startedAt
    if (state && age > CALL_MAX_MS) return this.#terminate(callUuid, state, 'max-duration')

    if (state && isForsaken(entries, call.startedAt, this.#clock.wall()))
      return this.#terminate(callUuid, state, 'lost')

    const patience = doubt(state, entries, age, (relay) => this.#ring.members.isLive(relay))
    if (patience === undefined) {
      delete call.doubtfulSince
      return
    }
    call.doubtfulSince ??= this.#clock.now()
    if (this.#clock.now() - call.doubtfulSince < patience) return
    if (await this.#isClosed(callUuid)) {
      this.#open.delete(callUuid)
      return
    }
    this.#log.info('lost call ended', { call: callUuid })
    await this.#terminate(callUuid, state, 'lost')
  }

  async #isClosed(callUuid: string): Promise<boolean> {
    return (await this.#ring.store.set.get(stoppedKey(callUuid))) !== undefined
  }

  #isHome(callUuid: string): boolean {
    const range = rangeOfCall(callUuid)
    return range !== undefined && this.#ring.ranges.isHome(range)
  }

  #entries(callUuid: string): Promise<SoftEntry<DialogState | MediaProof>[]> {
    return this.#ring.store.soft.read<DialogState | MediaProof>(callKey(callUuid))
  }

  /** The opened half of a record: for answers to `thor-node calls`. */
  opened(callUuid: string): Promise<CallOpened | undefined> {
    return this.#ring.store.set.get<CallOpened>(openedKey(callUuid))
  }
}

/** How long (ms) a call may stay as it looks before it counts as lost; undefined when nothing is wrong. Pure. */
export function doubt(
  state: DialogState | undefined,
  entries: readonly SoftEntry<unknown>[],
  ageMs: number,
  isLive: (relay: string) => boolean,
): number | undefined {
  if (!state) return DIALOG_GONE_MS
  if (state.relay === undefined) return undefined
  if (!isLive(state.relay)) return RELAY_GONE_MS
  if (ageMs > PROOF_MISSED_MS && !entries.some(isFreshProof)) return SWEEP_PERIOD_MS
  return undefined
}

/**
 * The parties wanted to say that they are there (RFC 4028), have not, and have sent no media of late either: a refresh that
 * only was not written down ends nothing.
 */
export function isForsaken(entries: readonly SoftEntry<unknown>[], startedAt: number, wallMs: number): boolean {
  const session = entries.find(({ sub }) => sub === 'session')?.body as SessionState | undefined
  if (!session || wallMs < session.until + SESSION_GRACE_MS) return false
  const proof = entries.find(({ sub }) => sub === 'media')?.body as MediaProof | undefined
  return wallMs - (proof?.provenAt ?? startedAt) > PROOF_FRESH_MS
}

const dialogOf = (entries: readonly SoftEntry<DialogState | MediaProof>[]): DialogState | undefined =>
  entries.find((entry) => entry.sub === 'dialog')?.body as DialogState | undefined

const isFreshProof = (entry: SoftEntry<unknown>): boolean =>
  entry.sub === 'media' && proofAgeMs(entry as SoftEntry<MediaProof>) < PROOF_FRESH_MS

const proofOf = (entries: readonly SoftEntry<DialogState | MediaProof>[]): MediaProof | undefined =>
  entries.find((entry) => entry.sub === 'media')?.body as MediaProof | undefined
