import { errorCode } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { RangeConfig } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import { newerOf } from './set-replica.ts'
import type { SoftPut, SoftPutAnswer } from './soft-messages.ts'

export interface SoftTargets {
  /** The preference list. */
  first: readonly NodeId[]
  /** Who will own the range when a change under way ends: as many of these must have it too. */
  after: readonly NodeId[]
  /** Each takes the place of one that failed. Asked for when one has. */
  spare(): readonly NodeId[]
  /** Acknowledgements that are enough. */
  copies: number
  timeoutMs: number
  /** One of the list or of those after the change did not answer, maybe when all is over. */
  onMissed?(to: NodeId): void
}

export interface SoftWritten {
  /** Of the list and the spares. */
  acks: number
  newer?: RangeConfig
  behind?: { seq: number; hlc: number }
  /** A node answered that this must not be stored, wherever. */
  refusal?: unknown
}

/**
 * One round of a write: to the whole list, over as soon as enough nodes have it or somebody knows better. Each that fails is
 * replaced by a spare, so a write on one copy only means that no other node could be reached. During a change it goes to the
 * new members too, and waits for as many of the members after it: their copies were made before, and whoever reads when
 * the change has ended asks two of them. Never rejects.
 */
export function writeSoft({ rpc }: { rpc: Rpc }, request: SoftPut, targets: SoftTargets): Promise<SoftWritten> {
  const { copies, timeoutMs, first, after } = targets
  let spare: NodeId[] | undefined
  const so: SoftWritten = { acks: 0 }
  let later = 0
  const laterWanted = Math.min(copies, after.length)
  return new Promise((resolve) => {
    let running = 0
    const send = (to: NodeId, counts: boolean): void => {
      running++
      rpc.call<SoftPutAnswer>(to, 'soft.put', request, { timeoutMs }).then(
        (answer) => {
          running--
          if ('ok' in answer) {
            if (counts) so.acks++
            if (after.includes(to)) later++
          } else if ('behind' in answer) so.behind = higher(so.behind, answer.behind)
          else so.newer = newerOf(answer) ?? so.newer
          look()
        },
        (error: unknown) => {
          running--
          if (errorCode(error) === 'STORE_TOO_LARGE') so.refusal = error
          else if (first.includes(to) || after.includes(to)) targets.onMissed?.(to)
          spare ??= targets.spare().slice()
          const next = counts && so.acks < copies && !so.refusal ? spare.shift() : undefined
          if (next !== undefined) send(next, true)
          look()
        },
      )
    }
    const look = (): void => {
      const enough = so.acks >= copies && later >= laterWanted
      if (so.newer || so.behind || so.refusal || enough || running === 0) resolve({ ...so })
    }
    for (const to of first) send(to, true)
    for (const to of after) if (!first.includes(to)) send(to, false)
    if (running === 0) resolve(so)
  })
}

function higher(
  one: { seq: number; hlc: number } | undefined,
  other: { seq: number; hlc: number },
): { seq: number; hlc: number } {
  return { seq: Math.max(one?.seq ?? 0, other.seq), hlc: Math.max(one?.hlc ?? 0, other.hlc) }
}
