import { type Aor, errorCode, recordKey } from '@thor-node/core'
import type { KeptMessage } from '@thor-node/sip'
import { MESSAGES_KEPT_MAX } from './limits.ts'
import type { RingAccess } from './ring-access.ts'

/** As long as a SOFT entry may live. */
export const MESSAGE_KEPT_MS = 7 * 24 * 3_600_000

export const messagesKey = (aor: Aor) => recordKey('msg', aor)

/** The home's side of messages for accounts that are offline: one SOFT entry each, bounded per account. */
export class KeptMessageService {
  readonly #ring: RingAccess
  /** Accounts for which this node has kept something: others are asked about at a new registration only. */
  readonly #waiting = new Set<Aor>()

  constructor(components: { ring: RingAccess }) {
    this.#ring = components.ring
    const { rpc } = this.#ring
    rpc.serve<{ aor: Aor; message: KeptMessage }, 'kept' | 'full'>('home.keep', (query) => this.keep(query))
    rpc.serve<{ aor: Aor }, KeptMessage[]>('home.kept', ({ aor }) => this.list(aor))
    rpc.serve<{ aor: Aor; id: string }, void>('home.delivered', (query) => this.delivered(query))
  }

  async keep({ aor, message }: { aor: Aor; message: KeptMessage }): Promise<'kept' | 'full'> {
    const { soft } = this.#ring.store
    const others = (await this.list(aor)).filter(({ id }) => id !== message.id)
    if (others.length >= MESSAGES_KEPT_MAX) return 'full'
    try {
      await soft.put(messagesKey(aor), { sub: message.id, body: message, ttlMs: MESSAGE_KEPT_MS })
    } catch (error) {
      // Those that were delivered leave markers behind, for which there is room for some hundreds a week.
      if (errorCode(error) === 'STORE_TOO_LARGE') return 'full'
      throw error
    }
    this.#waiting.add(aor)
    return 'kept'
  }

  /** In the order in which they were sent. */
  async list(aor: Aor): Promise<KeptMessage[]> {
    const entries = await this.#ring.store.soft.read<KeptMessage>(messagesKey(aor))
    if (entries.length === 0) this.#waiting.delete(aor)
    return entries.map(({ body }) => body).sort((a, b) => a.sentAt - b.sentAt || (a.id < b.id ? -1 : 1))
  }

  async delivered({ aor, id }: { aor: Aor; id: string }): Promise<void> {
    await this.#ring.store.soft.remove(messagesKey(aor), id)
  }

  /** Is there anything for a device that registers? Looked up for one that was not there before, else from memory. */
  async waits(aor: Aor, isNew: boolean): Promise<boolean> {
    if (!isNew && !this.#waiting.has(aor)) return false
    return (await this.list(aor)).length > 0
  }
}
