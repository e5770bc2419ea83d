import {
  type Clock,
  errorMessage,
  inTime,
  type Logger,
  type Random,
  type RecordKey,
  randomHex,
  recordKey,
  type SetStore,
} from '@thor-node/core'
import { limits } from '../limits.ts'

/** One change: who made it, what it was, when, from where. */
export interface AuditLine {
  /** Epoch milliseconds. */
  at: number
  node: string
  who: string
  /** The customer whose rights applied; 0 = all. */
  impersonate: number
  /** Address of the client; empty on the command line. */
  from: string
  via: 'soap' | 'rest' | 'cli'
  /** `Sip.addAccount` */
  operation: string
  /** The arguments as JSON, without secrets, cut at `auditArgsMax` characters. */
  args: string
  /** `done`, or the error code of a change whose outcome is not known. */
  outcome: string
}

const PREFIX = 'audit/change/'
const DAY_MS = 24 * 60 * 60_000
/** Members that are never written down. */
const SECRET = /^(password|private_key|certificate|number|authToken|message|ha1)$/

/**
 * The audit log: SET `audit/change/<day>/<time>-<random>`, kept for ever. A change is answered after its line is on disks, of the ring or,
 * where that takes long, of this node;
 * changes of one moment share a record, so that the log costs one write however many there are.
 */
export class Audit {
  readonly #set: SetStore
  readonly #clock: Clock
  readonly #random: Random
  readonly #spool: ((key: RecordKey, body: unknown) => Promise<void>) | undefined
  readonly #logger: Logger
  readonly #node: string
  #waiting: AuditLine[] = []
  #writing: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  constructor(
    components: {
      set: SetStore
      clock: Clock
      random: Random
      logger: Logger
      /** Keeps a record on the disk of this node until it is stored, when no quorum has it within `limits.auditSoonMs`. */
      spool?(key: RecordKey, body: unknown): Promise<void>
    },
    init: {
      /** Name of this node. */
      node: string
    },
  ) {
    this.#set = components.set
    this.#clock = components.clock
    this.#random = components.random
    this.#spool = components.spool
    this.#logger = components.logger.forComponent('provision:audit')
    this.#node = init.node
  }

  /** Resolves when the line is kept. One that cannot be kept is in the node's log, and the change stands. */
  write(line: Omit<AuditLine, 'at' | 'node'>): Promise<void> {
    this.#waiting.push({ ...line, at: this.#clock.wall(), node: this.#node })
    this.#next ??= this.#writing.then(() => this.#flush())
    return this.#next
  }

  async #flush(): Promise<void> {
    const lines = this.#waiting
    this.#waiting = []
    this.#writing = this.#next ?? Promise.resolve()
    this.#next = undefined
    const first = lines[0]
    if (!first) return
    const name = `${dayOf(first.at)}/${String(first.at).padStart(15, '0')}-${randomHex(this.#random, 6)}`
    const key: RecordKey = { ...recordKey('audit', name), name: `${PREFIX}${name}` }
    const put = this.#set.put(key, lines)
    try {
      if (!this.#spool) return void (await put)
      const stored = put.then(
        () => true,
        () => false,
      )
      // A range that is slow or has no quorum keeps nobody waiting: under the same name it is stored once, whoever stores it.
      const isSoon = await inTime(this.#clock, stored, limits.auditSoonMs)
      if (!isSoon || !(await stored)) await this.#spool(key, lines)
    } catch (error) {
      this.#logger.error('changes could not be kept in the audit log', { error: errorMessage(error), lines })
    }
  }

  /** The latest lines first. Looks back day by day, `auditDaysMax` at most. */
  async read({ count, about }: { count: number; about?: string | undefined }): Promise<AuditLine[]> {
    const out: AuditLine[] = []
    const now = this.#clock.wall()
    for (let day = 0; day < limits.auditDaysMax && out.length < count; day++) {
      const records = await this.#set.listAll<AuditLine[]>(`${PREFIX}${dayOf(now - day * DAY_MS)}/`)
      const lines = records.flatMap(({ body }) => body).sort((a, b) => b.at - a.at)
      out.push(...lines.filter((line) => about === undefined || JSON.stringify(line).includes(about)))
    }
    return out.slice(0, count)
  }
}

const dayOf = (wallMs: number): string => new Date(wallMs).toISOString().slice(0, 10)

/** Arguments for people, without what is secret. */
export function auditArgs(args: unknown): string {
  const text =
    JSON.stringify(args, (name, value) => (SECRET.test(name) && typeof value === 'string' ? '…' : value)) ?? ''
  return text.length > limits.auditArgsMax ? `${text.slice(0, limits.auditArgsMax)}…` : text
}
