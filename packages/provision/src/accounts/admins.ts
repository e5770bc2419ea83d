import type { Clock, Logger, Random, RecordStore, Versioned } from '@thor-node/core'
import { failure } from '../errors.ts'
import { limits } from '../limits.ts'
import { Registers } from './registers.ts'
import { Remembered } from './remembered.ts'
import { type PasswordHash, Scrypt } from './scrypt.ts'
import { password as checkPassword, user as checkUser } from './validate.ts'

/** `admin/<username>`: who may call the provisioning interface. The password is not kept, only what scrypt makes of it. */
export interface AdminRecord extends PasswordHash {
  username: string
  changedAt: number
}

export interface AdminsInit {
  /** log2 of scrypt's N for passwords set from now on. @default 14 (16 MiB, some 40 ms) */
  costLog2?: number
}

/**
 * Administrators. While no quorum of the administrator's range answers, what was right within 15 minutes goes on, and what is right
 * by a copy that is no older. Unknown names
 * take as long as known ones.
 */
export class Admins {
  readonly #registers: Registers
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #remembered: Remembered
  /** For the passwords of customers too. */
  readonly scrypt: Scrypt

  constructor(components: { store: RecordStore; clock: Clock; random: Random; logger: Logger }, init: AdminsInit = {}) {
    this.#registers = new Registers(components)
    this.#clock = components.clock
    this.#logger = components.logger.forComponent('provision:admins')
    this.#remembered = new Remembered(components)
    this.scrypt = new Scrypt(components, { costLog2: init.costLog2 ?? 14 })
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
      if (!current) throw unknown(username)
      return { body: record, result: null }
    })
    this.#remembered.forget(username)
    this.#logger.info('administrator password changed', { username })
  }

  /** Throws PROVISION_ADMIN_UNKNOWN. */
  async removeAdmin(username: string): Promise<void> {
    await this.#registers.change<AdminRecord, null>('admin', username, (current) => {
      if (!current) throw unknown(username)
      return { body: undefined, result: null }
    })
    this.#remembered.forget(username)
    this.#logger.info('administrator removed', { username })
  }

  async hasAdmin(username: string): Promise<boolean> {
    return (await this.#registers.known<AdminRecord>('admin', username)) !== undefined
  }

  /** All of the ring, by name. Near. */
  async admins(): Promise<{ username: string; changedAt: number }[]> {
    const records = await this.#registers.list<AdminRecord>('admin')
    return records.map(({ username, changedAt }) => ({ username, changedAt }))
  }

  /** Throws PROVISION_BUSY when too many wait to be checked. */
  async verifyAdmin(username: string, password: string): Promise<boolean> {
    if (Buffer.byteLength(username) > limits.userBytesMax || Buffer.byteLength(password) > limits.passwordBytesMax) {
      return false
    }
    if (this.#remembered.has(username, password)) return true
    const read = this.#registers.read<AdminRecord>('admin', username)
    const inTime = await this.#registers.within(read, limits.knownMs)
    if (!inTime && this.#remembered.goesOn(username, password)) return true
    const copy = inTime ? undefined : await this.#copy(username)
    const found = copy ? copy.value : inTime ? inTime.value : await read
    if (!copy && this.#remembered.isStill(username, password, found?.body.hash)) return true
    const right = await this.scrypt.matches(username, password, found?.body)
    if (right && found) this.#remembered.add(username, password, found.body.hash, copy?.leftMs)
    else this.#remembered.drop(username, password)
    return right
  }

  /** Administrators are few: each node has copies of all, for while there is no quorum. */
  see(): Promise<void> {
    return this.#registers.see('admin')
  }

  /** One that is young enough, and for how long it still is. */
  async #copy(username: string): Promise<{ value: Versioned<AdminRecord>; leftMs: number } | undefined> {
    const copy = await this.#registers.copy<AdminRecord>('admin', username)
    if (!copy) return undefined
    const leftMs = limits.verifiedKeptMs - (this.#clock.now() - copy.at)
    return leftMs > 0 ? { value: copy.value, leftMs } : undefined
  }

  async #makeRecord(username: string, password: string): Promise<AdminRecord> {
    checkUser(username)
    return { username, ...(await this.scrypt.make(checkPassword(password))), changedAt: this.#registers.wall() }
  }
}

const unknown = (username: string) => failure('PROVISION_ADMIN_UNKNOWN', `administrator ${username} does not exist`)
