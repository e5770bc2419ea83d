import type { NodeId } from '../peers.ts'
import type { Member } from './contract.ts'

/** What news of a known member, at its incarnation or a higher one, makes of it. */
export interface Digested {
  member: Member
  /** `left` for good; `back`: it says of itself that it lives, after this node had doubts. */
  verdict?: 'left' | 'back'
  /** Somebody else takes it for dead: evidence, not a fact. */
  accused: boolean
}

/** Pure. What others think of a member's state is evidence; what it says of itself is a fact. */
export function digestNews(known: Member, news: Member, from: NodeId): Digested {
  const isHigher = news.incarnation > known.incarnation
  if (news.state === 'left') {
    return { member: !isHigher && known.state === 'left' ? known : news, verdict: 'left', accused: false }
  }
  const accused = news.state === 'dead' && from !== news.nodeId
  if (!isHigher) return { member: known, accused }
  const isBack = news.state === 'alive' && known.state !== 'alive'
  const state = isBack ? 'alive' : known.state === 'left' ? 'dead' : known.state
  return { member: { ...news, state }, accused, ...(isBack && { verdict: 'back' as const }) }
}
