import { createHash, scrypt, timingSafeEqual } from 'node:crypto'
import { type Clock, errorCode, type Logger, type Random, type RecordStore } from '@thor-node/core'
import { failure } from '../errors.ts'
import { limits } from '../limits.ts'
import { Registers } from './registers.ts'
import { password as checkPassword, user as checkUser } from './validate.ts'

/** `admin/<username>`: who may call the SOAP interface. The password is not kept, only what scrypt makes of it. */
export interface AdminRecord {
  username: string
  salt: Uint8Array
  hash: Uint8Array
  /** log2 of scrypt's N, so that it may grow without locking anybody out. */
  costLog2: number
  changedAt: number
}

export interface AdminsInit {
  /** log2 of scrypt's N for passwords set from now on. @default 14 (16 MiB, some 40 ms) */
  costLog2?: number
}

/**
 * Administrators. A password that was right is remembered for 10 s (as a keyed hash), because portals send it with each of
 * many calls per page; so one that was changed on another node ends here within 10 s. While the range of the administrator has
 * no quorum, what was right within 15 minutes goes on. Unknown names take as long as known ones.
 */
export class Admins {
  readonly #registers: Registers
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #costLog2: number
  readonly #cacheKey: Uint8Array
  /** Good without a look until `until`, and without a quorum until `keptUntil`. */
  readonly #verified = new Map<string, { username: string; until: number; keptUntil: number }>()
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(components: { store: RecordStore; clock: Clock; random: Random; logger: Logger }, init: AdminsInit = {}) {
    this.#registers = new Registers(components)
    this.#clock = components.clock
    this.#random = components.random
    this.#logger = components.logger.forComponent('provision:admins')
    this.#costLog2 = init.costLog2 ?? 14
    this.#cacheKey = components.random.bytes(32)
  }

  /** Throws PROVISION_ADMIN_EXISTS. */
  async createAdmin(username: string, password: string): Promise<void> {
    const record = await this.#makeRecord(username, password)
    await this.#registers.change<AdminRecord, null>('admin', username, (current) => {
      if (current) throw failure('PROVISION_ADMIN_EXISTS', `administrator ${username} exists already`)
      return { body: record, result: null }
    })
    this.#logger.info('administrator added', { username })
  }

  /** Throws PROVISION_ADMIN_UNKNOWN. */
  async setAdminPassword(username: string, password: string): Promise<void> {
    const record = await this.#makeRecord(username, password)
    await this.#registers.change<AdminRecord, null>('admin', username, (current) => {
      if (!current) throw failure('PROVISION_ADMIN_UNKNOWN', `administrator ${username} does not exist`)
      return { body: record, result: null }
    })
    for (const [key, entry] of this.#verified) if (entry.username === username) this.#verified.delete(key)
    this.#logger.info('administrator password changed', { username })
  }

  async hasAdmin(username: string): Promise<boolean> {
    return (await this.#registers.read<AdminRecord>('admin', username)) !== undefined
  }

  /** Throws PROVISION_BUSY when too many wait to be checked. */
  async verifyAdmin(username: string, password: string): Promise<boolean> {
    if (Buffer.byteLength(username) > limits.userBytesMax || Buffer.byteLength(password) > limits.passwordBytesMax) {
      return false
    }
    const key = createHash('sha256').update(this.#cacheKey).update(`${username}\0${password}`).digest('base64')
    const known = this.#verified.get(key)
    if (known && known.until > this.#clock.now()) return true
    const found = await this.#registers.read<AdminRecord>('admin', username).catch((error: unknown) => {
      const now = this.#clock.now()
      if (errorCode(error) !== 'STORE_UNAVAILABLE' || !known || known.keptUntil <= now) throw error
      known.until = now + limits.verifiedProbeMs
      return 'no quorum' as const
    })
    if (found === 'no quorum') return true
    const record = found?.body
    const expected = record?.hash ?? new Uint8Array(32)
    const hash = await this.#scrypt(password, record?.salt ?? this.#cacheKey, record?.costLog2 ?? this.#costLog2)
    const right = timingSafeEqual(expected, hash) && record !== undefined
    this.#verified.delete(key)
    if (right) {
      if (this.#verified.size >= limits.verifiedMax) {
        this.#verified.delete(this.#verified.keys().next().value as string)
      }
      const now = this.#clock.now()
      this.#verified.set(key, { username, until: now + limits.verifiedMs, keptUntil: now + limits.verifiedKeptMs })
    }
    return right
  }

  async #makeRecord(username: string, password: string): Promise<AdminRecord> {
    checkUser(username)
    const salt = this.#random.bytes(16)
    const hash = await this.#scrypt(checkPassword(password), salt, this.#costLog2)
    return { username, salt, hash, costLog2: this.#costLog2, changedAt: this.#registers.wall() }
  }

  async #scrypt(password: string, salt: Uint8Array, costLog2: number): Promise<Uint8Array> {
    if (this.#running >= limits.scryptMax) {
      if (this.#waiting.length >= limits.scryptQueueMax) throw failure('PROVISION_BUSY', 'too many log-ins at once')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else {
      this.#running += 1
    }
    try {
      return await new Promise((resolve, reject) =>
        scrypt(password, salt, 32, { N: 2 ** costLog2, r: 8, p: 1, maxmem: 2 ** (costLog2 + 11) }, (error, hash) =>
          error ? reject(error) : resolve(hash),
        ),
      )
    } finally {
      // The turn passes to who waits longest, or ends.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running -= 1
    }
  }
}
