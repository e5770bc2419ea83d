import { isNodeId } from '../kad/node-key.ts'
import type { NodeId } from '../peers.ts'
import { generateKeys, type KeyPair, keyIdOf, openSigned, type Signed, signBody } from './signed.ts'

/** By what a member knows its ring. */
export interface RingTrust {
  /** `keyIdOf` the root key. */
  ringId: string
  /** Public, DER. */
  rootKey: Uint8Array
}

/** The ring's root: certifies issuers, and nothing needs it in daily life. */
export interface RootKey extends KeyPair {
  ringId: string
}

/** What the root says of an issuer key. Times in epoch milliseconds. */
export interface IssuerCertificate {
  ringId: string
  /** `keyIdOf` its public key. */
  issuerId: string
  /** On whose disk the private key is. */
  nodeId: NodeId
  publicKey: Uint8Array
  notBefore: number
  notAfter: number
}

/** An issuer as its node has it. The private key never leaves that node. */
export interface IssuerKey {
  certificate: IssuerCertificate
  signed: Signed
  privateKey: Uint8Array
}

/** What a node shows to the holder of the root key. */
export interface IssuerRequest {
  ringId: string
  nodeId: NodeId
  publicKey: Uint8Array
}

export const issuerLimits = {
  /** Issuers last longer than members: certifying one needs the root, which is locked away. */
  lifetimeMs: 730 * 24 * 3600 * 1000,
  /** From then on the end of an issuer is warned of. */
  warnBeforeMs: 90 * 24 * 3600 * 1000,
} as const

export function createRoot(): RootKey {
  const keys = generateKeys()
  return { ...keys, ringId: keyIdOf(keys.publicKey) }
}

export function trustOf({ ringId, publicKey }: RootKey): RingTrust {
  return { ringId, rootKey: publicKey }
}

/** `now` in epoch milliseconds. */
export function certifyIssuer(
  root: RootKey,
  { nodeId, publicKey }: Pick<IssuerRequest, 'nodeId' | 'publicKey'>,
  now: number,
  lifetimeMs: number = issuerLimits.lifetimeMs,
): Signed {
  const certificate: IssuerCertificate = {
    ringId: root.ringId,
    issuerId: keyIdOf(publicKey),
    nodeId,
    publicKey,
    notBefore: now,
    notAfter: now + lifetimeMs,
  }
  return signBody(root.privateKey, 'issuer certificate 1', certificate)
}

/** A new issuer in one step, where root and issuer are in one place: the first node, simulations. */
export function createIssuer(root: RootKey, nodeId: NodeId, now: number, lifetimeMs?: number): IssuerKey {
  const keys = generateKeys()
  const signed = certifyIssuer(root, { nodeId, publicKey: keys.publicKey }, now, lifetimeMs)
  return { signed, privateKey: keys.privateKey, certificate: readIssuer(trustOf(root), signed) as IssuerCertificate }
}

/** The certificate, or undefined when root, ring or shape are wrong. Says nothing about its time. */
export function readIssuer(ring: RingTrust, signed: Signed): IssuerCertificate | undefined {
  const content = openSigned(ring.rootKey, 'issuer certificate 1', signed)
  if (!content) return undefined
  const { ringId, issuerId, nodeId, publicKey, notBefore, notAfter } = content
  if (ringId !== ring.ringId || !(publicKey instanceof Uint8Array) || issuerId !== keyIdOf(publicKey)) return undefined
  if (typeof nodeId !== 'string' || !isNodeId(nodeId)) return undefined
  if (typeof notBefore !== 'number' || typeof notAfter !== 'number') return undefined
  return { ringId, issuerId, nodeId, publicKey: Uint8Array.from(publicKey), notBefore, notAfter }
}
