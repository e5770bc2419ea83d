import { createCipheriv, createDecipheriv, createSecretKey, hash, hkdfSync, type KeyObject } from 'node:crypto'
import { ThorError } from './errors.ts'
import type { Random } from './random.ts'

/** Keys derived from the ring's secret, one per purpose, so that no purpose can be used against another. */
export function deriveKey(ringSecret: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', ringSecret, new Uint8Array(0), `thor-node ${purpose}`, 32))
}

/** Encrypts small values at rest (AES-256-GCM): nonce ‖ tag ‖ ciphertext. */
export class Sealer {
  /** Not the bytes: of those Node.js makes such an object each time, which takes thrice as long as the rest. */
  readonly #key: KeyObject
  readonly #random: Random

  constructor(key: Buffer, random: Random) {
    this.#key = createSecretKey(key)
    this.#random = random
  }

  seal(plain: Uint8Array): Uint8Array {
    const nonce = this.#random.bytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce)
    const body = Buffer.concat([cipher.update(plain), cipher.final()])
    return Buffer.concat([nonce, cipher.getAuthTag(), body])
  }

  /** Throws `CORE_SEAL_BROKEN` for anything this key did not seal. */
  open(sealed: Uint8Array): Uint8Array {
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, 12))
      decipher.setAuthTag(sealed.subarray(12, 28))
      return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()])
    } catch (cause) {
      throw new ThorError('CORE_SEAL_BROKEN', 'a sealed value cannot be opened with the key of this ring', { cause })
    }
  }
}

const BLOCK_BYTES = 64
const HASH_BYTES = 32
/** Longer data than this is hashed from memory of its own. */
const INNER_BYTES = 512

/** The two blocks of HMAC that a key makes (RFC 2104 §2), each with room behind for what is hashed with it. */
interface PreparedKey {
  inner: Buffer
  outer: Buffer
}

/** A key is not changed after its first use. */
const prepared = new WeakMap<Uint8Array, PreparedKey>()

function prepare(key: Uint8Array): PreparedKey {
  let blocks = prepared.get(key)
  if (!blocks) {
    const short = key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : key
    const inner = Buffer.alloc(BLOCK_BYTES + INNER_BYTES)
    const outer = Buffer.alloc(BLOCK_BYTES + HASH_BYTES)
    for (let i = 0; i < BLOCK_BYTES; i++) {
      inner[i] = 0x36 ^ (short[i] ?? 0)
      outer[i] = 0x5c ^ (short[i] ?? 0)
    }
    blocks = { inner, outer }
    prepared.set(key, blocks)
  }
  return blocks
}

/**
 * HMAC-SHA-256 cut to `length` bytes: for cookies and nonces that any node of the ring can check. Two one-shot hashes: an HMAC
 * object of the library costs four times as much, and again when it is collected.
 */
export function shortMac(key: Uint8Array, data: Uint8Array | string, length: number): Buffer {
  const { inner, outer } = prepare(key)
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data
  let text: Buffer
  if (bytes.length <= INNER_BYTES) {
    inner.set(bytes, BLOCK_BYTES)
    text = inner.subarray(0, BLOCK_BYTES + bytes.length)
  } else {
    text = Buffer.concat([inner.subarray(0, BLOCK_BYTES), bytes])
  }
  outer.write(hash('sha256', text, 'binary'), BLOCK_BYTES, 'latin1')
  return Buffer.from(hash('sha256', outer, 'binary').slice(0, length), 'latin1')
}
