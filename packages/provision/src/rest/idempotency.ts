import { createHash } from 'node:crypto'
import type { Registers } from '../accounts/registers.ts'
import { failure } from '../errors.ts'
import { limits } from '../limits.ts'

/** An answer, as it is given again. */
export interface KeptAnswer {
  status: number
  body: string
}

interface Entry {
  key: string
  /** Hash of the request: the same key with another request is a mistake. */
  request: string
  /** Epoch milliseconds. */
  at: number
  answer?: KeptAnswer
}

/**
 * `idempotency/<bucket>`: what was answered to requests with an Idempotency-Key, for a day, over all nodes. Each of the 4096
 * buckets keeps the latest `idempotencyPerBucketMax`.
 */
export class Idempotency {
  readonly #registers: Registers

  constructor(components: { registers: Registers }) {
    this.#registers = components.registers
  }

  /**
   * The answer that was given before; undefined when the request is the first, and is now on record as running. Throws
   * PROVISION_CONFLICT for one that runs now, or that was another.
   */
  claim(key: string, request: string): Promise<KeptAnswer | undefined> {
    const id = hash(key)
    return this.#registers.change<{ entries: Entry[] }, KeptAnswer | undefined>(
      'idempotency',
      bucketOf(id),
      (current, now) => {
        const at = Math.max(now, this.#registers.wall())
        const entries = (current?.body.entries ?? []).filter((entry) => entry.at > at - limits.idempotencyKeptMs)
        const known = entries.find((entry) => entry.key === id)
        if (known && known.request !== request) {
          throw failure('PROVISION_CONFLICT', 'this Idempotency-Key was used for another request')
        }
        if (known?.answer) return { keep: true, result: known.answer }
        if (known && known.at > at - limits.idempotencyRunningMs) {
          throw failure('PROVISION_CONFLICT', 'a request with this Idempotency-Key runs now')
        }
        const others = entries.filter((entry) => entry.key !== id).slice(1 - limits.idempotencyPerBucketMax)
        return { body: { entries: [...others, { key: id, request, at }] }, result: undefined }
      },
    )
  }

  /** With undefined the request may be tried again: nothing was done. */
  async finish(key: string, answer: KeptAnswer | undefined): Promise<void> {
    const id = hash(key)
    const kept = answer && { ...answer, body: answer.body.length > limits.idempotencyBodyMax ? '' : answer.body }
    await this.#registers.change<{ entries: Entry[] }, null>('idempotency', bucketOf(id), (current) => {
      const before = current?.body.entries ?? []
      const entries = kept
        ? before.map((entry) => (entry.key === id ? { ...entry, answer: kept } : entry))
        : before.filter((entry) => entry.key !== id)
      return { body: { entries }, result: null }
    })
  }
}

export const hash = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 32)
const bucketOf = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 3)
