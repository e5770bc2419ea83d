import { type Clock, errorMessage, every, type Lifecycle, type Logger, recordKey, type Timer } from '@thor-node/core'
import type { NodeId } from '@thor-node/overlay'
import type { LineReport } from '@thor-node/sip'
import { TRUNKS_MAX } from './limits.ts'
import { type RingAccess, tellOthers } from './ring-access.ts'

/** How a trunk is, as the node says that looks after it. Also the body of `trunkstate/<name>`. */
export interface TrunkTold extends LineReport {
  name: string
  node: NodeId
  /** Wall time in ms; the latest word counts. */
  at: number
}

/** Told again so often, for news may be lost; kept for whoever takes over, or starts. */
const AGAIN_MS = 5_000
const KEPT_MS = 60_000
/** Texts of carriers are cut. */
const TEXT_MAX = 200

/** What every node knows of the trunks: told by their homes within moments, and kept in the ring. */
export class TrunkStates implements Lifecycle {
  readonly #ring: Pick<RingAccess, 'members' | 'rpc' | 'self' | 'store'>
  readonly #clock: Clock
  readonly #log: Logger
  readonly #onNews: () => void
  readonly #known = new Map<string, TrunkTold>()
  /** Of the trunks that this node looks after. */
  readonly #own = new Map<string, LineReport>()
  #timer: Timer | undefined

  constructor(components: {
    ring: Pick<RingAccess, 'members' | 'rpc' | 'self' | 'store'>
    clock: Clock
    logger: Logger
    onNews(): void
  }) {
    this.#ring = components.ring
    this.#clock = components.clock
    this.#log = components.logger.forComponent('node:trunks')
    this.#onNews = components.onNews
    this.#ring.rpc.serve<unknown, void>('trunk.state', (told, from) => {
      for (const one of readTold(told)) if (one.node === from) this.#take(one)
      this.#onNews()
    })
  }

  async start(): Promise<void> {
    if (this.#timer) return
    const onError = (error: unknown): void => this.#log.warn('trunks not told', { error: errorMessage(error) })
    this.#timer = every(this.#clock, AGAIN_MS, () => this.#tellAll(), onError)
    const kept = await this.#ring.store.soft.list<TrunkTold>('trunkstate/').catch(() => [])
    for (const { entries } of kept) for (const one of readTold(entries.map(({ body }) => body))) this.#take(one)
    this.#onNews()
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Undefined when nobody has said anything for a while. */
  of(name: string): TrunkTold | undefined {
    const told = this.#known.get(name)
    return told && this.#clock.wall() - told.at < KEPT_MS ? told : undefined
  }

  /** What the line of this node says. */
  say(name: string, report: LineReport): void {
    this.#own.set(name, report)
    this.#tell([this.#toldOf(name, report)])
  }

  /** Another node looks after it, or nobody. */
  silence(name: string): void {
    this.#own.delete(name)
  }

  /** There is no such trunk any more. */
  forget(name: string): void {
    this.#own.delete(name)
    this.#known.delete(name)
  }

  #tellAll(): void {
    if (this.#own.size > 0) this.#tell([...this.#own].map(([name, report]) => this.#toldOf(name, report)))
  }

  #tell(told: readonly TrunkTold[]): void {
    const { store } = this.#ring
    for (const one of told) {
      this.#take(one)
      const entry = { sub: 'state', body: one, ttlMs: KEPT_MS, seq: one.at }
      store.soft.put(recordKey('trunkstate', one.name), entry).catch((error) => {
        this.#log.info('state of a trunk not kept', { trunk: one.name, error: errorMessage(error) })
      })
    }
    tellOthers(this.#ring, 'trunk.state', told)
    this.#onNews()
  }

  #take(told: TrunkTold): void {
    const known = this.#known.get(told.name)
    if (known ? known.at > told.at : this.#known.size >= TRUNKS_MAX) return
    this.#known.set(told.name, told)
  }

  #toldOf(name: string, report: LineReport): TrunkTold {
    const at = Math.max(this.#clock.wall(), this.#known.get(name)?.at ?? 0)
    return { ...report, name, node: this.#ring.self, at }
  }
}

/** What another version, or somebody broken, says is left out. */
function readTold(value: unknown): TrunkTold[] {
  if (!Array.isArray(value)) return []
  return value.slice(0, TRUNKS_MAX).flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null) return []
    const { name, node, at, health, addresses, registration } = one as Partial<TrunkTold>
    if (typeof name !== 'string' || typeof node !== 'string' || !Number.isFinite(at)) return []
    if (typeof health !== 'object' || typeof health?.up !== 'boolean' || !Array.isArray(addresses)) return []
    const told = registration && { ...registration, reason: String(registration.reason).slice(0, TEXT_MAX) }
    return [{ name, node, at: at as number, health, addresses, ...(told && { registration: told }) }]
  })
}
