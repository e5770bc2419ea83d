import { type Clock, type Random, type RegStore, recordKey, type Versioned } from '@thor-node/core'
import {
  chooseName,
  chooseZone,
  createInvite,
  createInviteRecord,
  fingerprintOf,
  formatInvite,
  type Grant,
  type InviteRecord,
  type Members,
  type NodeId,
  newPlacementId,
  type Redemption,
  type RingIdentity,
  type Roster,
  redeemInvite,
} from '@thor-node/overlay'
import { ROLES } from './membership.ts'

/** An invite names so many doors, the maker's first. */
const DOORS_MAX = 3

/** Invites: made by any node, redeemed at any node, once. */
export class Invites {
  readonly #reg: RegStore
  readonly #members: Members
  readonly #roster: Roster
  readonly #clock: Clock
  readonly #random: Random
  readonly #ring: RingIdentity

  constructor(
    components: { reg: RegStore; members: Members; roster: Roster; clock: Clock; random: Random },
    init: { ring: RingIdentity },
  ) {
    this.#reg = components.reg
    this.#members = components.members
    this.#roster = components.roster
    this.#clock = components.clock
    this.#random = components.random
    this.#ring = init.ring
  }

  async create(lifetimeMs: number): Promise<{ invite: string; expiresAt: number }> {
    const { self } = this.#members
    const doors = this.#members
      .list()
      .filter((member) => this.#members.isLive(member.nodeId))
      .sort((a, b) => Number(b === self) - Number(a === self))
      .flatMap(({ services: { host, admission } }) => (admission === undefined ? [] : [{ host, port: admission }]))
      .slice(0, DOORS_MAX)
    const invite = createInvite(this.#random, fingerprintOf(this.#ring.tlsCertificate), doors)
    const record = createInviteRecord(invite, this.#clock.wall(), lifetimeMs)
    await this.#reg.change<InviteRecord, void>(recordKey('invite', invite.id), `create ${invite.id}`, () => ({
      body: record,
      result: undefined,
    }))
    return { invite: formatInvite(invite), expiresAt: record.expiresAt }
  }

  /** The compare-and-set that makes one member of one invite. */
  redeem(request: {
    inviteId: string
    secret: Uint8Array
    nodeId: NodeId
    name?: string
    zone?: string
  }): Promise<Redemption> {
    const grant: Grant = {
      name: chooseName(
        request.name,
        this.#roster.list().map((certificate) => certificate.name),
      ),
      placementId: newPlacementId(this.#random),
      roles: [...ROLES],
      zone: chooseZone(request.zone),
    }
    const now = this.#clock.wall()
    const decide = (current: Versioned<InviteRecord> | undefined) => {
      const redemption = redeemInvite(current?.body, request, grant, now)
      const isNews = redemption.verdict === 'accepted' && redemption.isNew
      return isNews ? { body: redemption.record, result: redemption } : { keep: true as const, result: redemption }
    }
    const opId = `redeem ${request.inviteId} ${request.nodeId}`
    return this.#reg.change<InviteRecord, Redemption>(recordKey('invite', request.inviteId), opId, decide)
  }
}
