/**
 * A closed-loop generator of registrations and calls over UDP: `window` of them at any time, messages from string templates,
 * so that it needs less of its core than the node of its own. Runs as a process of its own, pinned by `one-node.ts`.
 *
 *   node bench/generator.ts '<json of GeneratorInit>'        prints GeneratorReport as JSON
 *
 * A registration is REGISTER, 401, REGISTER, 200. A call is INVITE, 407, ACK, INVITE, 180 and 200 of the callee (here too),
 * ACK, BYE, 200: the record is opened before the 200 and closed after the BYE.
 */
import { hash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

export interface GeneratorInit {
  mode: 'register' | 'call'
  node: { host: string; port: number }
  /** Caller at `port`, callee at `port + 1`. */
  local: { host: string; port: number }
  domain: string
  /** Users u0 … with passwords p0 … */
  accounts: number
  count: number
  window: number
  /** They begin evenly over so long instead, whatever is answered meanwhile. */
  arriveMs?: number
  /** As phones do: who is answered 503, or nothing, tries again until it works, after Retry-After or a few seconds. */
  patient?: boolean
}

export interface GeneratorReport {
  done: number
  failed: number
  retransmissions: number
  seconds: number
  perSecond: number
  /** Milliseconds from the first message to the last answer of one registration or call. */
  medianMs: number
  p99Ms: number
  /** How often somebody was told 503, or nothing, and tried again. */
  postponed: number
  /** Milliseconds from the first message of all to the last answer: p50, p99 and the end. */
  whenMs: readonly [number, number, number]
  /** Share of its core that the generator used. */
  cpuShare: number
  /** Status of what failed, with how often. */
  statuses: Record<string, number>
}

const RESEND_MS = 500
const RESENDS_MAX = 6
/** A phone that heard nothing tries again after so long, or twice that. */
const SILENT_MS = 2_000

const SDP = (host: string): string =>
  `v=0\r\no=- 1 1 IN IP4 ${host}\r\ns=-\r\nc=IN IP4 ${host}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\n` +
  'a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n'

/** One registration or call at work. */
interface Slot {
  user: string
  password: string
  target: string
  callId: string
  cseq: number
  toTag: string
  last: string
  resends: number
  sentAt: number
  startedAt: number
}

const md5 = (text: string): string => hash('md5', text)

function header(message: string, name: string): string {
  const at = message.indexOf(`\r\n${name}: `)
  return at < 0 ? '' : message.slice(at + name.length + 4, message.indexOf('\r\n', at + 2))
}

function param(value: string, name: string): string {
  const at = value.indexOf(`${name}=`)
  if (at < 0) return ''
  const from = at + name.length + 1
  if (value[from] === '"') return value.slice(from + 1, value.indexOf('"', from + 1))
  const end = value.slice(from).search(/[,;\s]|$/)
  return value.slice(from, from + end)
}

/** The MD5 challenge among those offered. */
function md5Challenge(message: string, name: string): string {
  let at = message.indexOf(`\r\n${name}: `)
  while (at >= 0) {
    const line = message.slice(at + 2, message.indexOf('\r\n', at + 2))
    if (!line.includes('SHA-256')) return line
    at = message.indexOf(`\r\n${name}: `, at + 2)
  }
  return ''
}

export class Generator {
  readonly #init: GeneratorInit
  readonly #caller: Socket
  readonly #callee: Socket
  readonly #slots: (Slot | undefined)[] = []
  readonly #run = Date.now().toString(36)
  readonly #latencies: number[] = []
  readonly #statuses: Record<string, number> = {}
  #next = 0
  #done = 0
  #failed = 0
  #resent = 0
  #postponed = 0
  #startedAt = 0
  readonly #when: number[] = []
  #finish: () => void = () => undefined

  constructor(init: GeneratorInit) {
    this.#init = init
    this.#caller = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
    this.#callee = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  }

  async run(): Promise<GeneratorReport> {
    const { local, window, count } = this.#init
    this.#caller.on('message', (bytes) => this.#onAnswer(bytes.toString('latin1')))
    this.#callee.on('message', (bytes) => this.#onRequest(bytes.toString('latin1')))
    this.#caller.bind(local.port, local.host)
    this.#callee.bind(local.port + 1, local.host)
    await Promise.all([once(this.#caller, 'listening'), once(this.#callee, 'listening')])
    const timer = setInterval(() => this.#resend(), 50)
    const cpu = process.cpuUsage()
    const started = performance.now()
    await new Promise<void>((done) => {
      this.#finish = done
      this.#startedAt = started
      if (this.#init.arriveMs === undefined) {
        for (let index = 0; index < Math.min(window, count); index++) this.#begin(index)
      } else this.#arrive(this.#init.arriveMs)
    })
    const seconds = (performance.now() - started) / 1000
    const { user, system } = process.cpuUsage(cpu)
    clearInterval(timer)
    this.#caller.close()
    this.#callee.close()
    const sorted = this.#latencies.sort((one, other) => one - other)
    const when = (share: number): number =>
      this.#when[Math.min(this.#when.length - 1, Math.floor(this.#when.length * share))] ?? 0
    return {
      done: this.#done,
      failed: this.#failed,
      retransmissions: this.#resent,
      seconds,
      perSecond: this.#done / seconds,
      medianMs: sorted[sorted.length >> 1] ?? 0,
      p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
      postponed: this.#postponed,
      whenMs: [when(0.5), when(0.99), when(1)],
      cpuShare: (user + system) / 1e6 / seconds,
      statuses: this.#statuses,
    }
  }

  /** Open loop: each in a slot of its own. */
  #arrive(overMs: number): void {
    const { count } = this.#init
    const timer = setInterval(() => {
      const due = Math.min(count, Math.ceil((count * (performance.now() - this.#startedAt)) / overMs))
      while (this.#next < due) this.#begin(this.#next)
      if (this.#next >= count) clearInterval(timer)
    }, 5)
  }

  #postpone(index: number, slot: Slot, afterMs: number): void {
    this.#postponed++
    // Nothing is sent again meanwhile, and answers that come late are of no use.
    slot.sentAt = Number.POSITIVE_INFINITY
    setTimeout(
      () => {
        slot.cseq = 1
        slot.callId = `${index}-${this.#postponed}p${slot.callId.slice(slot.callId.indexOf('-'))}`
        this.#request(slot, 'REGISTER', slot.target)
      },
      afterMs * (1 + Math.random()),
    )
  }

  #begin(index: number): void {
    const { accounts, mode, domain } = this.#init
    const number = this.#next++
    const caller = number % accounts
    const slot: Slot = {
      user: `u${caller}`,
      password: `p${caller}`,
      target: mode === 'register' ? `sip:${domain}` : `sip:u${(caller + 1) % accounts}@${domain}`,
      callId: `${index}-${number}-${this.#run}`,
      cseq: 1,
      toTag: '',
      last: '',
      resends: 0,
      sentAt: 0,
      startedAt: performance.now(),
    }
    this.#slots[index] = slot
    this.#request(slot, mode === 'register' ? 'REGISTER' : 'INVITE', slot.target)
  }

  #end(index: number, slot: Slot, status: number): void {
    if (status === 200) {
      this.#done++
      this.#when.push(performance.now() - this.#startedAt)
      this.#latencies.push(performance.now() - slot.startedAt)
    } else {
      this.#failed++
      this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    }
    this.#slots[index] = undefined
    if (this.#next < this.#init.count && this.#init.arriveMs === undefined) this.#begin(index)
    else if (this.#done + this.#failed === this.#init.count) this.#finish()
  }

  #compose(slot: Slot, method: string, uri: string, branch: string, more = '', body = ''): string {
    const { local, domain, mode } = this.#init
    const { host, port } = local
    const to = mode === 'register' ? `sip:${slot.user}@${domain}` : slot.target
    return (
      `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP ${host}:${port};rport;branch=z9hG4bK${branch}\r\n` +
      `Max-Forwards: 70\r\nFrom: <sip:${slot.user}@${domain}>;tag=f${slot.callId}\r\nTo: <${to}>${slot.toTag}\r\n` +
      `Call-ID: ${slot.callId}\r\nCSeq: ${slot.cseq} ${method}\r\n` +
      `Contact: <sip:${slot.user}@${host}:${method === 'REGISTER' ? port + 1 : port}>\r\n` +
      `User-Agent: thor-bench\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`
    )
  }

  #request(slot: Slot, method: string, uri: string, more = ''): void {
    const invite = method === 'INVITE'
    const body = invite ? SDP(this.#init.local.host) : ''
    const type = invite ? 'Content-Type: application/sdp\r\n' : ''
    slot.last = this.#compose(slot, method, uri, `${slot.callId}.${slot.cseq}`, more + type, body)
    slot.resends = 0
    slot.sentAt = performance.now()
    this.#send(this.#caller, slot.last)
  }

  #send(socket: Socket, text: string): void {
    const { host, port } = this.#init.node
    socket.send(Buffer.from(text, 'latin1'), port, host)
  }

  #credentials(slot: Slot, challenge: string, name: string, method: string): string {
    const [nonce, realm] = [param(challenge, 'nonce'), param(challenge, 'realm')]
    const ha1 = md5(`${slot.user}:${realm}:${slot.password}`)
    const response = md5(`${ha1}:${nonce}:00000001:c0ffee:auth:${md5(`${method}:${slot.target}`)}`)
    return (
      `${name}: Digest username="${slot.user}",realm="${realm}",nonce="${nonce}",uri="${slot.target}",` +
      `response="${response}",algorithm=MD5,cnonce="c0ffee",qop=auth,nc=00000001\r\n`
    )
  }

  #onAnswer(message: string): void {
    const status = Number(message.slice(8, 11))
    if (status < 200) return
    const callId = header(message, 'Call-ID')
    const index = Number.parseInt(callId, 10)
    const slot = this.#slots[index]
    // Late copies of answers are of no use.
    if (slot?.callId !== callId || Number.parseInt(header(message, 'CSeq'), 10) !== slot.cseq) return
    if (this.#init.mode === 'register') this.#onRegistered(index, slot, status, message)
    else this.#onCalled(index, slot, status, message)
  }

  #onRegistered(index: number, slot: Slot, status: number, message: string): void {
    if (status === 503 && this.#init.patient) {
      this.#postpone(index, slot, Number(header(message, 'Retry-After') || 2) * 1_000)
      return
    }
    if (status !== 401 || slot.cseq !== 1) {
      this.#end(index, slot, slot.cseq === 2 ? status : 0)
      return
    }
    const challenge = md5Challenge(message, 'WWW-Authenticate')
    slot.cseq = 2
    this.#request(slot, 'REGISTER', slot.target, this.#credentials(slot, challenge, 'Authorization', 'REGISTER'))
  }

  #onCalled(index: number, slot: Slot, status: number, message: string): void {
    if (slot.cseq === 3) {
      this.#end(index, slot, status)
      return
    }
    const toTag = `;tag=${param(header(message, 'To'), 'tag')}`
    if (status >= 300) {
      slot.toTag = toTag
      this.#send(this.#caller, this.#compose(slot, 'ACK', slot.target, `${slot.callId}.${slot.cseq}`))
      slot.toTag = ''
      if (status !== 407 || slot.cseq !== 1) {
        this.#end(index, slot, status)
        return
      }
      const challenge = md5Challenge(message, 'Proxy-Authenticate')
      slot.cseq = 2
      this.#request(slot, 'INVITE', slot.target, this.#credentials(slot, challenge, 'Proxy-Authorization', 'INVITE'))
      return
    }
    slot.toTag = toTag
    const contact = header(message, 'Contact')
    const remote = contact.slice(contact.indexOf('<') + 1, contact.indexOf('>'))
    const route = header(message, 'Record-Route')
    const routes = route ? `Route: ${route}\r\n` : ''
    this.#send(this.#caller, this.#compose(slot, 'ACK', remote, `${slot.callId}.ack`, routes))
    slot.cseq = 3
    this.#request(slot, 'BYE', remote, routes)
  }

  /** The callee: rings and answers at once. */
  #onRequest(message: string): void {
    const method = message.slice(0, message.indexOf(' '))
    if (method === 'ACK' || message.startsWith('SIP/2.0')) return
    const { host, port } = this.#init.local
    const to = header(message, 'To')
    const tagged = to.includes(';tag=') ? to : `${to};tag=callee`
    const copied = message
      .slice(0, message.indexOf('\r\n\r\n'))
      .split('\r\n')
      .filter((line) => /^(Via|Record-Route|From|Call-ID|CSeq):/i.test(line))
      .join('\r\n')
    const head = `${copied}\r\nTo: ${tagged}\r\nContact: <sip:callee@${host}:${port + 1}>\r\n`
    if (method !== 'INVITE') {
      this.#send(this.#callee, `SIP/2.0 200 OK\r\n${head}Content-Length: 0\r\n\r\n`)
      return
    }
    const body = SDP(host)
    this.#send(this.#callee, `SIP/2.0 180 Ringing\r\n${head}Content-Length: 0\r\n\r\n`)
    this.#send(
      this.#callee,
      `SIP/2.0 200 OK\r\n${head}Content-Type: application/sdp\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
  }

  #resend(): void {
    const now = performance.now()
    for (const [index, slot] of this.#slots.entries()) {
      if (!slot || now - slot.sentAt < RESEND_MS * 2 ** Math.min(slot.resends, 3)) continue
      if (slot.resends++ >= RESENDS_MAX) {
        if (this.#init.patient) this.#postpone(index, slot, SILENT_MS)
        else this.#end(index, slot, 408)
        continue
      }
      this.#resent++
      slot.sentAt = now
      this.#send(this.#caller, slot.last)
    }
  }
}

if (import.meta.main) {
  const init = JSON.parse(process.argv[2] ?? '{}') as GeneratorInit
  console.log(JSON.stringify(await new Generator(init).run()))
}
