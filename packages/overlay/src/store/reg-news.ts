import type { Clock, RangeId, RecordKey, Timer } from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import { recordKeyOf } from './acceptor-record.ts'
import { regLimits } from './reg-limits.ts'

/** `reg.changed`: registers that changed, or too many to name them. */
export type ChangedNews = { keys: [range: RangeId, name: string][] } | { all: true }

/** What nobody keeps copies of is not worth telling. */
export const isTold = ({ name }: RecordKey): boolean =>
  !(name.startsWith('bal/') || name.startsWith('tx/') || name.startsWith('voucher/'))

/** How long changes gather: everybody tells everybody, so the more nodes there are, the fewer frames each may send. */
export function newsAfterMs(nodes: number): number {
  return Math.round(Math.min(regLimits.newsMsMax, Math.max(regLimits.newsMs, nodes * 0.3)))
}

/** Undefined: any register may have changed. */
export type ChangeListener = (key: RecordKey | undefined) => void

export interface RegNewsComponents {
  clock: Clock
  rpc: Rpc & { onConnected?(listener: (peer: NodeId) => void): () => void }
  members: Members
}

/**
 * Tells every live node which registers changed, in batches, so that copies are not old for long. Nothing rests on it: news may
 * be lost, so copies end by themselves. After a broken connection it is unknown what was missed: everything may have changed.
 */
export class RegNews {
  readonly #components: RegNewsComponents
  readonly #listeners = new Set<ChangeListener>()
  readonly #untold = new Map<string, RecordKey>()
  #timer: Timer | undefined

  constructor(components: RegNewsComponents) {
    this.#components = components
    const { rpc } = components
    rpc.serve<ChangedNews, void>('reg.changed', (news) => {
      if ('all' in news) this.#tellHere(undefined)
      else for (const [range, name] of news.keys.slice(0, regLimits.newsKeysMax)) this.#tellHere({ range, name })
    })
    rpc.onConnected?.(() => this.#tellHere(undefined))
  }

  /** A change of this node, done or of unknown outcome. Listeners here hear of it at once. */
  changed(key: RecordKey): void {
    if (!isTold(key)) return
    this.#tellHere(key)
    if (this.#untold.size <= regLimits.newsKeysMax) this.#untold.set(recordKeyOf(key.range, key.name), key)
    // The first goes at once: who was told that an account is blocked, finds it blocked. What follows is gathered.
    if (!this.#timer) this.#send()
  }

  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Sends what waits. */
  close(): void {
    this.#timer?.cancel()
    this.#tellOthers()
  }

  #send(): void {
    const { clock, members } = this.#components
    this.#tellOthers()
    this.#timer = clock.after(newsAfterMs(members.list().length), () => {
      this.#timer = undefined
      if (this.#untold.size > 0) this.#send()
    })
  }

  #tellOthers(): void {
    if (this.#untold.size === 0) return
    const { members, rpc } = this.#components
    const many = this.#untold.size > regLimits.newsKeysMax
    const news: ChangedNews = many
      ? { all: true }
      : { keys: [...this.#untold.values()].map(({ range, name }) => [range, name]) }
    this.#untold.clear()
    for (const { nodeId } of members.list()) {
      if (nodeId !== members.self.nodeId && members.isLive(nodeId)) rpc.notify(nodeId, 'reg.changed', news)
    }
  }

  #tellHere(key: RecordKey | undefined): void {
    for (const listener of [...this.#listeners]) listener(key)
  }
}
