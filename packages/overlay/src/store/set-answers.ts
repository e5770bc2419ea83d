import { compareUtf8 } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import { hash8 } from './encoding.ts'
import type { Gathered } from './fanout.ts'
import type { GetAnswer, PutAnswer } from './set-replica.ts'

export function acknowledged(so: Gathered<PutAnswer>): Set<NodeId> {
  return new Set([...so.answers].filter(([, answer]) => 'ok' in answer).map(([from]) => from))
}

export function readers(so: Gathered<GetAnswer>): Set<NodeId> {
  return new Set([...so.answers].filter(([, answer]) => 'bodies' in answer).map(([from]) => from))
}

export function complete(so: Gathered<object>): Set<NodeId> {
  return new Set([...so.answers].filter(([, answer]) => 'items' in answer).map(([from]) => from))
}

export function found(so: Gathered<GetAnswer>): Uint8Array[] {
  const bodies = new Map<string, Uint8Array>()
  for (const answer of so.answers.values()) {
    if ('bodies' in answer) for (const bytes of answer.bodies) bodies.set(hash8(bytes), bytes)
  }
  return [...bodies].sort(([one], [other]) => compareUtf8(one, other)).map(([, bytes]) => bytes)
}

export function hasNewer(so: Gathered<object>): boolean {
  return [...so.answers.values()].some((answer) => 'newer' in answer)
}
