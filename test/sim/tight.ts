import { diskLimits, regLimits, rpcLimits, softLimits, transferLimits } from '@thor-node/overlay'

/**
 * Limits that a ring of a few nodes reaches under a handful of clients, so that what happens there is tried by everything that
 * a run does. Of all runs of this process, and before the first node is made.
 */
export function tighten(): void {
  const set = <T extends object>(limits: T, to: Partial<Record<keyof T, number>>): unknown => Object.assign(limits, to)
  set(regLimits, {
    recentMax: 8,
    recentRepeatMax: 20,
    unknownMax: 1,
    waitingPerKeyMax: 2,
    carriedMax: 3,
    transactionsMax: 2,
    copiesMax: 2,
    newsKeysMax: 1,
    pageEntriesMax: 3,
    redecideAtOnce: 2,
  })
  set(transferLimits, {
    chunkBytesMax: 1_024,
    windowChunks: 1,
    chunksAskedMax: 2,
    namesBytesMax: 64,
    itemsMax: 2,
    jobsAtOnceMax: 2,
    openPagesMax: 1,
    recordsAtOnce: 2,
  })
  set(softLimits, { owedMax: 2, snapshotWaitingMax: 2, snapshotBatchBytes: 64 })
  set(rpcLimits, { callsPerPeerMax: 32, handlersPerPeerMax: 12 })
  set(diskLimits, { batchOperationsMax: 2, waitingOperationsMax: 24 })
}
