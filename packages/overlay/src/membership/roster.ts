import { createHash } from 'node:crypto'
import type { Clock } from '@thor-node/core'
import {
  type Certificate,
  isInTime,
  isSignedCertificate,
  keepCertificate,
  readCertificate,
  type SignedCertificate,
} from '../admission/certificate.ts'
import { type IssuerCertificate, type RingTrust, readIssuer } from '../admission/issuer.ts'
import {
  isSignedRevocation,
  keepRevocation,
  type Revocation,
  readRevocation,
  type SignedRevocation,
} from '../admission/revocation.ts'
import { isSigned, keepSigned, type Signed } from '../admission/signed.ts'
import { membershipLimits } from '../limits.ts'
import type { NodeId } from '../peers.ts'
import { SetDigest } from './set-digest.ts'

/** What members tell each other of who may be one. Lists of signed things; whatever is not valid is left out. */
export interface RosterNews {
  certificates?: unknown
  issuers?: unknown
  revocations?: unknown
}

export interface RosterContents {
  certificates: readonly SignedCertificate[]
  issuers: readonly Signed[]
  revocations: readonly SignedRevocation[]
}

export type RosterChange =
  | { type: 'certified'; certificate: Certificate }
  /** Not a member any more: its time is over, it was revoked, or the issuer of its certificate was. */
  | { type: 'gone'; nodeId: NodeId; why: 'expired' | 'revoked' | 'issuer-revoked' }
  | { type: 'revoked'; revocation: Revocation; signed: SignedRevocation }
  | { type: 'issuer'; certificate: IssuerCertificate }

export interface RosterInit {
  ring: RingTrust
  /** Until then (epoch milliseconds) expired certificates count: a ring that slept too long wakes up. @default 0 */
  lenientUntil?: number
}

interface Entry {
  certificate: Certificate
  issuer: IssuerCertificate
  signed: SignedCertificate
  inForce: boolean
}

interface Issuer {
  certificate: IssuerCertificate
  signed: Signed
}

/**
 * Who may be a member: certificates in force, issuers, and the grow-only list of what was revoked. It spreads with gossip and
 * is kept on disk by whoever listens to `onChange`. Certificates that expired are shown to nobody, but kept while there is room:
 * a clock that was wrong for a while must not cost a node its friends.
 */
export class Roster {
  readonly ring: RingTrust
  readonly #clock: Pick<Clock, 'wall'>
  readonly #lenientUntil: number
  readonly #entries = new Map<NodeId, Entry>()
  readonly #issuers = new Map<string, Issuer>()
  readonly #revocations = new Map<string, { revocation: Revocation; signed: SignedRevocation }>()
  /** Signatures that were checked, by their text: checking one costs more than a look here. */
  readonly #known = new Set<string>()
  readonly #listeners = new Set<(change: RosterChange) => void>()
  readonly #digest = new SetDigest()

  constructor(components: { clock: Pick<Clock, 'wall'> }, init: RosterInit) {
    this.#clock = components.clock
    this.ring = init.ring
    this.#lenientUntil = init.lenientUntil ?? 0
  }

  /** Takes all that is valid news. Certificates come first: a revocation may void what stood before them. */
  take(news: RosterNews | undefined): void {
    const { issuers, certificates, revocations } = news ?? {}
    const { rosterMax, issuersMax, revocationsMax } = membershipLimits
    if (Array.isArray(issuers)) for (const one of issuers.slice(0, issuersMax)) this.addIssuer(one)
    if (Array.isArray(certificates)) for (const one of certificates.slice(0, rosterMax)) this.add(one)
    if (Array.isArray(revocations)) for (const one of revocations.slice(0, revocationsMax)) this.revoke(one)
  }

