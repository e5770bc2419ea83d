import { createHash, timingSafeEqual } from 'node:crypto'
import { type Random, randomHex } from '@thor-node/core'
import { failure, invalid } from '../errors.ts'
import { ports } from '../schema/operation.ts'
import type { Registers } from './registers.ts'
import { text, user } from './validate.ts'

/** `token/<id>`: a key of REST. The secret is 192 random bits, so a plain hash of it is enough to keep. */
export interface TokenRecord {
  id: string
  hash: Uint8Array
  /** Who or what it is for, in words. */
  name: string
  /** `*`, `read`, `Sip`, `Sip:read` … */
  scopes: string[]
  /** Customer or reseller whose rights apply; 0 = all. */
  impersonate: number
  createdAt: number
  /** Epoch milliseconds; absent: never. */
  expiresAt?: number
}

export interface TokenInit {
  name: string
  scopes: readonly string[]
  impersonate?: number
  expiresAt?: number
}

const TEXT = /^thor_([0-9a-f]{12})_([0-9a-f]{48})$/
const SCOPE = new RegExp(`^(\\*|read|(${ports.join('|')})(:read)?)$`)

/** Tokens of REST: `thor_<id>_<secret>`. */
export class Tokens {
  readonly #registers: Registers
  readonly #random: Random

  constructor(components: { registers: Registers; random: Random }) {
    this.#registers = components.registers
    this.#random = components.random
  }

  /** Returns the token, which is told this once. */
  async create(init: TokenInit): Promise<{ token: string; record: TokenRecord }> {
    for (const scope of init.scopes) {
      if (!SCOPE.test(scope))
        throw invalid('scope', `is not *, read, or one of ${ports.join(', ')}, each also with :read`)
    }
    const [id, secret] = [randomHex(this.#random, 6), randomHex(this.#random, 24)]
    const record: TokenRecord = {
      id,
      hash: digest(secret),
      name: text(user(init.name, 'name'), 'name', 64),
      scopes: [...init.scopes],
      impersonate: init.impersonate ?? 0,
      createdAt: this.#registers.wall(),
      ...(init.expiresAt !== undefined && { expiresAt: init.expiresAt }),
    }
    await this.#registers.change<TokenRecord, null>('token', id, () => ({ body: record, result: null }))
    return { token: `thor_${id}_${secret}`, record }
  }

  /** Throws PROVISION_TOKEN_UNKNOWN. */
  async remove(id: string): Promise<void> {
    await this.#registers.change<TokenRecord, null>('token', id, (current) => {
      if (!current) throw failure('PROVISION_TOKEN_UNKNOWN', `there is no token ${id}`)
      return { body: undefined, result: null }
    })
  }

  /** All of the ring. Near. */
  list(): Promise<TokenRecord[]> {
    return this.#registers.list<TokenRecord>('token')
  }

  /** The token, when it is one and in force. */
  async verify(token: string): Promise<TokenRecord | undefined> {
    const [, id = '', secret = ''] = TEXT.exec(token) ?? []
    if (id === '') return undefined
    const record = (await this.#registers.read<TokenRecord>('token', id))?.body
    if (!record || !timingSafeEqual(record.hash, digest(secret))) return undefined
    return (record.expiresAt ?? Number.POSITIVE_INFINITY) > this.#registers.wall() ? record : undefined
  }
}

const digest = (secret: string): Buffer => createHash('sha256').update(secret).digest()

/** Whether scopes let a caller run an operation of this port. */
export function inScopes(scopes: readonly string[], port: string, changes: boolean): boolean {
  return scopes.some(
    (scope) => scope === '*' || scope === port || (!changes && (scope === 'read' || scope === `${port}:read`)),
  )
}
