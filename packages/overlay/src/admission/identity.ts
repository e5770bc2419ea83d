import { createHash, X509Certificate } from 'node:crypto'
import { type Random, ThorError } from '@thor-node/core'
import { pack, unpack } from 'msgpackr'
import { generateRingKeys, type RingKeys } from './certificate.ts'
import { selfSignedCertificate } from './x509.ts'

/** What every member knows and nobody else. Whoever has it can admit members. */
export interface RingIdentity extends RingKeys {
  /** First half of the SHA-256 of the public key, in hex. */
  ringId: string
  /** 32 bytes; see `deriveKey` of core for its uses. */
  secret: Uint8Array
  /** What the door shows (DER); made with the ring's key, so its fingerprint pins that key. */
  tlsCertificate: Uint8Array
}

const SECRET_BYTES = 32

/** A new ring. The key comes from the system, whatever `random` is. */
export function createRingIdentity(random: Random): RingIdentity {
  const keys = generateRingKeys()
  const ringId = ringIdOf(keys.publicKey)
  const subject = { commonName: `thor ring ${ringId}`, serial: random.bytes(8) }
  return { ...keys, ringId, secret: random.bytes(SECRET_BYTES), tlsCertificate: selfSignedCertificate(keys, subject) }
}

export function ringIdOf(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex').slice(0, 32)
}

/** SHA-256 of the certificate that the door shows. */
export function fingerprintOf(tlsCertificate: Uint8Array): Uint8Array {
  return createHash('sha256').update(tlsCertificate).digest()
}

/** For the disk of a node (keep the file private) and for the answer of the door. */
export function encodeRingIdentity(identity: RingIdentity): Uint8Array {
  return pack(identity)
}

/** Throws `ADMISSION_BAD_IDENTITY` for anything that `encodeRingIdentity` did not write. */
export function decodeRingIdentity(bytes: Uint8Array): RingIdentity {
  try {
    const { ringId, publicKey, privateKey, secret, tlsCertificate } = unpack(bytes) as Record<string, unknown>
    if (
      publicKey instanceof Uint8Array &&
      privateKey instanceof Uint8Array &&
      secret instanceof Uint8Array &&
      tlsCertificate instanceof Uint8Array &&
      secret.length === SECRET_BYTES &&
      ringId === ringIdOf(publicKey) &&
      isOfKey(tlsCertificate, publicKey)
    ) {
      return { ringId, publicKey, privateKey, secret, tlsCertificate }
    }
  } catch (cause) {
    throw new ThorError('ADMISSION_BAD_IDENTITY', 'the identity of the ring cannot be read', { cause })
  }
  throw new ThorError('ADMISSION_BAD_IDENTITY', 'the identity of the ring is damaged')
}

function isOfKey(certificate: Uint8Array, publicKey: Uint8Array): boolean {
  const own = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  return Buffer.compare(own, publicKey) === 0
}
