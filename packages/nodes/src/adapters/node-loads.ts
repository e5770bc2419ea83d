import { type Clock, errorMessage, every, type Lifecycle, type Logger, loopRests, type Timer } from '@thor-node/core'
import type { NodeId } from '@thor-node/overlay'
import {
  DEFAULT_PRIORITY,
  idleLoad,
  isLoadLevel,
  LOAD_SAMPLE_MS,
  type LoadLevel,
  MIDDLE_LEVEL,
  nextLoad,
  PRIORITY_MAX,
  SHARE_MAX,
} from '../dns/load.ts'
import { type RingAccess, tellOthers } from './ring-access.ts'

/** Told again: news may be lost. */
const AGAIN_MS = 5_000

/** What a node says of itself for DNS. */
export interface NodeShare {
  level: LoadLevel
  /** By setting, beside the weight for ranges. */
  weight: number
  /** Of SRV: lower ones first (RFC 2782). */
  priority: number
}

const UNHEARD: NodeShare = { level: MIDDLE_LEVEL, weight: 1, priority: DEFAULT_PRIORITY }

/** Share of the time since the call before in which this thread worked; rests of its loop are none. */
export function loopBusy(rested: () => number = () => loopRests.restedMs): () => number {
  let before = performance.eventLoopUtilization()
  let restedBefore = rested()
  return () => {
    const now = performance.eventLoopUtilization()
    const restedMs = rested()
    const { active, idle } = performance.eventLoopUtilization(now, before)
    const busy = Math.max(0, active - (restedMs - restedBefore)) / (active + idle || 1)
    before = now
    restedBefore = restedMs
    return busy
  }
}

/** How much each node has to do, as it says itself; every node hears of all, so all give the same answers. */
export class NodeLoads implements Lifecycle {
  readonly #ring: Pick<RingAccess, 'members' | 'rpc' | 'self'>
  readonly #busy: () => number
  readonly #shedding: () => boolean
  readonly #clock: Clock
  readonly #log: Logger
  readonly #heard = new Map<NodeId, NodeShare>()
  readonly #listeners = new Set<() => void>()
  readonly #weight: number
  readonly #priority: number
  #state = idleLoad
  #toldAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  #undo: (() => void) | undefined

  constructor(
    components: {
      ring: Pick<RingAccess, 'members' | 'rpc' | 'self'>
      busy: () => number
      shedding: () => boolean
      clock: Clock
      logger: Logger
    },
    init: { weight: number; priority: number },
  ) {
    this.#ring = components.ring
    this.#busy = components.busy
    this.#shedding = components.shedding
    this.#clock = components.clock
    this.#log = components.logger.forComponent('node:loads')
    this.#weight = init.weight
    this.#priority = init.priority
    this.#ring.rpc.serve<unknown, void>('node.load', (news, from) => this.#take(news, from))
  }

  async start(): Promise<void> {
    if (this.#timer) return
    this.#busy()
    this.#undo = this.#ring.members.onChange(({ member: { nodeId } }) => {
      if (nodeId === this.#ring.self) return
      // Who is new, or was away, has not heard what this node is like.
      if (this.#ring.members.isLive(nodeId)) this.#ring.rpc.notify(nodeId, 'node.load', this.#own)
      else if (this.#heard.delete(nodeId)) this.#changed()
    })
    this.#timer = every(
      this.#clock,
      LOAD_SAMPLE_MS,
      () => this.#sample(),
      (error) => this.#log.warn('load not told', { error: errorMessage(error) }),
    )
    this.#tell()
  }

  async stop(): Promise<void> {
    this.#undo?.()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  of(nodeId: NodeId): NodeShare {
    return nodeId === this.#ring.self ? this.#own : (this.#heard.get(nodeId) ?? UNHEARD)
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  get #own(): NodeShare {
    return { level: this.#state.level, weight: this.#weight, priority: this.#priority }
  }

  #sample(): void {
    const { level } = this.#state
    const now = this.#clock.now()
    this.#state = nextLoad(this.#state, { busy: this.#busy(), shedding: this.#shedding(), now })
    const isNew = this.#state.level !== level
    if (isNew) this.#changed()
    if (isNew || now - this.#toldAt >= AGAIN_MS) this.#tell()
  }

  #tell(): void {
    this.#toldAt = this.#clock.now()
    tellOthers(this.#ring, 'node.load', this.#own)
  }

  #take(news: unknown, from: NodeId): void {
    const share = readShare(news)
    if (!share || !this.#ring.members.isLive(from)) return
    const known = this.of(from)
    this.#heard.set(from, share)
    if (known.level !== share.level || known.weight !== share.weight || known.priority !== share.priority)
      this.#changed()
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** Of another version, or broken: nothing is taken. */
function readShare(value: unknown): NodeShare | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { level, weight, priority } = value as Record<string, unknown>
  if (!isLoadLevel(level) || typeof weight !== 'number' || !(weight > 0 && weight <= SHARE_MAX)) return undefined
  if (typeof priority !== 'number' || !Number.isInteger(priority) || priority < 0 || priority > PRIORITY_MAX) return
  return { level, weight, priority }
}
