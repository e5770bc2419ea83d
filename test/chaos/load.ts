/**
 * The load of a chaos run, a process of its own: clients that write, look up, register and call at all nodes, and tell what they
 * heard. Started by `load-process.ts`, which it answers over IPC.
 *
 * Each account has one writer, who sets its name to c1, c2, c3 …: the next only when the last is acknowledged. After an attempt
 * whose outcome stayed open the writer repeats the same value elsewhere, and goes on to the next value only when the open
 * attempt must have ended: until then it might take effect, and rightly.
 */
import { connectControl, type NodeOperations } from '@thor-node/nodes'
import { Phone } from '../support/phone.ts'
import { statusOf } from '../support/sip-message.ts'
import type { Operation } from './history.ts'
import type { FromLoad, LoadInit, LoadNode, ToLoad } from './load-messages.ts'
import { SoapClient } from './soap.ts'

const SOAP_LIMIT_MS = 4_000
const LOOKUP_LIMIT_MS = 4_000
const SIP_LIMIT_MS = 2_000
const CALL_LIMIT_MS = 5_000
/** An attempt at a node that runs has ended after this, heard or not. */
const OPEN_MS = 6_000
const IN_FLIGHT_MAX = 12
const RETRY_MS = 30
const RETRY_MS_MAX = 500
const GIVE_UP_MS = 60_000

/** The process ended, before the question or while it was asked. */
const GONE = new Set(['CONTROL_NOT_RUNNING', 'CONTROL_FAILED'])

const now = (): number => performance.timeOrigin + performance.now()
const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 160)
const codeOf = (error: unknown): string => String((error as { code?: unknown } | undefined)?.code ?? '')

/** A client that finds nobody tries again, more and more slowly. */
const backoff = (tries: number): Promise<void> => sleep(Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** Math.max(0, tries - 1)))

class LimitReached extends Error {}

function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LimitReached(`no answer in ${limitMs} ms`)), limitMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

interface Writer {
  wake: (node?: number) => void
  sleeping: boolean
}

interface Client {
  node: LoadNode
  control: NodeOperations
  soap: SoapClient
  inFlight: number
  turn: number
}

class Load {
  readonly #init: LoadInit
  readonly #clients = new Map<number, Client>()
  readonly #targets = new Set<number>()
  readonly #paused = new Set<number>()
  readonly #writers: Writer[] = []
  readonly #phones: Phone[] = []
  readonly #pending = new Set<Promise<unknown>>()
  #list: Operation[] = []
  #wish = 0
  #claims = 0
  #quiet = false

  constructor(init: LoadInit) {
    this.#init = init
    for (const node of init.nodes) this.#addNode(node)
  }

