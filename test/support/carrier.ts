/** Kamailio as a carrier: `test/interop/kamailio/carrier.cfg`. What passes its digest is a line of its log. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TlsFiles } from '@thor-node/core'

const config = resolve(import.meta.dirname, '../interop/kamailio/carrier.cfg')

/** At its end Kamailio waits a minute for children that do not end. */
const STOP_MS = 5_000

function end({ pid, exitCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended in this moment.
  }
}

export interface CarrierInit {
  /** `udp:127.0.0.1:5060` and so on. */
  listen: readonly string[]
  /** Of the trunk. */
  user: string
  /** @default SHA-256 */
  algorithm?: 'MD5' | 'SHA-256'
  /** Takes calls of everybody. */
  open?: boolean
  /** Shown over TLS; customers are asked for theirs. */
  tls?: TlsFiles & { ca: string }
}

export interface Registered {
  cseq: number
  callId: string
  contact: string
}

export class Carrier {
  readonly #init: CarrierInit
  readonly #directory = mkdtempSync(join(tmpdir(), 'thor-carrier-'))
  #process: ChildProcess | undefined
  #lines: string[] = []

  constructor(init: CarrierInit) {
    this.#init = init
  }

  start(): void {
    const { listen, algorithm, open } = this.#init
    const defines = [
      ...(open ? ['OPEN'] : []),
      ...(algorithm ? [`ALGORITHM="${algorithm}"`] : []),
      ...this.#tlsDefines(),
    ]
    const args = [...listen.flatMap((one) => ['-l', one]), ...defines.flatMap((one) => ['-A', one])]
    const where = ['-Y', this.#directory, ...args]
    // A group of its own: it is many processes, of which some do not hear of the end.
    const options: SpawnOptions = { detached: true, stdio: ['ignore', 'ignore', 'pipe'] }
    const child = spawn('kamailio', ['-DD', '-E', '-f', config, ...where], options)
    this.#process = child
    process.once('exit', this.#kill)
    let rest = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n')
      rest = parts.pop() ?? ''
      this.#lines.push(...parts)
    })
  }

  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null) return
    const gone = new Promise((done) => child.once('exit', done))
    child.kill('SIGTERM')
    const patience = setTimeout(() => end(child), STOP_MS)
    await gone
    clearTimeout(patience)
    process.off('exit', this.#kill)
  }

  readonly #kill = (): void => {
    if (this.#process) end(this.#process)
  }

  clean(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** What passed its digest: `REGISTER 5 <call id> <contact>`. */
  get seen(): string[] {
    return this.#lines.flatMap((line) => /trunk: (.*)$/.exec(line)?.[1] ?? [])
  }

  get registers(): Registered[] {
    return this.seen.flatMap((line) => {
      const [, cseq, callId = '', contact = ''] = /^REGISTER (\d+) (\S+) (.*)$/.exec(line) ?? []
      return contact.includes(this.#init.user) ? [{ cseq: Number(cseq), callId, contact }] : []
    })
  }

  get said(): string {
    return this.#lines.slice(-20).join('\n')
  }

  #tlsDefines(): string[] {
    const { tls } = this.#init
    if (!tls) return []
    const texts = { TLS_KEY: tls.key, TLS_CERTIFICATE: tls.cert, TLS_AUTHORITY: tls.ca }
    return Object.entries(texts).map(([name, text]) => {
      const file = join(this.#directory, `${name.toLowerCase()}.pem`)
      writeFileSync(file, text)
      return `${name}="${file}"`
    })
  }
}
