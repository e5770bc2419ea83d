/**
 * The Paxos acceptor as a pure function, for registers (values are bytes) and for range configs.
 *
 *   promised ────────► never decreases
 *   prepare b:  b > promised   promised := b                              → promised(accepted, value)
 *               else                                                      → refused(promised)
 *   accept b v: b ≥ promised   accepted := b, value := v, promised := max(b, promise)   → accepted
 *               else                                                      → refused(promised)
 *
 * A prepare with the very ballot that is promised is refused too: so a proposer that crashed and forgot cannot gather a
 * second quorum for a ballot under which it may have sent a value. `promise` is the proposer's next ballot, riding on its
 * accept: with it the next change needs one round trip.
 */
import { type Ballot, compareBallots, NO_BALLOT } from './ballot.ts'

export interface AcceptorState<V> {
  promised: Ballot
  accepted: Ballot
  value: V | undefined
}

export type AcceptorInput<V> =
  | { type: 'prepare'; ballot: Ballot }
  | { type: 'accept'; ballot: Ballot; value: V; promise?: Ballot }

export type AcceptorReply<V> =
  | { type: 'promised'; accepted: Ballot; value: V | undefined }
  | { type: 'accepted' }
  | { type: 'refused'; promised: Ballot }

export const emptyAcceptor: AcceptorState<never> = { promised: NO_BALLOT, accepted: NO_BALLOT, value: undefined }

/** The new state must be durable before the reply is sent; after a refusal it is the old one, identically. */
export function step<V>(
  state: AcceptorState<V>,
  input: AcceptorInput<V>,
): { state: AcceptorState<V>; reply: AcceptorReply<V> } {
  const order = compareBallots(input.ballot, state.promised)
  if (order < 0 || (order === 0 && input.type === 'prepare')) {
    return { state, reply: { type: 'refused', promised: state.promised } }
  }
  if (input.type === 'prepare') {
    return {
      state: { ...state, promised: input.ballot },
      reply: { type: 'promised', accepted: state.accepted, value: state.value },
    }
  }
  const { ballot, value, promise } = input
  const promised = promise && compareBallots(promise, ballot) > 0 ? promise : ballot
  return { state: { promised, accepted: ballot, value }, reply: { type: 'accepted' } }
}
