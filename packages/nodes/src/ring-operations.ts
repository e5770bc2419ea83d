import { type Aor, type RangeId, rangeOf, splitAor, ThorError } from '@thor-node/core'
import {
  boundsOf,
  hasQuorum,
  type Member,
  type NodeId,
  type Overlay,
  type RangeVerdict,
  voters,
} from '@thor-node/overlay'
import {
  type DrainResult,
  type LossView,
  MOVES_SHOWN_MAX,
  type RecoverQuery,
  type RecoverResult,
  type RecoveryView,
  type RingContract,
  type RingMemberView,
  type RingNodeView,
  type RingRangeResult,
  type RingShowResult,
  type RingVerifyQuery,
  type RingVerifyResult,
} from './control/ring-contract.ts'

export interface RingOperationsComponents {
  overlay: Pick<
    Overlay,
    'self' | 'members' | 'ranges' | 'rpc' | 'store' | 'configs' | 'recovery' | 'verifier' | 'moves' | 'copied'
  > & { setServing(serving: boolean): void }
  /** Calls whose media pass through this node. */
  callsHere(): number
  /** It leaves for good: draining has no way back then. */
  isLeaving(): boolean
}

/** What a node tells of itself to whoever shows the ring. */
interface OwnFacts {
  filling: number
  copiedIn: number
  copiedOut: number
}

interface AuditBody {
  by: string
  at: number
  before: { epoch: number }
  after: { epoch: number }
}

const COPIES = 3
const ASK_TIMEOUT_MS = 1_000
const COPY = { member: 'whole', warming: 'filling', outsider: 'none' } as const

/** The ring as its operators see and handle it. */
export class RingOperations implements RingContract {
  readonly #c: RingOperationsComponents
  #draining = false

