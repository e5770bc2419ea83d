import { type Aor, type Clock, makeAor, type Random, type Sealer, splitAor } from '@thor-node/core'
import { failure } from '../errors.ts'
import { limits } from '../limits.ts'
import type { CustomerRecord, Customers } from '../records/customers.ts'
import { adminCaller, type Caller } from '../schema/caller.ts'
import type { Admins } from './admins.ts'
import { Attempts } from './attempts.ts'
import { passwordMatches } from './credentials.ts'
import type { AccountDirectory } from './directory.ts'
import { Remembered } from './remembered.ts'
import type { PasswordHash } from './scrypt.ts'
import type { Tokens } from './tokens.ts'
import { password as checkPassword } from './validate.ts'

export interface LoginsComponents {
  admins: Pick<Admins, 'hasAdmin' | 'verifyAdmin' | 'scrypt'>
  customers: Customers
  directory: AccountDirectory
  tokens: Tokens
  sealer: Sealer
  clock: Clock
  random: Random
}

export interface Login {
  username: string
  password: string
  /** False: a login account of a customer, or with an @ in its name the user of a SIP account. */
  admin: boolean
  impersonate: number
}

const refused = () => failure('PROVISION_UNAUTHENTICATED', 'wrong username or password')

/** From what a client presents to who it is and what it may. Throws PROVISION_UNAUTHENTICATED, PROVISION_LOCKED_OUT. */
export class Logins {
  readonly #c: LoginsComponents
  /** Of this node, and what others tell of theirs. */
  readonly attempts: Attempts
  readonly #remembered: Remembered

  constructor(components: LoginsComponents) {
    this.#c = components
    this.attempts = new Attempts(components)
    this.#remembered = new Remembered(components)
  }

  hash(password: string): Promise<PasswordHash> {
    return this.#c.admins.scrypt.make(checkPassword(password))
  }

  assertMayTry(name: string, from: string): void {
    this.attempts.assertMayTry(name, from)
  }

  failed(name: string, from: string): void {
    this.attempts.failed(name, from)
  }

  async login({ username, password, admin, impersonate }: Login, from: string): Promise<Caller> {
    if (!admin && username.includes('@')) return this.user(username, password, from)
    this.attempts.assertMayTry(username, from)
    const caller = admin
      ? await this.#admin(username, password, impersonate)
      : await this.#customer(username, password, impersonate)
    if (!caller) {
      this.attempts.failed(username, from)
      throw refused()
    }
    this.attempts.succeeded(username, from)
    return caller
  }

  /** Who that is follows from the name: a SIP account has an @, an administrator is one, the rest are customers. */
  async basic(username: string, password: string, impersonate: number, from: string): Promise<Caller> {
    const admin = !username.includes('@') && (await this.#c.admins.hasAdmin(username))
    return this.login({ username, password, admin, impersonate }, from)
  }

  /** The user of a SIP account. */
  async user(address: string, password: string, from: string): Promise<Caller> {
    const { user = '', domain = '' } = splitAor(address) ?? {}
    const aor: Aor = makeAor(user, domain)
    this.attempts.assertMayTry(aor, from)
    const record = password === '' || user === '' ? undefined : (await this.#c.directory.findAccount(aor))?.body
    if (!record || !passwordMatches(this.#c.sealer, record, password)) {
      this.attempts.failed(aor, from)
      throw refused()
    }
    this.attempts.succeeded(aor, from)
    return { username: aor, kind: 'user', impersonate: 0, reseller: 0, isReseller: false, mayAdd: false, aor }
  }

  async token(text: string, from: string): Promise<Caller> {
    this.attempts.assertMayTry('token', from)
    const record = await this.#c.tokens.verify(text)
    if (!record) {
      this.attempts.failed('token', from)
      throw failure('PROVISION_UNAUTHENTICATED', 'the token is not one, or not in force')
    }
    return { ...(await this.#withRights(`token ${record.name}`, 'admin', record.impersonate)), scopes: record.scopes }
  }

  async #admin(username: string, password: string, impersonate: number): Promise<Caller | undefined> {
    if (!(await this.#c.admins.verifyAdmin(username, password))) return undefined
    return this.#withRights(username, 'admin', impersonate)
  }

  async #customer(username: string, password: string, impersonate: number): Promise<Caller | undefined> {
    if (Buffer.byteLength(username) > limits.userBytesMax || Buffer.byteLength(password) > limits.passwordBytesMax) {
      return undefined
    }
    const record = await this.#c.customers.byName(username)
    const name = `customer ${username}`
    if (!this.#remembered.isStill(name, password, record?.secret?.hash)) {
      const right = await this.#c.admins.scrypt.matches(name, password, record?.secret)
      if (!right || !record?.secret) return undefined
      this.#remembered.add(name, password, record.secret.hash)
    }
    const caller = await this.#withRights(username, 'customer', record?.id ?? -1)
    if (impersonate === 0 || impersonate === caller.impersonate) return caller
    // A reseller may take the part of one of its customers.
    const other = (await this.#c.customers.table.find(`${impersonate}`))?.body
    if (!caller.isReseller || other?.reseller !== caller.reseller) {
      throw failure('PROVISION_FORBIDDEN', `no rights for customer ${impersonate}`)
    }
    return this.#withRights(username, 'customer', impersonate)
  }

  async #withRights(username: string, kind: Caller['kind'], impersonate: number): Promise<Caller> {
    if (impersonate === 0) return { ...adminCaller(username), kind }
    const own = await this.#find(impersonate)
    const id = own?.impersonate || impersonate
    const record = id === impersonate ? own : await this.#find(id)
    const reseller = record?.reseller ?? id
    const isReseller = reseller === id
    const above = isReseller ? record : await this.#find(reseller)
    return { username, kind, impersonate: id, reseller, isReseller, mayAdd: above?.resellerActive ?? true }
  }

  /** Whose rights these are. */
  async #find(id: number): Promise<CustomerRecord | undefined> {
    return (await this.#c.customers.table.known(`${id}`))?.body
  }
}
