import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { pack, unpack } from 'msgpackr'

/** Ed25519, both in DER: SubjectPublicKeyInfo and PKCS #8. */
export interface KeyPair {
  publicKey: Uint8Array
  privateKey: Uint8Array
}

/** As it travels: the exact bytes that were signed, and an Ed25519 signature. */
export interface Signed {
  body: Uint8Array
  signature: Uint8Array
}

/** Separates signatures from each other: a root key signs issuers only, an issuer key members and revocations. */
export type Purpose = 'issuer certificate 1' | 'membership certificate 2' | 'revocation 1'

export const signedBytesMax = 4_096

/** The keys come from the system, whatever chance the caller has. */
export function generateKeys(): KeyPair {
  return generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  })
}

/** The public key that belongs to a private one. Throws when it is no Ed25519 key. */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' })
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('not an Ed25519 key')
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

/** The name of a key: first half of the SHA-256 of its public part, in hex. */
export function keyIdOf(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex').slice(0, 32)
}

export function signBody(privateKey: Uint8Array, purpose: Purpose, content: object): Signed {
  const body = pack(content)
  const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' })
  return { body, signature: sign(null, textOf(purpose, body), key) }
}

/** What was signed, or undefined when the signature is not by this key for this purpose. */
export function openSigned(
  publicKey: Uint8Array,
  purpose: Purpose,
  { body, signature }: Signed,
): Record<string, unknown> | undefined {
  if (body.length > signedBytesMax) return undefined
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
    if (!verify(null, textOf(purpose, body), key, signature)) return undefined
    return contentOf({ body })
  } catch {
    return undefined
  }
}

/** What it says, without a look at the signature. */
export function contentOf({ body }: Pick<Signed, 'body'>): Record<string, unknown> | undefined {
  try {
    const content: unknown = unpack(body)
    return typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

export function isSigned(value: unknown): value is Signed {
  if (typeof value !== 'object' || value === null) return false
  const { body, signature } = value as Partial<Signed>
  return body instanceof Uint8Array && signature instanceof Uint8Array && signature.length === 64
}

/** A copy of its own: what came in may be a view of a larger buffer. */
export function keepSigned({ body, signature }: Signed): Signed {
  return { body: Uint8Array.from(body), signature: Uint8Array.from(signature) }
}

function textOf(purpose: Purpose, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`thor-node ${purpose}\n`), body])
}
