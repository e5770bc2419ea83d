import type { CallOpened } from '@thor-node/accounting'
import { type Aor, type Clock, errorMessage, type Logger, type Random } from '@thor-node/core'
import { codecNames, parseSdp } from '@thor-node/media'
import type { Calls } from '@thor-node/sip'
import {
  callKey,
  type DialogState,
  historyKey,
  makeCallUuid,
  openedKey,
  rangeOfCall,
  type SessionState,
} from './call-keys.ts'
import type { EndQuery } from './call-service.ts'
import type { Relays } from './relays.ts'
import type { RingAccess } from './ring-access.ts'
import type { Spool } from './spool.ts'

type Answered = Parameters<Calls['answered']>[0]

/** No call lasts longer: the home ends it then. */
export const CALL_MAX_MS = 12 * 3_600_000
/** The soft state of a call outlives that: without it the home could not send BYE. */
const DIALOG_TTL_MS = CALL_MAX_MS + 10 * 60_000

/** Calls as the edge keeps them: opened before the 200 OK goes to the caller, ended through the home of the call's range. */
export class CallsAdapter implements Calls {
  readonly #ring: RingAccess
  readonly #relays: Relays
  readonly #spool: Spool
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Logger
  readonly #nodeName: string

  constructor(
    components: { ring: RingAccess; relays: Relays; spool: Spool; clock: Clock; random: Random; logger: Logger },
    init: { nodeName: string },
  ) {
    this.#ring = components.ring
    this.#relays = components.relays
    this.#spool = components.spool
    this.#clock = components.clock
    this.#random = components.random
    this.#log = components.logger.forComponent('node:calls')
    this.#nodeName = init.nodeName
  }

  newCallUuid(billedTo: Aor): string {
    return makeCallUuid(billedTo, this.#random)
  }

  async answered(query: Answered): Promise<void> {
    const { dialog, billedTo, callee } = query
    const { callUuid } = dialog
    const opened: CallOpened = {
      callUuid,
      leg: 'a',
      callId: dialog.callId,
      fromTag: dialog.caller.tag,
      toTag: dialog.callee.tag,
      billedTo,
      caller: dialog.caller.identity,
      callee: dialog.callee.identity,
      requestUri: query.requestUri,
      ...(query.enum && { enum: query.enum }),
      startedAt: this.#clock.wall(),
      callerUserAgent: dialog.caller.userAgent,
      calleeUserAgent: dialog.callee.userAgent,
      codecs: codecsOf(query.sdpCallee ?? query.sdpCaller),
      node: this.#nodeName,
    }
    const state: DialogState = { dialog, answeredAt: opened.startedAt }
    const relay = this.#relays.known(callUuid)
    if (relay !== undefined) state.relay = relay
    const soft = this.#ring.store.soft.put(callKey(callUuid), { sub: 'dialog', body: state, ttlMs: DIALOG_TTL_MS })
    const durable = [
      this.#keep(openedKey(callUuid), opened),
      this.#keep(historyKey('placed', billedTo, callUuid), { callUuid }),
    ]
    if (query.sessionSeconds)
      this.refreshed({ callUuid, seconds: query.sessionSeconds }).catch(this.#notStored(callUuid))
    if (callee !== undefined) durable.push(this.#keep(historyKey('received', callee, callUuid), { callUuid }))
    await Promise.all([...durable, soft.catch(this.#notStored(callUuid))])
  }

  async refreshed({ callUuid, seconds }: { callUuid: string; seconds: number }): Promise<void> {
    if (rangeOfCall(callUuid) === undefined) return
    const body: SessionState = { until: this.#clock.wall() + Math.min(seconds * 1_000, CALL_MAX_MS) }
    await this.#ring.store.soft.put(callKey(callUuid), { sub: 'session', body, ttlMs: DIALOG_TTL_MS })
  }

  #notStored(callUuid: string): (error: unknown) => void {
    return (error) => this.#log.warn('dialog not stored', { call: callUuid, error: errorMessage(error) })
  }

  async ended(query: Parameters<Calls['ended']>[0]): Promise<void> {
    const { callUuid } = query
    const range = rangeOfCall(callUuid)
    if (range === undefined) return
    const relay = this.#relays.known(callUuid)
    const end: EndQuery = {
      callUuid,
      cause: query.cause,
      stoppedAt: this.#clock.wall(),
      ...(relay && { relay }),
      ...(query.calleeTag && { calleeTag: query.calleeTag }),
    }
    await this.#ring.callHome(range, 'call.end', end)
    this.#relays.forget(callUuid)
  }

  async failed(query: Parameters<Calls['failed']>[0]): Promise<void> {
    const relay = this.#relays.known(query.callUuid)
    if (relay === undefined) return
    this.#relays.forget(query.callUuid)
    await this.#ring.rpc.call(relay, 'media.release', { callUuid: query.callUuid })
  }

  /** Stores a record of the call; without a quorum it is kept on this node's disk and pushed later. */
  async #keep(key: ReturnType<typeof openedKey>, body: unknown): Promise<void> {
    try {
      await this.#ring.store.set.put(key, body)
    } catch (error) {
      this.#log.warn('call record spooled at this node', { record: key.name, error: errorMessage(error) })
      await this.#spool.add(key, body)
    }
  }
}

/** What the answer chose, until media shows what is really spoken. */
function codecsOf(sdp: string | undefined): string[] {
  if (sdp === undefined) return []
  try {
    return [
      ...new Set(
        parseSdp(sdp)
          .streams.filter((stream) => stream.port !== 0)
          .flatMap(codecNames),
      ),
    ]
  } catch {
    return []
  }
}