  /** True when it is news: valid, in force, and newer than what is known of that node. */
  add(signed: unknown): boolean {
    if (!isSignedCertificate(signed) || this.#known.has(textOf(signed))) return false
    const read = readCertificate(this.ring, signed, this.#readIssuer)
    if (!read) return false
    const { certificate, issuer } = read
    const { nodeId } = certificate
    const isInForce = this.#isInTime(certificate)
    if (!isInForce && (this.has(nodeId) || certificate.notBefore > this.#clock.wall())) return false
    if (this.isRevoked(nodeId) || this.#isVoid(issuer)) return false
    const known = this.#entries.get(nodeId)
    if (known && !isNewer(signed, certificate, known)) return false
    if (!known && !this.#makeRoom()) return false
    if (known) this.#drop(nodeId, known)
    const kept = keepCertificate(signed)
    this.addIssuer(kept.issuer)
    this.#entries.set(nodeId, { certificate, issuer, signed: kept, inForce: isInForce })
    this.#known.add(textOf(kept))
    if (!isInForce) return false
    this.#digest.toggle(kept.signature)
    this.#tell({ type: 'certified', certificate })
    return true
  }

  /** True when it is news: certified by the root and not revoked. Its time is looked at when it is used. */
  addIssuer(signed: unknown): boolean {
    if (!isSigned(signed)) return false
    const certificate = this.#readIssuer(this.ring, signed)
    if (!certificate || this.#issuers.has(certificate.issuerId) || this.#isVoid(certificate)) return false
    if (this.#issuers.size >= membershipLimits.issuersMax) return false
    this.#issuers.set(certificate.issuerId, { certificate, signed: keepSigned(signed) })
    this.#digest.toggle(Buffer.from(certificate.issuerId))
    this.#tell({ type: 'issuer', certificate })
    return true
  }

  /** True when it is news. Takes the node, the issuer, and all certificates that the issuer signed, out at once. */
  revoke(signed: unknown): boolean {
    if (!isSignedRevocation(signed) || this.#known.has(textOf(signed))) return false
    const revocation = readRevocation(this.ring, signed, this.#readIssuer)
    if (!revocation) return false
    if (this.isRevoked(revocation.id) || this.#revocations.size >= membershipLimits.revocationsMax) return false
    const kept = keepRevocation(signed)
    this.#known.add(textOf(kept))
    this.#revocations.set(revocation.id, { revocation, signed: kept })
    this.#digest.toggle(Buffer.from(revocation.id))
    this.#tell({ type: 'revoked', revocation, signed: kept })
    for (const [issuerId, { certificate }] of this.#issuers) {
      if (!this.#isVoid(certificate)) continue
      this.#issuers.delete(issuerId)
      this.#digest.toggle(Buffer.from(issuerId))
    }
    for (const [nodeId, entry] of this.#entries) {
      if (this.isRevoked(nodeId)) this.#putOut(nodeId, entry, 'revoked')
      else if (this.#isVoid(entry.issuer)) this.#putOut(nodeId, entry, 'issuer-revoked')
    }
    return true
  }

  /** To be called now and then: certificates whose time is over go, and come back when it was the clock that was wrong. */
  sweep(): void {
    for (const [nodeId, entry] of this.#entries) {
      const isInForce = this.#isInTime(entry.certificate)
      if (isInForce === entry.inForce) continue
      entry.inForce = isInForce
      this.#digest.toggle(entry.signed.signature)
      if (isInForce) this.#tell({ type: 'certified', certificate: entry.certificate })
      else this.#tell({ type: 'gone', nodeId, why: 'expired' })
    }
  }

  /** Whether this node may be connected to: certified, in its time, not revoked. */
  has(nodeId: NodeId): boolean {
    return this.get(nodeId) !== undefined
  }

  get(nodeId: NodeId): Certificate | undefined {
    const certificate = this.#entries.get(nodeId)?.certificate
    return certificate && this.#isInTime(certificate) ? certificate : undefined
  }

  /** The certificate as it travels. */
  signedOf(nodeId: NodeId): SignedCertificate | undefined {
    return this.has(nodeId) ? this.#entries.get(nodeId)?.signed : undefined
  }

  /** Who signed the certificate of this node. */
  issuerOf(nodeId: NodeId): string | undefined {
    return this.#entries.get(nodeId)?.issuer.issuerId
  }

  /** A node id or an issuer id. */
  isRevoked(id: string): boolean {
    return this.#revocations.has(id)
  }

  revocationOf(id: string): { revocation: Revocation; signed: SignedRevocation } | undefined {
    return this.#revocations.get(id)
  }

  get certificates(): SignedCertificate[] {
    return [...this.#entries.values()].flatMap((entry) => (entry.inForce ? [entry.signed] : []))
  }

  list(): Certificate[] {
    return [...this.#entries.values()].flatMap((entry) => (entry.inForce ? [entry.certificate] : []))
  }

  /** Those that may sign now. */
  issuers(): IssuerCertificate[] {
    const now = this.#clock.wall()
    return [...this.#issuers.values()].flatMap(({ certificate }) => (isInTime(certificate, now) ? [certificate] : []))
  }

  revocations(): Revocation[] {
    return [...this.#revocations.values()].map(({ revocation }) => revocation)
  }

  /** What others are told. */
  get contents(): RosterContents {
    return { ...this.saved, certificates: this.certificates }
  }

  /** What is kept on disk: also certificates whose time seems to be over. */
  get saved(): RosterContents {
    return {
      certificates: [...this.#entries.values()].map((entry) => entry.signed),
      issuers: [...this.#issuers.values()].map(({ signed }) => signed),
      revocations: [...this.#revocations.values()].map(({ signed }) => signed),
    }
  }

  /** Equal rosters have equal digests. Issuers and revocations count by their ids: who said it first is no difference. */
  get digest(): string {
    return this.#digest.text
  }

  onChange(listener: (change: RosterChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #isInTime(certificate: Certificate): boolean {
    const now = this.#clock.wall()
    return isInTime(certificate, now) || (now <= this.#lenientUntil && certificate.notBefore <= now)
  }

  /** Whoever revoked the issuer, or its node, voided all that it signed. */
  #isVoid({ issuerId, nodeId }: IssuerCertificate): boolean {
    return this.isRevoked(issuerId) || this.isRevoked(nodeId)
  }

  /** The expired one that is over for longest gives way. */
  #makeRoom(): boolean {
    if (this.#entries.size < membershipLimits.rosterMax) return true
    const over = [...this.#entries].filter(([, entry]) => !entry.inForce)
    const [oldest] = over.sort(([, a], [, b]) => a.certificate.notAfter - b.certificate.notAfter)
    if (!oldest) return false
    this.#drop(...oldest)
    return true
  }

  #putOut(nodeId: NodeId, entry: Entry, why: 'revoked' | 'issuer-revoked'): void {
    this.#drop(nodeId, entry)
    this.#tell({ type: 'gone', nodeId, why })
  }

  #drop(nodeId: NodeId, entry: Entry): void {
    this.#entries.delete(nodeId)
    this.#known.delete(textOf(entry.signed))
    if (entry.inForce) this.#digest.toggle(entry.signed.signature)
  }

  #readIssuer = (ring: RingTrust, signed: Signed): IssuerCertificate | undefined => {
    for (const known of this.#issuers.values()) {
      if (Buffer.compare(known.signed.signature, signed.signature) !== 0) continue
      if (Buffer.compare(known.signed.body, signed.body) === 0) return known.certificate
    }
    return readIssuer(ring, signed)
  }

  #tell(change: RosterChange): void {
    for (const listener of [...this.#listeners]) listener(change)
  }
}

/** Everywhere the same choice, also between two certificates of one moment. */
function isNewer(signed: Signed, { notBefore }: Certificate, known: Entry): boolean {
  if (notBefore !== known.certificate.notBefore) return notBefore > known.certificate.notBefore
  return Buffer.compare(signed.signature, known.signed.signature) > 0
}

/** Body and signature: the same signature on other bytes is another thing. */
function textOf({ body, signature }: Signed): string {
  return createHash('sha256').update(signature).update(body).digest('base64')
}
