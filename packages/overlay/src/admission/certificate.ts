import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { type Random, randomHex } from '@thor-node/core'
import { pack, unpack } from 'msgpackr'
import { isNodeId } from '../kad/node-key.ts'
import type { NodeId } from '../peers.ts'

/** What the ring says of a member, under its signature. Times in epoch milliseconds. */
export interface Certificate {
  ringId: string
  nodeId: NodeId
  /** 128 random bits (hex), drawn by the issuer so that no node chooses its place on the ring. */
  placementId: string
  name: string
  roles: readonly string[]
  zone: string
  notBefore: number
  notAfter: number
}

/** As it travels: the exact bytes that were signed, and the Ed25519 signature of the ring. */
export interface SignedCertificate {
  body: Uint8Array
  signature: Uint8Array
}

/** Ed25519, both in DER: SubjectPublicKeyInfo and PKCS #8. */
export interface RingKeys {
  publicKey: Uint8Array
  privateKey: Uint8Array
}

export const certificateLimits = {
  bodyBytesMax: 4_096,
  /** Renewal does not exist yet, so a certificate lasts for the life of a ring. */
  lifetimeMs: 10 * 365 * 24 * 3600 * 1000,
  /** How far the clock of the issuer may be ahead of ours. */
  clockSkewMs: 24 * 3600 * 1000,
} as const

export function generateRingKeys(): RingKeys {
  return generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  })
}

export function newPlacementId(random: Random): string {
  return randomHex(random, 16)
}

/** Separates these signatures from whatever else the key may sign. */
const PURPOSE = Buffer.from('thor-node membership certificate 1\n')

export function signCertificate(privateKey: Uint8Array, certificate: Certificate): SignedCertificate {
  const body = pack(certificate)
  const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' })
  return { body, signature: sign(null, Buffer.concat([PURPOSE, body]), key) }
}

/** The certificate, or undefined when signature, ring, shape or time are wrong. `now` in epoch milliseconds. */
export function verifyCertificate(
  ring: { ringId: string; publicKey: Uint8Array },
  signed: SignedCertificate,
  now: number,
): Certificate | undefined {
  if (!isSigned(signed) || signed.body.length > certificateLimits.bodyBytesMax) return undefined
  try {
    const key = createPublicKey({ key: Buffer.from(ring.publicKey), format: 'der', type: 'spki' })
    if (!verify(null, Buffer.concat([PURPOSE, signed.body]), key, signed.signature)) return undefined
    const certificate: unknown = unpack(signed.body)
    if (!isCertificate(certificate) || certificate.ringId !== ring.ringId) return undefined
    if (now < certificate.notBefore - certificateLimits.clockSkewMs || now > certificate.notAfter) return undefined
    return certificate
  } catch {
    return undefined
  }
}

export function isSigned(value: unknown): value is SignedCertificate {
  if (typeof value !== 'object' || value === null) return false
  const { body, signature } = value as Partial<SignedCertificate>
  return body instanceof Uint8Array && signature instanceof Uint8Array && signature.length === 64
}

function isCertificate(value: unknown): value is Certificate {
  if (typeof value !== 'object' || value === null) return false
  const { ringId, nodeId, placementId, name, roles, zone, notBefore, notAfter } = value as Record<string, unknown>
  return (
    typeof ringId === 'string' &&
    typeof nodeId === 'string' &&
    isNodeId(nodeId) &&
    typeof placementId === 'string' &&
    /^[0-9a-f]{32}$/.test(placementId) &&
    typeof name === 'string' &&
    typeof zone === 'string' &&
    Array.isArray(roles) &&
    roles.every((role) => typeof role === 'string') &&
    typeof notBefore === 'number' &&
    typeof notAfter === 'number'
  )
}
