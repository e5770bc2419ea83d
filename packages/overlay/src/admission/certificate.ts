import { type Random, randomHex } from '@thor-node/core'
import { isNodeId } from '../kad/node-key.ts'
import type { NodeId } from '../peers.ts'
import { type IssuerCertificate, type IssuerKey, type RingTrust, readIssuer } from './issuer.ts'
import { isSigned, keepSigned, openSigned, type Signed, signBody } from './signed.ts'

/** What the ring says of a member, under the signature of an issuer. Times in epoch milliseconds. */
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

/** With the certificate of the issuer, so that who knows the root can check it. */
export interface SignedCertificate extends Signed {
  issuer: Signed
}

export const certificateLimits = {
  /** No certificate is longer, whoever signed it. A member that hears nothing of the ring any more ends with it. */
  lifetimeMs: 30 * 24 * 3600 * 1000,
  /** How far the clock of the issuer may be ahead of ours. */
  clockSkewMs: 24 * 3600 * 1000,
} as const

export function newPlacementId(random: Random): string {
  return randomHex(random, 16)
}

/** `notAfter` is cut to the issuer's own. */
export function signCertificate(issuer: IssuerKey, certificate: Certificate): SignedCertificate {
  const notAfter = Math.min(certificate.notAfter, issuer.certificate.notAfter)
  const signed = signBody(issuer.privateKey, 'membership certificate 2', { ...certificate, notAfter })
  return { ...signed, issuer: issuer.signed }
}

/** The certificate and its issuer, or undefined when a signature, the ring or the shape is wrong. Not its time. */
export function readCertificate(
  ring: RingTrust,
  signed: SignedCertificate,
  read: (ring: RingTrust, issuer: Signed) => IssuerCertificate | undefined = readIssuer,
): { certificate: Certificate; issuer: IssuerCertificate } | undefined {
  if (!isSignedCertificate(signed)) return undefined
  const issuer = read(ring, signed.issuer)
  const content = issuer && openSigned(issuer.publicKey, 'membership certificate 2', signed)
  if (!issuer || !isCertificate(content) || content.ringId !== ring.ringId) return undefined
  if (content.notAfter > issuer.notAfter) return undefined
  if (content.notAfter - content.notBefore > certificateLimits.lifetimeMs) return undefined
  return { certificate: content, issuer }
}

/** In force at `now`; a certificate of the near future is taken, because clocks differ. */
export function isInTime({ notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>, now: number): boolean {
  return now >= notBefore - certificateLimits.clockSkewMs && now <= notAfter
}

/** The certificate, or undefined when signatures, ring, shape or time are wrong. `now` in epoch milliseconds. */
export function verifyCertificate(ring: RingTrust, signed: SignedCertificate, now: number): Certificate | undefined {
  const certificate = readCertificate(ring, signed)?.certificate
  return certificate && isInTime(certificate, now) ? certificate : undefined
}

export function isSignedCertificate(value: unknown): value is SignedCertificate {
  return isSigned(value) && isSigned((value as Partial<SignedCertificate>).issuer)
}

export function keepCertificate(signed: SignedCertificate): SignedCertificate {
  return { ...keepSigned(signed), issuer: keepSigned(signed.issuer) }
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
