/**
 * Keeps what is said to and by the accounts that are traced: a ring of messages for each, the oldest dropped first. A message is an
 * account's when From, To or the Request-URI names it, or when another of the same Call-ID was.
 */
import { type Aor, type Clock, formatAddress, makeAor, makeRoom } from '@thor-node/core'
import { traceLimits } from '../limits.ts'
import type { SipUri } from '../message/contract.ts'
import { parseUri, unescapeUser } from '../message/index.ts'
import type { DialPlan } from '../numbers/dial-plan.ts'
import { dialledIn } from '../numbers/dialled.ts'
import type { Path, Tap, TracedMessage, Watched } from './contract.ts'

interface Trace extends Watched {
  messages: TracedMessage[]
  bytes: number
  dropped: number
}

const HEAD_BYTES = 4_096
const CALL_ID = /\r\n(?:call-id|i)[ \t]*:[ \t]*([^\s]+)/i
const PARTIES = /(?:^[A-Z]+ |\r\n(?:from|f|to|t)[ \t]*:[^\r\n]*?)((?:sips?|tel):[^>;,\s"]+)/gi
/** `response` of digest credentials could be guessed at for ever. As long as it was, so that lengths stay true. */
const RESPONSE = /(\r\n(?:proxy-)?authorization[ \t]*:[^\r\n]*?\bresponse[ \t]*=[ \t]*"?)([0-9a-f]+)/gi
/** Looks at the clock of whole milliseconds until it is known when they begin. */
const SAMPLES = 20_000

export class TraceRecorder implements Tap {
  readonly #clock: Clock
  readonly #planOf: (domain: string | undefined) => DialPlan
  readonly #onCall: (account: Aor, callId: string) => void
  #traces = new Map<Aor, Trace>()
  #names = new Map<string, Aor[]>()
  readonly #calls = new Map<string, Set<Aor>>()
  #seq = 0
  #offset = Number.NEGATIVE_INFINITY

  /** `onCall`: a Call-ID was found to be an account's here; others may see messages of it that do not name him. */
  constructor(components: {
    clock: Clock
    planOf(domain: string | undefined): DialPlan
    onCall?(account: Aor, callId: string): void
  }) {
    this.#clock = components.clock
    this.#planOf = components.planOf
    this.#onCall = components.onCall ?? (() => undefined)
  }

  /** Somebody is traced. */
  get active(): boolean {
    return this.#traces.size > 0
  }

  /** Who is traced from now on. What was kept of those who stay is kept; of others it is forgotten. */
  watch(list: readonly Watched[]): void {
    const before = this.#traces
    if (before.size === 0 && list.length > 0) for (let i = 0; i < SAMPLES; i++) this.#now()
    this.#traces = new Map(
      list.slice(0, traceLimits.tracesMax).map((watched) => {
        const { messages = [], bytes = 0, dropped = 0 } = before.get(watched.account) ?? {}
        return [watched.account, { ...watched, messages, bytes, dropped }]
      }),
    )
    this.#names = new Map()
    for (const { account, names } of this.#traces.values()) {
      for (const name of names)
        this.#names.set(name.toLowerCase(), [...(this.#names.get(name.toLowerCase()) ?? []), account])
    }
    if (list.length === 0) this.#calls.clear()
  }

  /** Another node found it. */
  learn(account: Aor, callId: string): void {
    if (!this.#traces.has(account)) return
    const known = this.#calls.get(callId)
    if (known) {
      known.add(account)
      return
    }
    makeRoom(this.#calls, traceLimits.callsMax)
    this.#calls.set(callId, new Set([account]))
  }

  saw(direction: 'in' | 'out', bytes: Uint8Array, { transport, local, remote }: Path): void {
    const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEAD_BYTES)).toString('latin1')
    const callId = CALL_ID.exec(head)?.[1]
    if (callId === undefined) return
    const accounts = this.#accountsIn(head, callId)
    if (accounts.size === 0) return
    const at = this.#now()
    const size = Math.min(bytes.length, traceLimits.messageBytesMax)
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, size)
      .toString('latin1')
      .replace(RESPONSE, (_, before: string, hex: string) => before + 'x'.repeat(hex.length))
    const seq = ++this.#seq
    const [from, to] = [formatAddress(local), formatAddress(remote)]
    for (const account of accounts) {
      const trace = this.#traces.get(account)
      if (trace && at < trace.until)
        keep(trace, { seq, at, direction, transport, local: from, remote: to, callId, text })
    }
  }

  /** Those after `seq`, the oldest first, some at a time; `dropped`: how many had to go unread or not. */
  read(account: Aor, after = 0): { messages: TracedMessage[]; dropped: number } {
    const { messages = [], dropped = 0 } = this.#traces.get(account) ?? {}
    const found = messages.filter(({ seq }) => seq > after)
    return { messages: found.slice(0, traceLimits.readMax), dropped }
  }

  /** Those of one call, whoever is traced. */
  ofCall(callId: string): TracedMessage[] {
    const all = [...this.#traces.values()].flatMap(({ messages }) => messages)
    const own = new Map(all.filter((one) => one.callId === callId).map((one) => [one.seq, one]))
    return [...own.values()].sort((a, b) => a.seq - b.seq).slice(0, traceLimits.readMax)
  }

  #accountsIn(head: string, callId: string): ReadonlySet<Aor> {
    const found = new Set(this.#calls.get(callId))
    for (const [, uri = ''] of head.matchAll(PARTIES)) {
      for (const account of this.#accountsOf(uri)) {
        if (found.has(account)) continue
        found.add(account)
        this.learn(account, callId)
        this.#onCall(account, callId)
      }
    }
    return found
  }

  #accountsOf(text: string): readonly Aor[] {
    let uri: SipUri
    try {
      uri = parseUri(text)
    } catch {
      return []
    }
    const forms = dialledIn(uri, uri.host, this.#planOf)?.forms ?? [unescapeUser(uri.user ?? '')]
    if (uri.host !== '') return forms.flatMap((form) => this.#names.get(makeAor(form, uri.host).toLowerCase()) ?? [])
    // `tel:` says no domain.
    return [...this.#names].flatMap(([name, accounts]) =>
      forms.includes(name.slice(0, name.lastIndexOf('@'))) ? accounts : [],
    )
  }

  /** Wall time finer than the clock's: its milliseconds begin where `wall - now` is greatest. */
  #now(): number {
    const now = this.#clock.now()
    const difference = this.#clock.wall() - now
    // It was set back.
    if (this.#offset - difference > 2) this.#offset = difference
    this.#offset = Math.max(this.#offset, difference)
    return now + this.#offset
  }
}

function keep(trace: Trace, message: TracedMessage): void {
  trace.messages.push(message)
  trace.bytes += message.text.length
  while (trace.messages.length > traceLimits.messagesMax || trace.bytes > traceLimits.bytesMax) {
    trace.bytes -= trace.messages.shift()?.text.length ?? 0
    trace.dropped++
  }
}
