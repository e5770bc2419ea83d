import { errorCode, type RecordKey } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { AcceptorStore } from './acceptor-store.ts'
import { RegCopies } from './reg-copies.ts'
import { regLimits } from './reg-limits.ts'
import type { NearAnswer } from './reg-messages.ts'
import { isTold, type RegNews } from './reg-news.ts'
import { checkName, type KeyProposer, type KeyProposerComponents } from './reg-paxos.ts'
import { Held } from './reg-value.ts'

export interface NearReadsComponents extends KeyProposerComponents {
  acceptors: AcceptorStore
  proposer: KeyProposer
  news: RegNews
}

/**
 * Near reads: a copy of this node, else what a quorum names alike, kept as a copy for the next. When that takes longer than a
 * moment, or there is no quorum, one replica's word, which is not kept.
 */
export class NearReads {
  readonly #components: NearReadsComponents
  readonly #self: NodeId
  readonly #copies: RegCopies

  constructor(components: NearReadsComponents, init: { self: NodeId }) {
    this.#components = components
    this.#self = init.self
    this.#copies = new RegCopies(components)
  }

  async read(key: RecordKey): Promise<Held | undefined> {
    checkName(key)
    if (!isTold(key)) return this.#fromReplica(key)
    const copy = this.#copies.get(key)
    if (copy) return copy
    const asking = this.#copies.fill(key, () => this.#components.proposer.glance(key))
    const found = await this.#orAfter(asking, regLimits.nearHedgeMs)
    return found?.sure ? found.held : this.#fromReplica(key)
  }

  get size(): number {
    return this.#copies.size
  }

  #orAfter<T>(asking: Promise<T>, afterMs: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      const timer = this.#components.clock.after(afterMs, () => resolve(undefined))
      const end = (found: T | undefined): void => {
        timer.cancel()
        resolve(found)
      }
      asking.then(end, () => end(undefined))
    })
  }

  async #fromReplica(key: RecordKey): Promise<Held | undefined> {
    const { configs, acceptors, members, rpc, proposer } = this.#components
    if (configs.standing(key.range) === 'member') {
      try {
        return heldOrNot(await acceptors.near(key.range, key.name))
      } catch (error) {
        if (errorCode(error) !== 'STORE_CORRUPT') throw error
      }
    }
    const others = configs.get(key.range).old.map(({ nodeId }) => nodeId)
    const live = others.filter((other) => other !== this.#self && members.isLive(other))
    const asked = live.map((nodeId) =>
      rpc.call<NearAnswer>(nodeId, 'reg.near', key, { timeoutMs: regLimits.roundTimeoutMs }),
    )
    // At once: one that is cut off must not keep the next one waiting.
    const answer = await Promise.any(asked).catch(() => undefined)
    return answer ? heldOrNot(answer.value ?? undefined) : proposer.read(key)
  }
}

const heldOrNot = (bytes: Uint8Array | undefined): Held | undefined => (bytes ? new Held(bytes) : undefined)
