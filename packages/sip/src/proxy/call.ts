/** One INVITE on its way: offer and answers pass the relay, the first 2xx opens the call record, a failure frees it all. */
import { type Address, type Aor, errorMessage, type Logger } from '@thor-node/core'
import type { DialogRecord, LedByEnum } from '../delegates.ts'
import { dialogRecord } from '../dialog/record.ts'
import type { SipRequest, SipResponse } from '../message/contract.ts'
import { formatUri } from '../message/uri.ts'
import { sendAck, sendBye } from '../ua/bye.ts'
import type { ProxyComponents } from './context.ts'
import type { Reach } from './cookie.ts'
import type { ForkHooks } from './fork.ts'
import type { RemoteHop } from './hops.ts'
import { ANSWERS_MAX } from './limits.ts'
import { branchName, passThroughRelay, sdpOf } from './session-description.ts'
import { sessionSeconds } from './session-timer.ts'

export interface CallInit {
  callUuid: string
  /** After its Routes were dealt with, before ours were added. */
  invite: SipRequest
  billedTo: Aor
  /** Account of the callee, if one of ours. */
  callee?: Aor
  /** What led it, where ENUM did. */
  led?: LedByEnum
  caller: { identity?: Aor; reach?: Reach; remote: Address }
}

interface Answer {
  upstream: SipResponse | undefined
  /** The dialog that was ended here instead. */
  hungUp?: DialogRecord
}

export class Call implements ForkHooks {
  readonly #c: ProxyComponents
  readonly #init: CallInit
  readonly #log: Logger
  readonly #lateOffer: boolean
  /** By To tag: what became of a dialog, for the retransmissions of its 2xx. */
  readonly #answers = new Map<string, Answer>()
  #outcome: 'open' | 'answered' | 'refused' = 'open'

  constructor(components: ProxyComponents, init: CallInit) {
    this.#c = components
    this.#init = init
    this.#log = components.logger.forComponent('sip:call')
    this.#lateOffer = sdpOf(init.invite) === undefined
  }

  /**
   * Passes the offer of every branch through the relay, which gives each branch ports of its own. The first one goes alone:
   * it chooses the relay. Rejects as `MediaControl.rewrite` does.
   */
  async offer(branches: readonly { request: SipRequest; towards: Address | undefined }[]): Promise<void> {
    const { callUuid, caller } = this.#init
    const pass = ({ request, towards }: (typeof branches)[number], branch: number): Promise<void> =>
      passThroughRelay(this.#c.media, request, {
        callUuid,
        side: 'caller',
        kind: 'offer',
        branch: branchName(branch),
        from: caller.remote,
        ...(towards && towards.port > 0 && { towards }),
      })
    const [first, ...rest] = branches
    if (!first || this.#lateOffer) return
    await pass(first, 0)
    await Promise.all(rest.map((one, index) => pass(one, index + 1)))
  }

  async prepare(branch: number, response: SipResponse, hop: RemoteHop | undefined): Promise<SipResponse | undefined> {
    if (response.status >= 300) return response
    if (response.status < 200) return this.#progress(branch, response, hop)
    const tag = response.to.params.get('tag') ?? ''
    const known = this.#answers.get(tag)
    if (known) {
      // The ACK was lost.
      if (known.hungUp) await sendAck(this.#c, known.hungUp).catch(() => undefined)
      return known.upstream
    }
    if (this.#answers.size >= ANSWERS_MAX) return undefined
    const answer = await this.#answer(branch, response, hop)
    this.#answers.set(tag, answer)
    return answer.upstream
  }

  onFinal(status: number): void {
    if (status < 300 || this.#outcome !== 'open') return
    this.#outcome = 'refused'
    const { callUuid } = this.#init
    this.#c.calls
      .failed({ callUuid, status })
      .catch((error) => this.#log.warn('failed call not released', { call: callUuid, error: errorMessage(error) }))
  }

  async #progress(branch: number, response: SipResponse, hop: RemoteHop | undefined): Promise<SipResponse> {
    try {
      await this.#relay(branch, response, hop)
    } catch (error) {
      // Early media is a courtesy: the call may still be answered.
      this.#log.info('no relay for early media', { call: this.#init.callUuid, error: errorMessage(error) })
      response.body = new Uint8Array(0)
      response.headers.remove('Content-Type')
    }
    return response
  }

  async #answer(branch: number, received: SipResponse, hop: RemoteHop | undefined): Promise<Answer> {
    const { calls } = this.#c
    const { callUuid, invite, billedTo, callee, caller, led } = this.#init
    const dialog = dialogRecord({
      callUuid,
      invite,
      answer: received,
      caller: { identity: caller.identity ?? formatUri(invite.from.uri), reach: caller.reach },
      callee: { identity: callee ?? formatUri(invite.requestUri), reach: hop?.reach },
    })
    const sdpCallee = sdpOf(received)
    try {
      await this.#relay(branch, received, hop)
    } catch (error) {
      this.#log.warn('no relay for an answer, hanging up', { call: callUuid, error: errorMessage(error) })
      return this.#hangUp(dialog)
    }
    // The caller has been told that there is no call.
    if (this.#outcome === 'refused') return this.#hangUp(dialog)
    // A second device that answered at the same time: the caller hangs it up, and the record has its dialog already.
    if (this.#outcome === 'answered') return { upstream: received }
    this.#outcome = 'answered'
    try {
      const sdpCaller = sdpOf(invite)
      const seconds = sessionSeconds(received)
      await calls.answered({
        dialog,
        billedTo,
        requestUri: invite.uri,
        ...(callee !== undefined && { callee }),
        ...(led && { enum: led }),
        ...(sdpCaller !== undefined && { sdpCaller }),
        ...(sdpCallee !== undefined && { sdpCallee }),
        ...(seconds !== undefined && { sessionSeconds: seconds }),
      })
    } catch (error) {
      this.#log.warn('call record not opened, going on', { call: callUuid, error: errorMessage(error) })
    }
    return { upstream: received }
  }

  /** ACK and BYE for a callee whose 2xx cannot go upstream; 503 for the caller, unless he has had his answer. */
  async #hangUp(dialog: DialogRecord): Promise<Answer> {
    await sendAck(this.#c, dialog).catch(() => undefined)
    const reason = { protocol: 'SIP', cause: 503, text: 'no media relay' } as const
    sendBye(this.#c, dialog, 'callee', reason).catch(() => undefined)
    const upstream = this.#outcome === 'open' ? this.#c.replier.unavailable(this.#init.invite) : undefined
    return { upstream, hungUp: dialog }
  }

  async #relay(branch: number, response: SipResponse, hop: RemoteHop | undefined): Promise<void> {
    const kind = this.#lateOffer ? 'offer' : 'answer'
    const from = hop?.remote ?? this.#init.caller.remote
    const { callUuid } = this.#init
    const context = {
      callUuid,
      side: 'callee',
      kind,
      branch: branchName(branch),
      from,
      towards: this.#init.caller.remote,
    } as const
    await passThroughRelay(this.#c.media, response, context)
  }
}