  async start(): Promise<void> {
    const { phones, domain, clientAddress, accounts, everyMs } = this.#init
    for (let index = 0; index < phones; index++) {
      const user = `p${index}`
      const proxy = this.#addressOf(this.#any())
      const init = { user, password: `secret-${user}`, domain, address: clientAddress, proxy }
      this.#phones.push(await new Phone(init).start())
    }
    for (let index = 0; index < accounts; index++) void this.#write(index, everyMs.write * accounts)
    for (const phone of this.#phones) void this.#register(phone)
    setInterval(() => this.#lookEverywhere(), everyMs.lookup)
    if (everyMs.call > 0) setInterval(() => this.#unlessQuiet(() => this.#call()), everyMs.call)
    if (everyMs.claim > 0) setInterval(() => this.#unlessQuiet(() => this.#claim()), everyMs.claim)
    setInterval(() => this.#flush(), 50)
    tell({ type: 'ready' })
  }

  take(message: ToLoad): void {
    if (message.type === 'targets') {
      this.#targets.clear()
      for (const number of message.live) this.#targets.add(number)
    } else if (message.type === 'node') this.#addNode(message.node)
    else if (message.type === 'paused') {
      this.#paused.clear()
      for (const number of message.numbers) this.#paused.add(number)
    } else if (message.type === 'burst') {
      for (const { account, node } of message.writes) this.#writers[account]?.wake(node)
      for (const number of message.lookups) this.#lookAt(number)
    } else if (message.type === 'fill') void this.#fill(message.accounts)
    else if (message.type === 'quiet') void this.#becomeQuiet()
    else if (message.type === 'resume') this.#quiet = false
    else {
      this.#flush()
      for (const { soap } of this.#clients.values()) soap.stop()
      process.exit(0)
    }
  }

  #addNode(node: LoadNode): void {
    const soap = new SoapClient(node.address, this.#init.adminPassword)
    this.#clients.set(node.number, { node, control: connectControl(node.data), soap, inFlight: 0, turn: node.number })
    this.#targets.add(node.number)
  }

  async #fill(accounts: number): Promise<void> {
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < accounts) {
        const account = {
          user: `b${next++}`,
          domain: this.#init.domain,
          firstName: 'bulk',
          password: 'x',
          properties: 128,
        }
        for (let left = 5; left > 0; left--) {
          const { outcome, error } = await this.#client(this.#any()).soap.addAccount(account, 20_000)
          if (outcome === 'ok' || error === 'PROVISION_ACCOUNT_EXISTS') break
        }
      }
    }
    await Promise.all([lane(), lane(), lane(), lane()])
    tell({ type: 'filled' })
  }

  async #becomeQuiet(): Promise<void> {
    this.#quiet = true
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending)
    this.#flush()
    tell({ type: 'quiet' })
  }

  #flush(): void {
    if (this.#list.length === 0) return
    tell({ type: 'operations', list: this.#list })
    this.#list = []
  }

  #any(except?: number): number {
    const all = [...this.#targets]
    const others = all.filter((number) => number !== except)
    const from = others.length > 0 ? others : all.length > 0 ? all : [...this.#clients.keys()]
    return from[Math.floor(Math.random() * from.length)] as number
  }

  #addressOf = (number: number): string => this.#client(number).node.address
  #client = (number: number): Client => this.#clients.get(number) as Client

  #unlessQuiet(work: () => Promise<void>): void {
    if (this.#quiet) return
    this.#track(work())
  }

  #track(work: Promise<void>): void {
    const noted = work.finally(() => this.#pending.delete(noted))
    this.#pending.add(noted)
  }

  async #write(account: number, paceMs: number): Promise<void> {
    const user = `u${account}`
    const subject = `${user}@${this.#init.domain}`
    let [value, first, openUntil] = [0, undefined as number | undefined, 0]
    const openAt = new Set<number>()
    const writer: Writer = { wake: () => undefined, sleeping: false }
    this.#writers[account] = writer
    for (;;) {
      const pause = paceMs * (0.6 + 0.8 * Math.random())
      first = await new Promise<number | undefined>((done) => {
        const timer = setTimeout(() => done(undefined), pause)
        writer.wake = (node) => {
          clearTimeout(timer)
          done(node)
        }
      })
      writer.wake = () => undefined
      const open = now() < openUntil || [...openAt].some((number) => this.#paused.has(number))
      if (this.#quiet || open) continue
      openAt.clear()
      value++
      const wish = this.#wish++
      const since = now()
      const attempts = async (): Promise<void> => {
        for (let node = first ?? this.#any(), tries = 1; ; node = this.#any(node), tries++) {
          const from = now()
          const account = { user, domain: this.#init.domain, firstName: `c${value}` }
          const answer = await this.#client(node).soap.updateAccount(account, SOAP_LIMIT_MS)
          const to = now()
          this.#list.push({ type: 'write', wish, subject, value, node, from, to, ...answer })
          if (answer.outcome === 'ok') return
          if (answer.outcome === 'unreachable') this.#targets.delete(node)
          if (answer.outcome === 'unknown') {
            openUntil = to + OPEN_MS
            openAt.add(node)
          }
          if (to - since > GIVE_UP_MS) return
          await backoff(tries)
        }
      }
      const run = attempts()
      this.#track(run)
      await run
    }
  }

  #lookEverywhere(): void {
    if (this.#quiet) return
    for (const number of this.#targets) this.#lookAt(number)
  }

  #lookAt(number: number): void {
    const client = this.#client(number)
    if (client.inFlight >= IN_FLIGHT_MAX) return
    client.inFlight++
    const turn = client.turn++
    const { accounts, phones } = this.#init
    // Every third one is of a phone.
    const work =
      turn % 3 === 2 && phones > 0
        ? this.#readBindings(client, (turn / 3) | 0)
        : this.#readAccount(client, turn % accounts)
    this.#track(work.finally(() => client.inFlight--))
  }

  #readAccount({ node: { number } }: Client, account: number): Promise<void> {
    const subject = `u${account}@${this.#init.domain}`
    return this.#read({ type: 'lookup', subject, node: number }, async (control) => {
      const { displayName } = await control.accountShow({ aor: subject })
      return { value: Number(/^c(\d+)$/.exec(displayName)?.[1] ?? 0) }
    })
  }

  #readBindings({ node: { number } }: Client, turn: number): Promise<void> {
    const subject = `p${turn % this.#init.phones}@${this.#init.domain}`
    return this.#read({ type: 'binding', subject, node: number }, async (control) => {
      const { contacts } = await control.where({ aor: subject })
      return { values: contacts.map(({ userAgent }) => Number(/^chaos\/(\d+)$/.exec(userAgent)?.[1] ?? -1)) }
    })
  }

