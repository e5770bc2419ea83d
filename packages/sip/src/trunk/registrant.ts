/** Drives the registration of one trunk: sends REGISTER, answers challenges, takes away what an earlier node left behind. */
import { type Clock, errorMessage, type Logger, type Random, randomHex, type Timer } from '@thor-node/core'
import type { NameAddr, SipRequest, SipResponse, SipUri } from '../message/contract.ts'
import {
  contactExpires,
  escapeUser,
  formatHost,
  formatUri,
  makeRequest,
  parseSeconds,
  parseUri,
  retryAfterOf,
} from '../message/index.ts'
import type { RemoteHop } from '../proxy/hops.ts'
import { portOfUri, transportParam } from '../transport/names.ts'
import type { Agent, Asked } from '../ua/ask.ts'
import { answerChallenge, type Credentials } from './answer.ts'
import {
  initialRegistration,
  type Phase,
  type Registration,
  type RegistrationEffect,
  type RegistrationInput,
  stepRegistration,
} from './registration.ts'
import { ownAddress, type Trunk } from './trunk.ts'

/** Numbers that one attempt may use: its challenges, and what it takes away after. */
export const CSEQS_PER_ATTEMPT = 16
const REGISTER_LIMIT_MS = 10_000
const BACK_OFF_MS = 2_000
const BACK_OFF_MAX_MS = 5 * 60_000
/** Bindings of earlier nodes that are taken away at a time. */
const STALE_MAX = 8

/** The right to register now: a Call-ID that stays, and the first of so many CSeq numbers that nobody else uses. */
export interface RegistrationClaim {
  callId: string
  cseq: number
}

export interface RegistrantReport {
  phase: Phase
  registered: boolean
  /** Of the last final answer; 0: there was none. */
  status: number
  reason: string
  /** Address that answered last. */
  address?: string
}

export interface RegistrantComponents {
  agent: Agent
  clock: Clock
  random: Random
  logger: Logger
  /** Asked before each attempt. Rejects when this node may not, or the ring does not answer. */
  claim(): Promise<RegistrationClaim>
  /** Does this URI name a node of the ring, alive or not? */
  isNode(uri: SipUri): boolean
  onChange(): void
}

export class Registrant {
  readonly #c: RegistrantComponents
  readonly #trunk: Trunk
  readonly #credentials: Credentials | undefined
  readonly #log: Logger
  #state: Registration
  #timer: Timer | undefined
  /** Answers to earlier ones are not heard. */
  #attempt = 0
  #claim: RegistrationClaim | undefined
  #sent: SipRequest | undefined
  #challenge: SipResponse | undefined
  #last: { status: number; reason: string; address?: string } = { status: 0, reason: '' }
  #atRest: (() => void) | undefined

  constructor(components: RegistrantComponents, init: { trunk: Trunk; credentials?: Credentials }) {
    this.#c = components
    this.#trunk = init.trunk
    this.#credentials = init.credentials
    this.#log = components.logger.forComponent('sip:trunk')
    this.#state = initialRegistration(init.trunk.expires)
  }

