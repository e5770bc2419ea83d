import { type Clock, errorCode, type Logger, type Random, shuffled, ThorError } from '@thor-node/core'
import { membershipLimits } from '../limits.ts'
import type { Members } from '../membership/contract.ts'
import type { Roster, RosterNews } from '../membership/roster.ts'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import {
  type Certificate,
  certificateLimits,
  isInTime,
  type SignedCertificate,
  signCertificate,
} from './certificate.ts'
import type { Grant } from './invite.ts'
import { certifyIssuer, type IssuerKey, type IssuerRequest, type RootKey, readIssuer } from './issuer.ts'
import { type Revocation, type SignedRevocation, signRevocation } from './revocation.ts'
import { generateKeys, type KeyPair, keyIdOf, type Signed } from './signed.ts'

/** What a node keeps of its issuer key, on its own disk only. */
export interface IssuerState {
  issuer?: IssuerKey
  /** Made for a request that the root has not certified yet. */
  pending?: KeyPair
}

export interface AuthorityComponents {
  clock: Clock
  random: Random
  log: Logger
  rpc: Rpc
  roster: Roster
  members: Members
  /** Resolves when all live members have it: `Membership.announce`. */
  announce(news: RosterNews): Promise<void>
  /** The root key, while it is on this machine: then issuers are certified without an operator. */
  root?(): Promise<RootKey | undefined>
  saveIssuer?(state: IssuerState): Promise<void>
}

export interface AuthorityInit extends IssuerState {
  self: NodeId
  /** Of the certificates that it signs. @default certificateLimits.lifetimeMs */
  lifetimeMs?: number
}

/** Who has a certificate of the role gets an issuer key as soon as the root can be asked. */
export const ISSUER_ROLE = 'issuer'
/** Signing, and telling all live members, by another node. */
const ASK_TIMEOUT_MS = 5_000

/**
 * Signs certificates, when this node is an issuer, and asks one that is when it is not. Certificates reach all live members
 * before whoever asked for them.
 */
export class Authority {
  readonly #components: AuthorityComponents
  readonly #log: Logger
  readonly #self: NodeId
  readonly #lifetimeMs: number
  #state: IssuerState