  /** One attempt; where the node is gone, others are asked, as its clients would. */
  async #read(
    what: { type: 'lookup' | 'binding'; subject: string; node: number },
    read: (control: NodeOperations) => Promise<{ value: number } | { values: number[] }>,
  ): Promise<void> {
    const wish = this.#wish++
    for (let node = what.node, tries = 1; ; node = this.#any(node), tries++) {
      const about = { ...what, node, wish, from: now() }
      try {
        const result = await within(LOOKUP_LIMIT_MS, read(this.#client(node).control))
        this.#list.push({ ...about, to: now(), outcome: 'ok', ...result } as Operation)
        return
      } catch (error) {
        const code = codeOf(error)
        // An account that is not there is an answer, and a bad one.
        const answer = code === 'PROVISION_ACCOUNT_UNKNOWN' ? { outcome: 'ok', value: -1 } : undefined
        const outcome = GONE.has(code) ? 'unreachable' : 'refused'
        const failed = { outcome, error: code === '' || code === 'CONTROL_FAILED' ? messageOf(error) : code }
        this.#list.push({ ...about, to: now(), ...(answer ?? failed) } as Operation)
        if (answer || !GONE.has(code)) return
        if (code === 'CONTROL_NOT_RUNNING') this.#targets.delete(node)
        await backoff(tries)
      }
    }
  }

  async #register(phone: Phone): Promise<void> {
    let value = 0
    for (;;) {
      await sleep(this.#init.everyMs.register * (0.6 + 0.8 * Math.random()))
      if (this.#quiet) continue
      value++
      const wish = this.#wish++
      const since = now()
      const attempts = async (): Promise<void> => {
        for (let node = this.#any(), tries = 1; ; node = this.#any(node), tries++) {
          const about = { type: 'register', wish, subject: phone.aor, value, node, from: now() } as const
          try {
            const options = { proxy: this.#addressOf(node), limitMs: SIP_LIMIT_MS, userAgent: `chaos/${value}` }
            const status = statusOf(await phone.register(options))
            if (status === 200) {
              this.#list.push({ ...about, to: now(), outcome: 'ok' })
              return
            }
            // The registrar's 500 and 503 do not say whether a binding was stored.
            this.#list.push({ ...about, to: now(), outcome: 'unknown', error: String(status) })
          } catch (error) {
            this.#list.push({ ...about, to: now(), outcome: 'unknown', error: messageOf(error) })
          }
          if (now() - since > GIVE_UP_MS) return
          await backoff(tries)
        }
      }
      const run = attempts()
      this.#track(run)
      await run
    }
  }

  async #call(): Promise<void> {
    const caller = this.#phones[Math.floor(Math.random() * this.#phones.length)] as Phone
    const callee = this.#phones[Math.floor(Math.random() * this.#phones.length)] as Phone
    if (caller === callee) return
    const node = this.#any()
    const callId = `${this.#wish}.${process.pid}.chaos`
    const about = { type: 'call', wish: this.#wish++, callId, node, from: now() } as const
    const proxy = this.#addressOf(node)
    try {
      const { status, dialog } = await caller.call(callee.init.user, { proxy, callId, limitMs: CALL_LIMIT_MS })
      this.#list.push({
        ...about,
        to: now(),
        outcome: dialog ? 'ok' : 'refused',
        error: dialog ? undefined : `${status}`,
      })
      if (!dialog) return
      await sleep(200 + 1_500 * Math.random())
      const wish = this.#wish++
      for (let attempt = 0; attempt < 5; attempt++) {
        const edge = this.#any()
        const ending = { type: 'hangup', wish, callId, node: edge, from: now() } as const
        const options = { proxy: this.#addressOf(edge), limitMs: SIP_LIMIT_MS }
        const answer = await caller.bye(dialog, options).catch(() => 0)
        // 481: the ring has ended it already.
        const over = answer === 200 || answer === 481
        this.#list.push({
          ...ending,
          to: now(),
          outcome: over ? 'ok' : 'unknown',
          error: over ? undefined : `${answer}`,
        })
        if (over) return
      }
    } catch (error) {
      this.#list.push({ ...about, to: now(), outcome: 'unknown', error: messageOf(error) })
    }
  }

  /** Two at once want the same new account: one may get it. */
  async #claim(): Promise<void> {
    const [user, domain] = [`k${this.#claims++}`, this.#init.domain]
    const wish = this.#wish++
    const first = this.#any()
    const rivals = [first, this.#any(first)].map(async (node, index) => {
      const by = `w${index}`
      const about = { type: 'claim', wish, subject: `${user}@${domain}`, by, node, from: now() } as const
      const account = { user, domain, firstName: by, password: 'x' }
      const answer = await this.#client(node).soap.addAccount(account, SOAP_LIMIT_MS)
      this.#list.push({ ...about, to: now(), ...answer })
    })
    await Promise.all(rivals)
  }
}

const tell = (message: FromLoad): void => void process.send?.(message)

if (import.meta.main) {
  const load = new Load(JSON.parse(process.argv[2] ?? '{}') as LoadInit)
  process.on('message', (message: ToLoad) => load.take(message))
  process.on('disconnect', () => process.exit(0))
  await load.start()
}
