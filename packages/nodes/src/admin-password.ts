import { type Random, type RegStore, randomHex, recordKey, type Sealer } from '@thor-node/core'
import type { Admins } from '@thor-node/provision'

export const ADMIN_USER = 'admin'

/**
 * The password of the SOAP administrator: made with the ring, kept sealed with the ring's key so that any node can show it to
 * who may open its control socket.
 */
export class AdminPassword {
  readonly #reg: RegStore
  readonly #sealer: Sealer
  readonly #admins: Admins
  readonly #random: Random

  constructor(components: { reg: RegStore; sealer: Sealer; admins: Admins; random: Random }) {
    this.#reg = components.reg
    this.#sealer = components.sealer
    this.#admins = components.admins
    this.#random = components.random
  }

  /** Undefined only before the ring's first node has made one. */
  async read(): Promise<string | undefined> {
    const value = await this.#reg.read<{ sealed: Uint8Array }>(recordKey('secret', ADMIN_USER), 'strict')
    return value && Buffer.from(this.#sealer.open(value.body.sealed)).toString()
  }

  async reset(): Promise<string> {
    const password = randomHex(this.#random, 9)
    if (await this.#admins.hasAdmin(ADMIN_USER)) await this.#admins.setAdminPassword(ADMIN_USER, password)
    else await this.#admins.createAdmin(ADMIN_USER, password)
    const sealed = this.#sealer.seal(Buffer.from(password))
    const opId = `password ${randomHex(this.#random, 8)}`
    await this.#reg.change(recordKey('secret', ADMIN_USER), opId, () => ({ body: { sealed }, result: undefined }))
    return password
  }
}
