import { createHash } from 'node:crypto'

const BYTES = 16

/** Digest of a set, whatever its order: the XOR of the hashes of what is in it. Putting in and taking out cost the same. */
export class SetDigest {
  readonly #sum = Buffer.alloc(BYTES)

  /** Puts the item in, or takes it out when it is in. */
  toggle(item: Uint8Array): void {
    const hash = createHash('sha256').update(item).digest()
    for (let i = 0; i < BYTES; i++) this.#sum[i] = (this.#sum[i] as number) ^ (hash[i] as number)
  }

  get text(): string {
    return this.#sum.toString('hex')
  }
}
