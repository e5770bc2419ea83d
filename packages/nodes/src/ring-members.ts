import { type Clock, type Logger, ThorError } from '@thor-node/core'
import { hasQuorum, issuerLimits, type Member, type NodeId, type Overlay, type Revocation } from '@thor-node/overlay'
import type { MembersResult, MemberView, RevokeResult } from './control/contract.ts'
import { decodeIssuerCertificate, encodeIssuerRequest } from './issuer-text.ts'
import { ISSUERS_DEFAULT } from './membership.ts'
import { ISSUER_ROLE } from './roles.ts'

export interface RingMembersComponents {
  ring: Pick<Overlay, 'self' | 'roster' | 'members' | 'authority' | 'configs'>
  clock: Clock
  logger: Logger
  /** Path of the root key file, when it is on this machine. */
  rootFile(): Promise<string | undefined>
}

/** Who is a member, and who shall be none: what operators see of admission. */
export class RingMembers {
  readonly #c: RingMembersComponents
  readonly #log: Logger

  constructor(components: RingMembersComponents) {
    this.#c = components
    this.#log = components.logger.forComponent('nodes:members')
  }

  async list(): Promise<MembersResult> {
    const { ring } = this.#c
    const views = new Map<NodeId, MemberView>()
    for (const { nodeId } of ring.roster.list()) views.set(nodeId, this.#view(nodeId, ring.members.get(nodeId)))
    for (const member of ring.members.list()) views.set(member.nodeId, this.#view(member.nodeId, member))
    const revocations = ring.roster.revocations()
    for (const one of revocations) {
      if (one.kind === 'node') views.set(one.id, this.#revoked(one, ring.members.get(one.id)))
    }
    const members = [...views.values()].sort(
      (a, b) =>
        Number(a.revokedAt !== null) - Number(b.revokedAt !== null) ||
        a.name.localeCompare(b.name, 'en', { numeric: true }),
    )
    const rootKeyFile = (await this.#c.rootFile()) ?? null
    return { members, rootKeyFile, hints: this.#hints(members, rootKeyFile) }
  }

  /** Puts a node out for good. Throws `NODE_MEMBER_UNKNOWN`, `NODE_REVOKE_SELF`, `NODE_REVOKE_QUORUM`, and what `Authority.revoke` throws. */
  async revoke({ node, force = false }: { node: string; force?: boolean }): Promise<RevokeResult> {
    const { ring } = this.#c
    const { nodeId, name } = this.#find(node)
    if (nodeId === ring.self) {
      throw new ThorError(
        'NODE_REVOKE_SELF',
        `${name} is the node that was asked. To take it out in peace: "thor-node leave"; else ask another node to revoke it.`,
      )
    }
    const endangered = this.#rangesThatNeed(nodeId)
    if (endangered > 0 && !force) {
      throw new ThorError(
        'NODE_REVOKE_QUORUM',
        `without ${name}, ${endangered} ranges have no majority of live replicas: nothing in them could be changed any more. ` +
          'Start the dead nodes first, or let it leave ("thor-node leave" there); --force revokes it all the same.',
      )
    }
    try {
      await ring.authority.revoke(nodeId)
    } catch (error) {
      if (!(error instanceof ThorError) || !hints[error.code]) throw error
      throw new ThorError(error.code, `${error.message}: ${hints[error.code]}`, { cause: error })
    }
    this.#log.warn('a node was revoked', { audit: 'revoke', name, nodeId, force })
    return { name, nodeId }
  }

  async issuerRequest(): Promise<{ request: string; ringId: string }> {
    const request = await this.#c.ring.authority.request()
    return { request: encodeIssuerRequest(request), ringId: request.ringId }
  }

  async issuerInstall({ certificate }: { certificate: string }): Promise<{ issuerUntil: number }> {
    const { authority } = this.#c.ring
    await authority.install(decodeIssuerCertificate(certificate))
    this.#log.warn('a new issuer key', { audit: 'rotate', issuerId: authority.issuer?.certificate.issuerId })
    return { issuerUntil: authority.issuer?.certificate.notAfter ?? 0 }
  }

  #find(text: string): { nodeId: NodeId; name: string } {
    const { roster, members } = this.#c.ring
    const known = [...members.list(), ...roster.list()].filter(({ nodeId }) => !roster.isRevoked(nodeId))
    const found = known.find(({ nodeId, name }) => nodeId === text || name === text.toLowerCase())
    if (found) return found
    const revoked = roster.revocations().find(({ kind, id, name }) => kind === 'node' && (id === text || name === text))
    const why = revoked ? 'was revoked already' : 'is no member; "thor-node members" names them'
    throw new ThorError('NODE_MEMBER_UNKNOWN', `${text} ${why}`)
  }

  /** Ranges that have a majority of live replicas with this node, and none without. */
  #rangesThatNeed(nodeId: NodeId): number {
    const { configs, members } = this.#c.ring
    const live = new Set(members.list().flatMap((one) => (members.isLive(one.nodeId) ? [one.nodeId] : [])))
    const rest = new Set([...live].filter((id) => id !== nodeId))
    return configs.all().filter((config) => hasQuorum(config, live) && !hasQuorum(config, rest)).length
  }

  #view(nodeId: NodeId, member: Member | undefined): MemberView {
    const { roster, self } = this.#c.ring
    const certificate = roster.get(nodeId)
    const issuer = roster.issuers().find((one) => one.nodeId === nodeId)
    return {
      name: certificate?.name ?? member?.name ?? '',
      nodeId,
      state: member?.state ?? 'dead',
      self: nodeId === self,
      roles: [...(certificate?.roles ?? member?.roles ?? [])],
      zone: certificate?.zone ?? member?.zone ?? '',
      certificateUntil: certificate?.notAfter ?? null,
      issuerUntil: issuer?.notAfter ?? null,
      revokedAt: null,
      revokedBy: null,
    }
  }

  #revoked({ id, name, at, by }: Revocation, member: Member | undefined): MemberView {
    const seen = this.#view(id, member)
    const revokedBy = this.#c.ring.roster.get(by)?.name ?? by
    const state = by === id ? 'left' : 'revoked'
    return { ...seen, name, state, certificateUntil: null, issuerUntil: null, revokedAt: at, revokedBy }
  }

  /** Four fifths of its life are over; it is renewed at two thirds. */
  #isLate(nodeId: NodeId): boolean {
    const certificate = this.#c.ring.roster.get(nodeId)
    if (!certificate) return false
    const { notBefore, notAfter } = certificate
    return this.#c.clock.wall() > notBefore + (notAfter - notBefore) * 0.8
  }

