import { createHash } from 'node:crypto'
import { type Random, ThorError } from '@thor-node/core'
import { pack, unpack } from 'msgpackr'
import type { RingTrust } from './issuer.ts'
import { keyIdOf } from './signed.ts'

/** What every member knows of its ring. It makes nobody a member: that takes an issuer key. */
export interface RingIdentity extends RingTrust {
  /** 32 bytes that only members know; see `deriveKey` of core for its uses. */
  secret: Uint8Array
}

const SECRET_BYTES = 32

/** What the first node draws for its ring. */
export function createRingIdentity(random: Random, { ringId, rootKey }: RingTrust): RingIdentity {
  return { ringId, rootKey, secret: random.bytes(SECRET_BYTES) }
}

/** SHA-256 of the public root key: by this an invite names its ring. */
export function fingerprintOf({ rootKey }: Pick<RingTrust, 'rootKey'>): Uint8Array {
  return createHash('sha256').update(rootKey).digest()
}

/** For the disk of a node (keep the file private) and for the answer of the door. */
export function encodeRingIdentity({ ringId, rootKey, secret }: RingIdentity): Uint8Array {
  return pack({ ringId, rootKey, secret })
}

/** Throws `ADMISSION_BAD_IDENTITY` for anything that `encodeRingIdentity` did not write. */
export function decodeRingIdentity(bytes: Uint8Array): RingIdentity {
  try {
    const { ringId, rootKey, secret } = unpack(bytes) as Record<string, unknown>
    if (
      rootKey instanceof Uint8Array &&
      secret instanceof Uint8Array &&
      secret.length === SECRET_BYTES &&
      ringId === keyIdOf(rootKey)
    ) {
      return { ringId, rootKey: Uint8Array.from(rootKey), secret: Uint8Array.from(secret) }
    }
  } catch (cause) {
    throw new ThorError('ADMISSION_BAD_IDENTITY', 'the identity of the ring cannot be read', { cause })
  }
  throw new ThorError('ADMISSION_BAD_IDENTITY', 'the identity of the ring is damaged')
}
