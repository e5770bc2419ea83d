import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { ThorError } from './errors.ts'
import type { Random } from './random.ts'

/** Keys derived from the ring's secret, one per purpose, so that no purpose can be used against another. */
export function deriveKey(ringSecret: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', ringSecret, new Uint8Array(0), `thor-node ${purpose}`, 32))
}

/** Encrypts small values at rest (AES-256-GCM): nonce ‖ tag ‖ ciphertext. */
export class Sealer {
  readonly #key: Buffer
  readonly #random: Random

  constructor(key: Buffer, random: Random) {
    this.#key = key
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

/** Preparing a key for HMAC costs five times the HMAC, so it is done once; a key is not changed after its first use. */
const prepared = new WeakMap<Uint8Array, KeyObject>()

function prepare(key: Uint8Array): KeyObject {
  let object = prepared.get(key)
  if (!object) {
    object = createSecretKey(key)
    prepared.set(key, object)
  }
  return object
}

/** HMAC-SHA-256 cut to `length` bytes: for cookies and nonces that any node of the ring can check. */
export function shortMac(key: Uint8Array, data: Uint8Array | string, length: number): Buffer {
  return createHmac('sha256', prepare(key)).update(data).digest().subarray(0, length)
}
