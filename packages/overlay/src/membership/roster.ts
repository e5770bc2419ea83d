import { createHash } from 'node:crypto'
import { type Certificate, isSigned, type SignedCertificate } from '../admission/certificate.ts'
import { membershipLimits } from '../limits.ts'
import type { NodeId } from '../peers.ts'

interface Entry {
  certificate: Certificate
  signed: SignedCertificate
}

/**
 * The certificates of all members, ever: who may connect. It only grows, spreads with gossip, and is kept on disk by whoever
 * listens to `onChange`.
 */
export class Roster {
  readonly #verify: (signed: SignedCertificate) => Certificate | undefined
  readonly #entries = new Map<NodeId, Entry>()
  readonly #listeners = new Set<(certificate: Certificate) => void>()
  #digest: string | undefined

  /** `verify` tells whether the ring signed it and it is in force: `verifyCertificate`. */
  constructor(verify: (signed: SignedCertificate) => Certificate | undefined) {
    this.#verify = verify
  }

  /** True when it is news: valid, and not older than what is known of that node. */
  add(signed: unknown): boolean {
    if (!isSigned(signed)) return false
    if (this.#isKnown(signed) || this.#entries.size >= membershipLimits.rosterMax) return false
    const certificate = this.#verify(signed)
    if (!certificate) return false
    const known = this.#entries.get(certificate.nodeId)
    if (known && known.certificate.notBefore >= certificate.notBefore) return false
    // Copies: what came in may be a view of a larger buffer.
    const kept = { body: Uint8Array.from(signed.body), signature: Uint8Array.from(signed.signature) }
    this.#entries.set(certificate.nodeId, { certificate, signed: kept })
    this.#digest = undefined
    for (const listener of [...this.#listeners]) listener(certificate)
    return true
  }

  has(nodeId: NodeId): boolean {
    return this.#entries.has(nodeId)
  }

  get(nodeId: NodeId): Certificate | undefined {
    return this.#entries.get(nodeId)?.certificate
  }

  get certificates(): SignedCertificate[] {
    return [...this.#entries.values()].map((entry) => entry.signed)
  }

  list(): Certificate[] {
    return [...this.#entries.values()].map((entry) => entry.certificate)
  }

  /** Equal rosters have equal digests. */
  get digest(): string {
    this.#digest ??= createHash('sha256')
      .update(
        [...this.#entries.values()]
          .map((entry) => Buffer.from(entry.signed.signature).toString('hex'))
          .sort()
          .join(),
      )
      .digest('hex')
    return this.#digest
  }

  onChange(listener: (certificate: Certificate) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Saves the check of a signature, which costs more than a comparison. */
  #isKnown(signed: SignedCertificate): boolean {
    for (const entry of this.#entries.values()) {
      if (Buffer.compare(entry.signed.signature, signed.signature) === 0) return true
    }
    return false
  }
}