  get report(): RegistrantReport {
    const { phase, boundUntil } = this.#state
    return { phase, registered: boundUntil > this.#c.clock.now(), ...this.#last }
  }

  start(): void {
    this.#feed({ type: 'start' })
  }

  /** Before its time: the carrier may have forgotten. */
  refresh(): void {
    this.#feed({ type: 'timer' })
  }

  /** Another node goes on. */
  stop(): void {
    this.#feed({ type: 'stop' })
  }

  /** Takes the binding back; resolves when the carrier has answered, or does not. */
  async unregister(): Promise<void> {
    const rest = new Promise<void>((resolve) => {
      this.#atRest = resolve
    })
    this.#feed({ type: 'unregister' })
    if (this.#state.phase !== 'idle') await rest
  }

  #feed(input: RegistrationInput): void {
    const { clock, random } = this.#c
    const chance = random.float()
    const context = { now: clock.now(), chance, backOffMs: BACK_OFF_MS, backOffMaxMs: BACK_OFF_MAX_MS }
    const { state, effects } = stepRegistration(this.#state, input, context)
    const changed = state.phase !== this.#state.phase
    this.#state = state
    for (const effect of effects) this.#apply(effect)
    if (changed) this.#c.onChange()
    if (state.phase === 'idle') this.#atRest?.()
  }

  #apply(effect: RegistrationEffect): void {
    switch (effect.type) {
      case 'send':
        void this.#send(effect.expires, ++this.#attempt)
        return
      case 'answer':
        void this.#answer(effect.expires, this.#attempt)
        return
      case 'abandon':
        this.#attempt++
        return
      case 'arm':
        this.#timer?.cancel()
        this.#timer = this.#c.clock.after(effect.afterMs, () => this.#feed({ type: 'timer' }))
        return
      case 'disarm':
        this.#timer?.cancel()
    }
  }

  async #send(expires: number, attempt: number): Promise<void> {
    try {
      const claim = await this.#c.claim()
      if (attempt !== this.#attempt) return
      this.#claim = claim
      await this.#exchange(expires, attempt)
    } catch (error) {
      this.#failed(attempt, error)
    }
  }

  async #answer(expires: number, attempt: number): Promise<void> {
    const { sent, header } = { sent: this.#sent, header: this.#answerTo(this.#challenge, this.#sent) }
    if (!this.#claim || !sent || !header) return
    this.#claim.cseq++
    try {
      await this.#exchange(expires, attempt, header)
    } catch (error) {
      this.#failed(attempt, error)
    }
  }

  #failed(attempt: number, error: unknown): void {
    if (attempt !== this.#attempt) return
    this.#log.info('no answer to a registration', { trunk: this.#trunk.name, error: errorMessage(error) })
    this.#last = { status: 0, reason: errorMessage(error) }
    this.#feed({ type: 'failure' })
  }

  async #exchange(expires: number, attempt: number, header?: readonly [string, string]): Promise<void> {
    const asked = await this.#ask((contact) => [[contact, expires]], header)
    if (attempt !== this.#attempt) return
    this.#hear(asked)
    const { response, hop } = asked
    if (this.#state.phase === 'registered') await this.#takeAway(this.#staleIn(response, this.#contactAt(hop)))
  }

  #hear({ response, hop }: Asked): void {
    const { status, reason } = response
    const own = this.#contactAt(hop)
    this.#last = { status, reason, address: hop.remote.host }
    this.#challenge = response
    const seconds = (name: string): number | undefined => parseSeconds(response.headers.get(name)?.split(/[\s;(]/)[0])
    const mine = contactsOf(response).find(({ uri }) => isSameEnd(uri, parseUri(own)))
    const granted = (mine && contactExpires(mine)) ?? seconds('Expires')
    const minExpires = seconds('Min-Expires')
    const retryAfter = retryAfterOf(response.headers.get('Retry-After'))
    if (status >= 300 && status !== 401 && status !== 407) {
      this.#log.warn('a carrier refuses the registration', { trunk: this.#trunk.name, status, reason })
    }
    this.#feed({
      type: 'response',
      status,
      answerable: this.#answerTo(response, this.#sent) !== undefined,
      ...(granted !== undefined && { granted }),
      ...(minExpires !== undefined && { minExpires }),
      ...(retryAfter !== undefined && { retryAfter }),
    })
  }

  /** What nodes of this ring bound earlier: the carrier would ring them too. */
  #staleIn(response: SipResponse, own: string): string[] {
    const mine = parseUri(own)
    return contactsOf(response)
      .filter(({ uri }) => uri.user === mine.user && !isSameEnd(uri, mine) && this.#c.isNode(uri))
      .slice(0, STALE_MAX)
      .map(({ uri }) => formatUri(uri))
  }

  async #takeAway(stale: readonly string[]): Promise<void> {
    const claim = this.#claim
    const attempt = this.#attempt
    if (stale.length === 0 || !claim) return
    let header: readonly [string, string] | undefined
    for (let tries = 0; tries < 3; tries++) {
      claim.cseq++
      const { response } = await this.#ask(() => stale.map((contact) => [contact, 0]), header)
      if (attempt !== this.#attempt) return
      header = this.#answerTo(response, this.#sent)
      if (header) continue
      this.#log.info('bindings of earlier nodes taken away', {
        trunk: this.#trunk.name,
        stale,
        status: response.status,
      })
      return
    }
  }

  #ask(
    contacts: (own: string) => readonly (readonly [string, number])[],
    header?: readonly [string, string],
  ): Promise<Asked> {
    const { callId, cseq } = this.#claim as RegistrationClaim
    const { domain, target } = this.#trunk
    const address = ownAddress(this.#trunk, this.#user)
    const fromTag = randomHex(this.#c.random, 5)
    const make = (hop: RemoteHop): SipRequest => {
      const request = makeRequest({
        method: 'REGISTER',
        uri: `sip:${formatHost(domain)}`,
        from: `<${address}>;tag=${fromTag}`,
        to: `<${address}>`,
        callId,
        cseq,
        headers: [
          ...contacts(this.#contactAt(hop)).map(([uri, s]) => ['Contact', `<${uri}>;expires=${s}`] as const),
          ...(header ? [header] : []),
          ['User-Agent', 'thor-node'],
        ],
      })
      this.#sent = request
      return request
    }
    return this.#c.agent.ask(parseUri(target), make, REGISTER_LIMIT_MS)
  }

  #answerTo(response: SipResponse | undefined, sent: SipRequest | undefined) {
    if (!response || !sent || !this.#credentials) return undefined
    return answerChallenge(sent, response, this.#credentials, this.#c.random)
  }

  get #user(): string {
    return this.#credentials?.user ?? this.#trunk.name
  }

  #contactAt({ via, transport }: RemoteHop): string {
    return `sip:${escapeUser(this.#user)}@${formatHost(via.host)}:${via.port}${transportParam(transport)}`
  }
}

/** Whatever parameters a carrier has put on. */
const isSameEnd = (a: SipUri, b: SipUri): boolean => a.host === b.host && portOfUri(a) === portOfUri(b)

const contactsOf = ({ contacts }: SipResponse): readonly NameAddr[] =>
  contacts === undefined || contacts === '*' ? [] : contacts