  #hints(members: readonly MemberView[], rootKeyFile: string | null): string[] {
    const hints: string[] = []
    const here = members.filter(({ state }) => state !== 'left' && state !== 'revoked')
    const able = here.filter(({ issuerUntil }) => issuerUntil !== null)
    const wanting = members.filter(({ issuerUntil, roles, state }) => {
      return issuerUntil === null && roles.includes(ISSUER_ROLE) && (state === 'alive' || state === 'suspect')
    })
    const names = (some: readonly MemberView[]): string => some.map(({ name }) => name).join(', ')
    if (wanting.length > 0 && !rootKeyFile) {
      hints.push(`${names(wanting)} has the role issuer and no issuer key: "thor-node rotate --root FILE" there.`)
    }
    if (able.length < 2 && here.length > 1) {
      hints.push(
        'Only one node can issue certificates: when it is lost, nobody can join and no certificate is renewed.',
      )
    }
    const late = here.filter(({ nodeId, state }) => state === 'alive' && this.#isLate(nodeId))
    if (late.length > 0) {
      hints.push(
        `The certificate of ${names(late)} should have been renewed by now: is a node that can issue them live?`,
      )
    }
    const soon = this.#c.clock.wall() + issuerLimits.warnBeforeMs
    const ending = able.filter(({ issuerUntil }) => (issuerUntil ?? 0) < soon)
    if (ending.length > 0) {
      hints.push(`The issuer key of ${names(ending)} ends within 90 days: "thor-node rotate --root FILE" there.`)
    }
    if (rootKeyFile && able.length >= ISSUERS_DEFAULT) {
      hints.push(`The root key of the ring lies in ${rootKeyFile}: move it to a safe place off this machine.`)
    }
    return hints
  }
}

/** The last node that can issue certificates must not leave the others behind. Throws `ADMISSION_LAST_ISSUER`. */
export function refuseLastIssuer({ authority, members, self }: Pick<Overlay, 'authority' | 'members' | 'self'>): void {
  const others = [...authority.issuerNodes].filter((id) => id !== self && members.get(id)?.state !== 'left')
  const hasCompany = members.list().some(({ nodeId }) => nodeId !== self && members.isLive(nodeId))
  if (!authority.issuer || others.length > 0 || !hasCompany) return
  throw new ThorError(
    'ADMISSION_LAST_ISSUER',
    `this is the last node that may issue certificates: ${hints.ADMISSION_LAST_ISSUER}`,
  )
}

const hints: Readonly<Record<string, string>> = {
  ADMISSION_LAST_ISSUER:
    'the ring could never issue or renew a certificate again. Make another node an issuer first, with the root key file: ' +
    '"thor-node rotate --root FILE" there',
  ADMISSION_NO_ISSUER: 'start one of the nodes that "thor-node members" shows as issuers',
}
