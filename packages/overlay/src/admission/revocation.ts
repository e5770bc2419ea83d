import type { NodeId } from '../peers.ts'
import { type IssuerCertificate, type IssuerKey, type RingTrust, readIssuer } from './issuer.ts'
import { isSigned, keepSigned, openSigned, type Signed, signBody } from './signed.ts'

/**
 * A node, or an issuer key, that the ring has put out: for ever. The record is signed by any issuer that the root certified,
 * and stays good when that issuer is revoked or its time is over: what is out never comes back by another's fall.
 */
export interface Revocation {
  ringId: string
  kind: 'node' | 'issuer'
  /** Node id or issuer id. */
  id: string
  /** Name of the node, for people. */
  name: string
  /** Epoch milliseconds, by the clock of the issuer. */
  at: number
  /** At which node the operator asked for it. */
  by: NodeId
}

export interface SignedRevocation extends Signed {
  issuer: Signed
}

export function signRevocation(issuer: IssuerKey, revocation: Revocation): SignedRevocation {
  return { ...signBody(issuer.privateKey, 'revocation 1', revocation), issuer: issuer.signed }
}

/** Undefined when it is not signed by an issuer of this ring. */
export function readRevocation(
  ring: RingTrust,
  signed: SignedRevocation,
  read: (ring: RingTrust, issuer: Signed) => IssuerCertificate | undefined = readIssuer,
): Revocation | undefined {
  if (!isSignedRevocation(signed)) return undefined
  const issuer = read(ring, signed.issuer)
  const content = issuer && openSigned(issuer.publicKey, 'revocation 1', signed)
  if (!content || content.ringId !== ring.ringId) return undefined
  const { ringId, kind, id, name, at, by } = content
  if ((kind !== 'node' && kind !== 'issuer') || typeof id !== 'string' || typeof at !== 'number') return undefined
  if (typeof ringId !== 'string' || typeof name !== 'string' || typeof by !== 'string') return undefined
  return { ringId, kind, id, name, at, by }
}

export function isSignedRevocation(value: unknown): value is SignedRevocation {
  return isSigned(value) && isSigned((value as Partial<SignedRevocation>).issuer)
}

export function keepRevocation(signed: SignedRevocation): SignedRevocation {
  return { ...keepSigned(signed), issuer: keepSigned(signed.issuer) }
}