  constructor(components: RingOperationsComponents) {
    this.#c = components
    components.overlay.rpc.serve<null, OwnFacts>('node.ring', () => this.#ownFacts())
  }

  async ringShow(): Promise<RingShowResult> {
    const { overlay } = this.#c
    const { members, ranges, configs } = overlay
    const known = members
      .list()
      .filter((member) => member.state !== 'left')
      .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    const index = new Map(known.map((member, at) => [member.nodeId, at]))
    const live = new Set(known.filter(({ nodeId }) => members.isLive(nodeId)).map(({ nodeId }) => nodeId))
    const facts = await Promise.all(known.map((member) => this.#factsOf(member.nodeId)))
    const held = known.map(() => 0)
    const homesOf = known.map(() => 0)
    const zonesThere = new Set(known.map(({ zone }) => zone))
    const result: RingShowResult = {
      nodes: [],
      zones: [],
      homes: [],
      moving: [],
      thin: [],
      closed: [],
      oneZone: 0,
      moves: [],
      more: { groups: 0, ranges: 0 },
    }
    const wanted = Math.min(COPIES, known.length)
    for (const config of configs.all()) {
      const { range, old, next } = config
      const home = index.get(ranges.homeOf(range) ?? '') ?? -1
      result.homes.push(home)
      if (home >= 0) homesOf[home] = (homesOf[home] ?? 0) + 1
      for (const { nodeId } of old) {
        const at = index.get(nodeId)
        if (at !== undefined) held[at] = (held[at] ?? 0) + 1
      }
      if (next) result.moving.push(range)
      if (old.filter(({ nodeId }) => live.has(nodeId)).length < wanted) result.thin.push(range)
      if (!hasQuorum(config, live)) result.closed.push(range)
      const zones = new Set(old.map(({ nodeId }) => members.get(nodeId)?.zone))
      if (zonesThere.size > 1 && old.length > 1 && zones.size === 1) result.oneZone++
    }
    const fair = fairShares(
      known.filter(({ nodeId, weight }) => live.has(nodeId) && weight > 0),
      configs.count,
    )
    result.nodes = known.map((member, at): RingNodeView => {
      const share = fair.get(member.nodeId)
      return {
        ...pick(member),
        self: member.nodeId === overlay.self,
        serving: live.has(member.nodeId) && member.serving,
        homes: homesOf[at] as number,
        held: held[at] as number,
        fairHomes: share?.homes ?? 0,
        fairHeld: share?.held ?? 0,
        filling: facts[at]?.filling ?? null,
        copiedIn: facts[at]?.copiedIn ?? null,
        copiedOut: facts[at]?.copiedOut ?? null,
      }
    })
    result.zones = [...Map.groupBy(result.nodes, ({ zone }) => zone)]
      .map(([zone, nodes]) => ({
        zone,
        nodes: nodes.length,
        homes: nodes.reduce((sum, node) => sum + node.homes, 0),
        held: nodes.reduce((sum, node) => sum + node.held, 0),
      }))
      .sort((a, b) => a.zone.localeCompare(b.zone, 'en', { numeric: true }))
    const moves = overlay.moves()
    result.moves = moves.slice(0, MOVES_SHOWN_MAX).map(({ from, to, left, open, total: most, etaMs }) => ({
      from: this.#namesOf(from),
      to: this.#namesOf(to),
      left,
      open,
      total: most,
      etaSeconds: etaMs === undefined ? null : Math.ceil(etaMs / 1_000),
    }))
    const rest = moves.slice(MOVES_SHOWN_MAX)
    result.more = { groups: rest.length, ranges: rest.reduce((sum, { left }) => sum + left, 0) }
    return result
  }

  async ringRange({ range: number, name }: { range?: RangeId; name?: string }): Promise<RingRangeResult> {
    const { members, ranges, configs, store, rpc } = this.#c.overlay
    if ((number === undefined) === (name === undefined)) {
      throw new ThorError('NODE_BAD_RANGE', 'name either a range or whatever is placed in it')
    }
    const range = number ?? rangeOf(placeOf(name as string))
    if (range >= configs.count) throw new ThorError('NODE_BAD_RANGE', `ranges are 0 to ${configs.count - 1}`)
    const config = configs.get(range)
    const home = ranges.homeOf(range)
    const next = config.next && new Set(config.next.map(({ nodeId }) => nodeId))
    const views = voters(config).map(async (nodeId): Promise<RingMemberView> => {
      const entry = [...config.old, ...(config.next ?? [])].find((one) => one.nodeId === nodeId)
      const answer = await rpc
        .call<{ answers: [number, keyof typeof COPY][] }>(
          nodeId,
          'range.digests',
          { ranges: [range] },
          { timeoutMs: ASK_TIMEOUT_MS },
        )
        .catch(() => undefined)
      const told = answer?.answers[0]
      const isOld = config.old.some((one) => one.nodeId === nodeId)
      return {
        name: this.#nameOf(nodeId),
        nodeId,
        state: members.get(nodeId)?.state ?? 'unknown',
        since: entry?.since ?? 0,
        change: !isOld ? 'joins' : next && !next.has(nodeId) ? 'goes' : 'stays',
        home: nodeId === home,
        copy: told ? COPY[told[1]] : null,
        epoch: told ? told[0] : null,
      }
    })
    const audits = await store.set.list<AuditBody>(range, 'audit/recover/').catch(() => [])
    return {
      range,
      ...(name !== undefined && { name: placeOf(name) }),
      epoch: config.epoch,
      home: home === undefined ? null : this.#nameOf(home),
      changing: config.next !== undefined,
      members: await Promise.all(views),
      recoveries: audits.map(
        ({ body }): RecoveryView => ({
          at: body.at,
          by: body.by,
          epochBefore: body.before?.epoch,
          epochAfter: body.after?.epoch,
        }),
      ),
    }
  }

  async ringVerify({ from, count, repair = false }: RingVerifyQuery): Promise<RingVerifyResult> {
    const { verifier, configs } = this.#c.overlay
    const end = Math.min(configs.count, from + count)
    const ranges = Array.from({ length: Math.max(0, end - from) }, (_, at) => from + at)
    let verdicts = await verifier.verify(ranges)
    const differing = verdicts.filter(({ verdict }) => verdict === 'differs').map(({ range }) => range)
    const repaired: RangeId[] = []
    if (repair && differing.length > 0) {
      await verifier.repair(differing)
      const again = new Map((await verifier.verify(differing)).map((one) => [one.range, one]))
      verdicts = verdicts.map((one) => again.get(one.range) ?? one)
      for (const [range, { verdict }] of again) if (verdict === 'equal') repaired.push(range)
    }
    const of = (wanted: RangeVerdict['verdict']) => verdicts.filter(({ verdict }) => verdict === wanted)
    return {
      next: end < configs.count ? end : null,
      equal: of('equal').length,
      repaired,
      differing: of('differs').map(({ range, kinds, members }) => ({
        range,
        kinds,
        members: members.map(({ nodeId, digests }) => ({ name: this.#nameOf(nodeId), digests: digests ?? null })),
      })),
      unreachable: of('unreachable').map(({ range, members }) => ({
        range,
        members: members.filter(({ digests }) => !digests).map(({ nodeId }) => this.#nameOf(nodeId)),
      })),
      busy: of('busy').map(({ range }) => range),
    }
  }

  async drain({ start = false, undo = false }: { start?: boolean; undo?: boolean }): Promise<DrainResult> {
    const { overlay, callsHere, isLeaving } = this.#c
    if (undo && isLeaving()) throw new ThorError('NODE_LEAVING', 'this node leaves the ring: there is no way back')
    if (start || undo) {
      this.#draining = start && !undo
      overlay.setServing(!this.#draining)
    }
    return { draining: this.#draining || isLeaving(), homes: overlay.ranges.counts().home, calls: callsHere() }
  }

  async recover({ range, accept, by }: RecoverQuery): Promise<RecoverResult> {
    const { recovery, configs } = this.#c.overlay
    if (range !== 'all-lost' && range >= configs.count) {
      throw new ThorError('NODE_BAD_RANGE', `ranges are 0 to ${configs.count - 1}`)
    }
    const wanted = range === 'all-lost' ? range : [range]
    const { losses, refused } = await recovery.assess(wanted)
    const first = refused[0]
    if (range !== 'all-lost' && first) throw new ThorError(first.code, first.message)
    const views = losses.map(
      ({ config, lost, survivors, start, copy }): LossView => ({
        range: config.range,
        epoch: config.epoch,
        lost: lost.map(({ nodeId, deadForMs }) => ({
          name: this.#nameOf(nodeId),
          deadForSeconds: Math.floor(deadForMs / 1_000),
        })),
        survivors: survivors.map((nodeId) => this.#nameOf(nodeId)),
        start: this.#nameOf(start),
        copy,
      }),
    )
    const done =
      accept && losses.length > 0
        ? await recovery.recover(
            losses.map(({ config }) => config.range),
            by,
          )
        : []
    const recovered = done.map(({ after }) => ({
      range: after.range,
      epoch: after.epoch,
      start: this.#nameOf(after.old[0]?.nodeId ?? ''),
    }))
    return { losses: views, refused, recovered }
  }

  #ownFacts(): OwnFacts {
    const { configs, copied } = this.#c.overlay
    const filling = configs.all().filter(({ range }) => configs.isUnfilled(range)).length
    return { filling, copiedIn: copied.inBytes, copiedOut: copied.outBytes }
  }

  async #factsOf(nodeId: NodeId): Promise<OwnFacts | undefined> {
    const { rpc, members } = this.#c.overlay
    if (!members.isLive(nodeId)) return undefined
    return rpc.call<OwnFacts>(nodeId, 'node.ring', null, { timeoutMs: ASK_TIMEOUT_MS }).catch(() => undefined)
  }

  /** In order of name. */
  #namesOf(nodeIds: readonly NodeId[]): string[] {
    return nodeIds
      .map((nodeId) => this.#nameOf(nodeId))
      .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
  }

  #nameOf(nodeId: NodeId): string {
    return this.#c.overlay.members.get(nodeId)?.name ?? nodeId
  }
}

const pick = ({ name, nodeId, state, zone, weight }: Member) => ({ name, nodeId, state, zone, weight })

/** What each of these nodes would have if all were even, as placement sees it: by weight, and by zone where zones count. */
function fairShares(nodes: readonly Member[], count: number): Map<NodeId, { homes: number; held: number }> {
  const byZone = new Set(nodes.map(({ zone }) => zone)).size >= COPIES
  const homes = boundsOf(nodes, count, 1, byZone)
  const held = boundsOf(nodes, count, Math.min(COPIES, nodes.length), byZone)
  return new Map(
    nodes.map(({ nodeId }, at) => [
      nodeId,
      { homes: Math.round(homes[at]?.fair ?? 0), held: Math.round(held[at]?.fair ?? 0) },
    ]),
  )
}

/** An address in the form in which it places records; anything else as it is. */
function placeOf(name: string): Aor {
  const parts = splitAor(name)
  return parts ? `${parts.user}@${parts.domain.toLowerCase()}` : name
}