  constructor(components: AuthorityComponents, init: AuthorityInit) {
    this.#components = components
    this.#log = components.log.forComponent('overlay:admission')
    this.#self = init.self
    this.#lifetimeMs = Math.min(init.lifetimeMs ?? certificateLimits.lifetimeMs, certificateLimits.lifetimeMs)
    this.#state = { issuer: init.issuer, pending: init.pending }
    const { rpc, roster } = components
    if (init.issuer) roster.addIssuer(init.issuer.signed)
    rpc.serve<null, SignedCertificate>('admission.renew', (_, from) => this.#renew(from))
    rpc.serve<{ nodeId: NodeId }, void>('admission.revoke', ({ nodeId }, from) => this.#revokeHere(nodeId, from))
    rpc.serve<IssuerRequest, Signed>('admission.certify', (request, from) => this.#certify(request, from))
  }

  /** The key of this node, when it may sign now. */
  get issuer(): IssuerKey | undefined {
    const { issuer } = this.#state
    const { roster, clock } = this.#components
    if (!issuer || roster.isRevoked(issuer.certificate.issuerId)) return undefined
    return isInTime(issuer.certificate, clock.wall()) ? issuer : undefined
  }

  /** Nodes with an issuer key, live or not. */
  get issuerNodes(): ReadonlySet<NodeId> {
    return new Set(this.#components.roster.issuers().map(({ nodeId }) => nodeId))
  }

  /** Other live nodes that may sign, in random order. */
  liveIssuers(): NodeId[] {
    const { members, random } = this.#components
    return shuffled(
      random,
      [...this.issuerNodes].filter((nodeId) => nodeId !== this.#self && members.isLive(nodeId)),
    )
  }

  /** Certifies a new member, or one that asks again. Throws `ADMISSION_NO_ISSUER`. */
  issue(nodeId: NodeId, grant: Grant): Promise<SignedCertificate> {
    const { name, placementId, roles, zone } = grant
    return this.#issue(nodeId, { name, placementId, roles, zone })
  }

  /** A new certificate for this node, from itself or any live issuer. Throws when none gave one. */
  async renewOwn(): Promise<void> {
    if (this.issuer) return void (await this.#renew(this.#self))
    const signed = await this.#askIssuers<SignedCertificate>('admission.renew', null)
    // The issuer told everybody, this node too; but that may have been lost.
    this.#components.roster.add(signed)
  }

  /**
   * Puts a node out for ever. Throws `ADMISSION_LAST_ISSUER` when nobody could sign anything afterwards, `ADMISSION_NO_ISSUER`
   * when no issuer lives.
   */
  async revoke(nodeId: NodeId): Promise<void> {
    if (this.issuer && nodeId !== this.#self) return this.#revokeHere(nodeId, this.#self)
    await this.#askIssuers('admission.revoke', { nodeId }, nodeId)
  }

  /** Asks a node that has the root key to certify a key of this node. Throws `ADMISSION_NO_ROOT` when none has it. */
  async becomeIssuer(): Promise<void> {
    const { rpc, members } = this.#components
    const request = await this.request()
    for (const { nodeId } of members.list().filter((member) => members.isLive(member.nodeId))) {
      try {
        return await this.install(await rpc.call<Signed>(nodeId, 'admission.certify', request))
      } catch (error) {
        if (errorCode(error) !== 'ADMISSION_NO_ROOT') this.#log.debug('not certified', { nodeId, error })
      }
    }
    throw new ThorError('ADMISSION_NO_ROOT', 'the root key of the ring is on none of the nodes')
  }

  /** What the root is to certify; the same until that is done. */
  async request(): Promise<IssuerRequest> {
    const pending = this.#state.pending ?? generateKeys()
    if (!this.#state.pending) await this.#save({ ...this.#state, pending })
    return { ringId: this.#components.roster.ring.ringId, nodeId: this.#self, publicKey: pending.publicKey }
  }

  /**
   * Takes what the root made of `request`, and retires the key that this node had before. Throws `ADMISSION_BAD_ISSUER`.
   */
  async install(signed: Signed): Promise<void> {
    const { roster, announce } = this.#components
    const { pending } = this.#state
    const certificate = readIssuer(roster.ring, signed)
    if (!pending || certificate?.nodeId !== this.#self || certificate.issuerId !== keyIdOf(pending.publicKey)) {
      const why = certificate ? 'it is for another key or node' : 'the root key of this ring did not sign it'
      throw new ThorError('ADMISSION_BAD_ISSUER', `this issuer certificate does not fit: ${why}`)
    }
    const issuer: IssuerKey = { certificate, signed, privateKey: pending.privateKey }
    await this.#save({ issuer })
    await announce({ issuers: [signed] })
    this.#log.info('this node is an issuer', { issuerId: certificate.issuerId })
    await this.retireOldKeys()
  }

  /** Revokes the keys that this node had before, after the members that they certified got new certificates. */
  async retireOldKeys(): Promise<void> {
    const { roster } = this.#components
    const { issuer } = this
    if (!issuer) return
    const current = issuer.certificate.issuerId
    for (const { nodeId, issuerId } of roster.issuers()) {
      if (nodeId !== this.#self || issuerId === current) continue
      await this.#signAnew((one) => roster.issuerOf(one.nodeId) === issuerId)
      await this.#announceRevocation(issuer, 'issuer', issuerId, roster.get(this.#self)?.name ?? '', this.#self)
    }
  }

  async #issue(
    nodeId: NodeId,
    grant: Pick<Certificate, 'name' | 'placementId' | 'roles' | 'zone'>,
  ): Promise<SignedCertificate> {
    const { roster, announce } = this.#components
    if (roster.isRevoked(nodeId)) throw new ThorError('ADMISSION_REVOKED', 'this node was revoked; it stays out')
    const signed = this.#sign(nodeId, grant)
    await announce({ certificates: [signed] })
    return signed
  }

  #sign(nodeId: NodeId, grant: Pick<Certificate, 'name' | 'placementId' | 'roles' | 'zone'>): SignedCertificate {
    const { clock, roster } = this.#components
    const { issuer } = this
    if (!issuer) throw noIssuer()
    const { name, placementId, roles, zone } = grant
    // Above what there is, whatever the clock says, so that it replaces it everywhere.
    const notBefore = Math.max(clock.wall(), (roster.get(nodeId)?.notBefore ?? 0) + 1)
    const { ringId } = roster.ring
    const notAfter = notBefore + this.#lifetimeMs
    return signCertificate(issuer, { ringId, nodeId, placementId, name, roles, zone, notBefore, notAfter })
  }

  /** A member asks. Who asks again soon gets the same. */
  async #renew(nodeId: NodeId): Promise<SignedCertificate> {
    const { roster, clock } = this.#components
    const known = roster.get(nodeId)
    const signed = roster.signedOf(nodeId)
    if (!known || !signed) throw new ThorError('ADMISSION_REVOKED', 'this node is no member any more')
    const isYoung = clock.wall() < (known.notBefore + known.notAfter) / 2
    return isYoung ? signed : this.#issue(nodeId, known)
  }

  async #revokeHere(nodeId: NodeId, by: NodeId): Promise<void> {
    const { roster, members } = this.#components
    const { issuer } = this
    if (!issuer) throw noIssuer()
    if (nodeId === this.#self) throw new ThorError('ADMISSION_LAST_ISSUER', 'an issuer does not revoke itself')
    if (roster.isRevoked(nodeId)) return
    if (roster.revocations().length >= membershipLimits.revocationsMax) {
      throw new ThorError('ADMISSION_TOO_MANY_REVOCATIONS', 'the ring keeps all the revocations that it may')
    }
    const name = roster.get(nodeId)?.name ?? members.get(nodeId)?.name ?? ''
    const keys = new Set(roster.issuers().flatMap((one) => (one.nodeId === nodeId ? [one.issuerId] : [])))
    await this.#signAnew((one) => one.nodeId !== nodeId && keys.has(roster.issuerOf(one.nodeId) ?? ''))
    await this.#announceRevocation(issuer, 'node', nodeId, name, by)
  }

  /** New certificates for members whose issuer is about to be revoked. */
  async #signAnew(isAffected: (certificate: Certificate) => boolean): Promise<void> {
    const { roster, announce } = this.#components
    const certificates = roster.list().flatMap((one) => (isAffected(one) ? [this.#sign(one.nodeId, one)] : []))
    if (certificates.length > 0) await announce({ certificates })
  }

  async #announceRevocation(
    issuer: IssuerKey,
    kind: Revocation['kind'],
    id: string,
    name: string,
    by: NodeId,
  ): Promise<void> {
    const { clock, roster, announce } = this.#components
    const revocation: Revocation = { ringId: roster.ring.ringId, kind, id, name, at: clock.wall(), by }
    const signed: SignedRevocation = signRevocation(issuer, revocation)
    await announce({ revocations: [signed] })
  }

  async #certify(request: IssuerRequest, from: NodeId): Promise<Signed> {
    const { roster, root, clock } = this.#components
    const key = await root?.()
    if (!key || key.ringId !== roster.ring.ringId) throw new ThorError('ADMISSION_NO_ROOT', 'no root key here')
    const { publicKey } = request ?? {}
    if (!(publicKey instanceof Uint8Array) || !roster.get(from)?.roles.includes(ISSUER_ROLE)) {
      throw new ThorError('ADMISSION_FAILED', `${from} has not the role of an issuer`)
    }
    this.#log.info('an issuer was certified', { nodeId: from })
    return certifyIssuer(key, { nodeId: from, publicKey: Uint8Array.from(publicKey) }, clock.wall())
  }

  /** The first live issuer that does it. Throws what the last one said, or `ADMISSION_NO_ISSUER`. */
  async #askIssuers<A>(method: string, body: unknown, except?: NodeId): Promise<A> {
    let last: unknown
    if (except !== undefined && [...this.issuerNodes].every((nodeId) => nodeId === except)) {
      throw new ThorError('ADMISSION_LAST_ISSUER', 'this is the last node that may issue certificates')
    }
    for (const nodeId of this.liveIssuers()) {
      if (nodeId === except) continue
      try {
        return await this.#components.rpc.call<A>(nodeId, method, body, { timeoutMs: ASK_TIMEOUT_MS })
      } catch (error) {
        last = error
      }
    }
    throw last ?? noIssuer()
  }

  async #save(state: IssuerState): Promise<void> {
    await this.#components.saveIssuer?.(state)
    this.#state = state
  }
}

export function noIssuer(): ThorError {
  return new ThorError('ADMISSION_NO_ISSUER', 'no node that may issue certificates can be reached')
}
