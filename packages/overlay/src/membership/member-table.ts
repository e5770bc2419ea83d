import { createHash } from 'node:crypto'
import type { Logger, Timer } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { Member, MemberChange, Members } from './contract.ts'
import type { Belief } from './detector.ts'
import { addressText, isSameView } from './view.ts'

/** What this node knows of one other member, and what it believes of it. */
export interface Entry {
  member: Member
  belief: Belief
  timer?: Timer
}

export interface MemberTableInit {
  log: Logger
  /** A member is new, or has another address. */
  onMoved(): void
}

/** Who is known, and who listens to changes. Decides nothing. */
export class MemberTable implements Members {
  readonly #init: MemberTableInit
  readonly #entries = new Map<NodeId, Entry>()
  readonly #listeners = new Set<(change: MemberChange) => void>()
  #self: Member
  #list: readonly Member[] | undefined
  #digest: string | undefined

  constructor(self: Member, init: MemberTableInit) {
    this.#self = self
    this.#init = init
  }

  get self(): Member {
    return this.#self
  }

  /** With this node, by node id. */
  list(): readonly Member[] {
    this.#list ??= [this.#self, ...[...this.#entries.values()].map((entry) => entry.member)].sort((a, b) =>
      a.nodeId < b.nodeId ? -1 : 1,
    )
    return this.#list
  }

  /** Equal for those who know the same of everybody; that a member is suspected makes no difference. */
  get digest(): string {
    if (this.#digest === undefined) {
      const texts = this.list().map(({ nodeId, incarnation, state }) => {
        return `${nodeId} ${incarnation} ${state === 'suspect' ? 'alive' : state}`
      })
      this.#digest = createHash('sha256').update(texts.join()).digest('base64').slice(0, 22)
    }
    return this.#digest
  }

  get(nodeId: NodeId): Member | undefined {
    return nodeId === this.#self.nodeId ? this.#self : this.#entries.get(nodeId)?.member
  }

  isLive(nodeId: NodeId): boolean {
    if (nodeId === this.#self.nodeId) return true
    const state = this.#entries.get(nodeId)?.member.state
    return state === 'alive' || state === 'suspect'
  }

  onChange(listener: (change: MemberChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Of the others. */
  entries(): Entry[] {
    return [...this.#entries.values()]
  }

  entry(nodeId: NodeId): Entry | undefined {
    return this.#entries.get(nodeId)
  }

  /** Members that are alive, without this node and that one. */
  aliveBesides(nodeId: NodeId): number {
    let count = 0
    for (const { member } of this.#entries.values()) if (member.state === 'alive' && member.nodeId !== nodeId) count++
    return count
  }

  add(entry: Entry): void {
    this.#entries.set(entry.member.nodeId, entry)
    this.#emit({ member: entry.member, previous: undefined })
  }

  replace(entry: Entry, member: Member): void {
    const previous = entry.member
    entry.member = member
    this.#forget()
    if (isSameView(previous, member)) return
    if (previous.state !== member.state) {
      this.#init.log.info('member changed', { name: member.name, from: previous.state, to: member.state })
    }
    this.#emit({ member, previous })
  }

  setSelf(self: Member): void {
    const previous = this.#self
    this.#self = self
    this.#emit({ member: self, previous })
  }

  /** What was derived from the entries. */
  #forget(): void {
    this.#list = undefined
    this.#digest = undefined
  }

  #emit(change: MemberChange): void {
    this.#forget()
    if (addressText(change.member) !== (change.previous && addressText(change.previous))) this.#init.onMoved()
    for (const listener of [...this.#listeners]) {
      try {
        listener(change)
      } catch (error) {
        this.#init.log.error('a listener failed', { error })
      }
    }
  }
}
