import { type Clock, type Random, type RegStore, recordKey, type Versioned } from '@thor-node/core'
import {
  type AdmitRequest,
  type AdmitVerdict,
  type Authority,
  chooseName,
  chooseZone,
  createInvite,
  createInviteRecord,
  doorKeyOf,
  fingerprintOf,
  formatInvite,
  type Grant,
  type InviteRecord,
  type Members,
  type NodeId,
  newPlacementId,
  noIssuer,
  type Redemption,
  type RingTrust,
  type Roster,
  type Rpc,
  redeemInvite,
} from '@thor-node/overlay'
import { ISSUERS_DEFAULT } from './membership.ts'
import { ISSUER_ROLE, ROLES } from './roles.ts'

/** An invite names so many doors, the maker's first. */
const DOORS_MAX = 3
/** A redemption, with all that the issuer does for it. */
const REDEEM_TIMEOUT_MS = 5_000

export interface InvitesComponents {
  reg: RegStore
  members: Members
  roster: Roster
  authority: Authority
  rpc: Rpc
  clock: Clock
  random: Random
}

export interface InviteWishes {
  roles?: readonly string[]
  zone?: string
}

/** Invites: made by any node, redeemed at any node, once. */
export class Invites {
  readonly #c: InvitesComponents
  readonly #ring: RingTrust

  constructor(components: InvitesComponents, init: { ring: RingTrust }) {
    this.#c = components
    this.#ring = init.ring
    components.rpc.serve<AdmitRequest, AdmitVerdict>('admission.redeem', (request) => this.#admitHere(request))
  }

  async create(lifetimeMs: number, wishes: InviteWishes = {}): Promise<{ invite: string; expiresAt: number }> {
    const { members, random, clock, reg } = this.#c
    const { self } = members
    const doors = members
      .list()
      .filter((member) => members.isLive(member.nodeId))
      .sort((a, b) => Number(b === self) - Number(a === self))
      .flatMap(({ nodeId, services: { host, admission } }) =>
        admission === undefined ? [] : [{ host, port: admission, key: doorKeyOf(nodeId) }],
      )
      .slice(0, DOORS_MAX)
    const invite = createInvite(random, fingerprintOf(this.#ring), doors)
    const record = createInviteRecord(invite, clock.wall(), lifetimeMs, { ...wishes, createdBy: self.nodeId })
    await reg.change<InviteRecord, void>(recordKey('invite', invite.id), `create ${invite.id}`, () => ({
      body: record,
      result: undefined,
    }))
    return { invite: formatInvite(invite), expiresAt: record.expiresAt }
  }

  /** For the door of this node: a node that cannot issue certificates passes on to one that can. */
  async admit(request: AdmitRequest): Promise<AdmitVerdict> {
    const { authority, rpc } = this.#c
    if (authority.issuer) return this.#admitHere(request)
    let last: unknown
    for (const nodeId of authority.liveIssuers()) {
      try {
        return await rpc.call<AdmitVerdict>(nodeId, 'admission.redeem', request, { timeoutMs: REDEEM_TIMEOUT_MS })
      } catch (error) {
        last = error
      }
    }
    throw last ?? noIssuer()
  }

  async #admitHere(request: AdmitRequest): Promise<AdmitVerdict> {
    const { authority } = this.#c
    if (!authority.issuer) throw noIssuer()
    const redemption = await this.#redeem(request)
    if (redemption.verdict !== 'accepted') return redemption
    return { verdict: 'accepted', certificate: await authority.issue(request.nodeId, redemption.grant) }
  }

  /** The compare-and-set that makes one member of one invite. */
  #redeem(request: AdmitRequest): Promise<Redemption> {
    const { roster, random, clock, reg } = this.#c
    const grant: Grant = {
      name: chooseName(
        request.name,
        roster.list().map((certificate) => certificate.name),
      ),
      placementId: newPlacementId(random),
      roles: [...ROLES, ...(this.#lacksIssuers(request.nodeId) ? [ISSUER_ROLE] : [])],
      zone: chooseZone(request.zone),
    }
    const now = clock.wall()
    const decide = (current: Versioned<InviteRecord> | undefined) => {
      const redemption = redeemInvite(current?.body, request, grant, now)
      const isNews = redemption.verdict === 'accepted' && redemption.isNew
      return isNews ? { body: redemption.record, result: redemption } : { keep: true as const, result: redemption }
    }
    const opId = `redeem ${request.inviteId} ${request.nodeId}`
    return reg.change<InviteRecord, Redemption>(recordKey('invite', request.inviteId), opId, decide)
  }

  /** A ring that loses any one node must still be able to issue certificates. */
  #lacksIssuers(newcomer: NodeId): boolean {
    const { roster, authority, members } = this.#c
    const named = roster.list().flatMap(({ nodeId, roles }) => (roles.includes(ISSUER_ROLE) ? [nodeId] : []))
    const able = [...new Set([...named, ...authority.issuerNodes])].filter(
      (nodeId) => nodeId !== newcomer && members.get(nodeId)?.state !== 'left',
    )
    return able.length < ISSUERS_DEFAULT
  }
}
