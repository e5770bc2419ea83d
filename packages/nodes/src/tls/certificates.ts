import { readFile } from 'node:fs/promises'
import {
  type Clock,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type Random,
  ThorError,
  type Timer,
  type TlsServerInit,
} from '@thor-node/core'
import type { Alarm } from '@thor-node/overlay'
import type { TlsCredentials } from '@thor-node/sip'
import type { CertificateView } from '../control/contract.ts'
import { type Certificate, findPairs, readPair, stampOf } from './files.ts'
import { ENDS_SOON_MS, LOOK_MS } from './limits.ts'
import { isSelfSigned, selfSigned } from './self-signed.ts'

export interface CertificatesInit {
  /** Where an operator puts certificates. */
  directory: string
  /** Where the self-signed one is kept. */
  ownDirectory: string
  /** What the self-signed one is for: domain, host name, address. */
  names: readonly string[]
  /** Authorities that peers are checked against, instead of those of Node.js. */
  caFile?: string
  /** Must peers that this node connects to be who they should be? */
  verify: boolean
  /** Is there anybody who is known by a certificate? Else nobody is asked for one. @default there may be */
  asks?(): boolean
}

/**
 * The certificates of this node. Files are looked at every 10 s and on demand; what has changed counts from the next handshake
 * on. A file that cannot be used, maybe because it is being written, leaves the one before in force and is looked at again.
 */
export class Certificates implements Lifecycle, TlsCredentials {
  readonly server: TlsServerInit
  readonly #components: { clock: Clock; random: Random; logger: Logger }
  readonly #init: CertificatesInit
  readonly #log: Logger
  readonly #complaints = new Map<string, string>()
  #loaded: Certificate[] = []
  #own: Certificate | undefined
  #byName = new Map<string, Certificate>()
  #ca: string | undefined
  #timer: Timer | undefined
  #looking: Promise<void> | undefined

  constructor(components: { clock: Clock; random: Random; logger: Logger }, init: CertificatesInit) {
    this.#components = components
    this.#init = init
    this.#log = components.logger.forComponent('nodes:certificates')
    this.server = {
      fallback: () => this.#fallback.files,
      choose: (name) => this.#chosen(name)?.context,
      ...(init.asks && { asks: () => init.asks?.() ?? true }),
    }
  }

  /** Throws `NODE_TLS_CA` when the file of authorities cannot be read. */
  async start(): Promise<void> {
    const { clock, random } = this.#components
    const { caFile, ownDirectory, names } = this.#init
    if (caFile !== undefined) {
      this.#ca = await readFile(caFile, 'utf8').catch((cause: unknown) => {
        throw new ThorError('NODE_TLS_CA', `cannot read sip.tlsCa ${caFile}: ${errorMessage(cause)}`, { cause })
      })
    }
    this.#own = await selfSigned(random, { directory: ownDirectory, names, ca: this.#ca, now: clock.wall() })
    await this.reload()
    if (this.note) this.#log.warn(this.note)
    this.#timer ??= every(
      clock,
      LOOK_MS,
      () =>
        void this.reload().catch((error) => this.#log.warn('certificates not read', { error: errorMessage(error) })),
      (error) => this.#log.error('certificates not read', { error }),
    )
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#looking?.catch(() => undefined)
  }

  /** Looks at the files now. */
  reload(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  client(): ReturnType<TlsCredentials['client']> {
    return { context: this.#fallback.context, verify: this.#init.verify }
  }

  list(): CertificateView[] {
    const fallback = this.#fallback
    return [...this.#loaded, ...(this.#loaded.length === 0 ? [fallback] : [])].map((one) => ({
      name: one.name,
      hosts: [...one.names],
      notAfter: one.notAfter,
      selfSigned: isSelfSigned(one),
      fallback: one === fallback,
    }))
  }

  /** What an operator should know. */
  get note(): string | undefined {
    if (this.#loaded.length > 0) return undefined
    return `SIP over TLS shows a self-signed certificate that phones will not trust. Put your own (NAME.crt and NAME.key) into ${this.#init.directory}.`
  }

  alarms(): Alarm[] {
    const now = this.#components.clock.wall()
    return this.#loaded
      .filter(({ notAfter }) => notAfter < now + ENDS_SOON_MS)
      .map(({ name, notAfter }) => {
        const when = new Date(notAfter).toISOString().slice(0, 10)
        const text = `the TLS certificate ${name} ${notAfter < now ? 'ended' : 'ends'} on ${when}`
        return { kind: 'certificate-ends', text, since: notAfter - ENDS_SOON_MS }
      })
  }

  get #fallback(): Certificate {
    const own = this.#own
    if (!own) throw new ThorError('NODE_NOT_STARTED', 'certificates are not read yet')
    const [domain = ''] = this.#init.names
    return this.#chosen(domain) ?? this.#loaded.find(({ name }) => name === 'default') ?? this.#loaded[0] ?? own
  }

  #chosen(name: string): Certificate | undefined {
    return this.#byName.get(name) ?? this.#byName.get(`*${name.slice(name.indexOf('.'))}`)
  }

  async #look(): Promise<void> {
    const before = new Map(this.#loaded.map((one) => [one.name, one]))
    const after: Certificate[] = []
    for (const pair of await findPairs(this.#init.directory)) {
      if (isSelfSigned(pair)) continue
      const old = before.get(pair.name)
      try {
        const stamp = await stampOf(pair)
        const fresh = old?.stamp === stamp ? old : await readPair(pair, stamp, this.#ca)
        if (fresh !== old) this.#log.info('certificate in use', { name: fresh.name, hosts: fresh.names.join(', ') })
        this.#complaints.delete(pair.name)
        after.push(fresh)
      } catch (error) {
        if (old) after.push(old)
        this.#complain(pair.name, errorMessage(error))
      }
    }
    this.#loaded = after
    this.#byName = new Map(after.toReversed().flatMap((one) => one.names.map((name) => [name, one] as const)))
  }

  /** Once per reason: files are looked at often. */
  #complain(name: string, reason: string): void {
    if (this.#complaints.get(name) === reason) return
    this.#complaints.set(name, reason)
    this.#log.warn('certificate cannot be used', { name, error: reason })
  }
}
