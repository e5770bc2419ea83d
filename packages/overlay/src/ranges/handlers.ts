import { type Clock, ENOUGH, type RangeId, sleep, ThorError } from '@thor-node/core'
import type { Rpc } from '../rpc/contract.ts'
import { Gate } from '../store/gate.ts'
import { transferLimits } from '../store/limits.ts'
import type { ConfigTable } from './config-table.ts'
import { unpackConfigs } from './config-wire.ts'
import type { RangeRecords } from './contract.ts'
import {
  batchOf,
  type ConfirmAnswer,
  type ConfirmBatch,
  checkedVote,
  type FillAnswer,
  type FillBatch,
  type InstallAnswer,
  type InstallBatch,
  type VoteBatch,
  type VoteBatchAnswer,
} from './messages.ts'

/** Whoever drives a change hears so often that a copy goes on: its caller must not wait for ever for an answer that got lost. */
const FILL_ANSWER_MS = 1_000

/** What a member answers to whoever drives a change. `copied`: the stores whose records are copied to new members. */
export function serveChanges(components: {
  clock: Clock
  rpc: Rpc
  configs: ConfigTable
  copied: readonly RangeRecords[]
}): void {
  const { clock, rpc, configs, copied } = components
  const gate = new Gate(transferLimits.jobsAtOnceMax)
  const fills = new Map<string, Promise<void>>()

  rpc.serve<VoteBatch, VoteBatchAnswer>('range.vote', async ({ items }) => ({
    replies: await configs.vote(batchOf(items).map(checkedVote)),
  }))

  rpc.serve<InstallBatch, InstallAnswer>('range.install', async (batch) => {
    const wanted = batchOf(unpackConfigs(batch.configs))
    await configs.adoptAll(wanted)
    return { epochs: wanted.map(({ range }) => configs.get(range).epoch) }
  })

  const fill = async ({ items, sources, urgent }: FillBatch): Promise<void> => {
    const ranges = items.map(({ range }): RangeId => range)
    await gate.run(async () => {
      for (const records of copied) await records.pull(ranges, sources, urgent === true)
    })
    await configs.markFilled(items)
  }

  rpc.serve<FillBatch, FillAnswer>('range.fill', async (batch) => {
    const items = batchOf(batch.items)
    const stale = items.find(({ range, epoch }) => configs.get(range).epoch !== epoch)
    if (stale) throw new ThorError('RANGES_STALE', `range ${stale.range} is not at epoch ${stale.epoch} here`)
    const id = JSON.stringify([items, batch.sources])
    let running = fills.get(id)
    if (!running) {
      running = fill(batch).finally(() => fills.delete(id))
      running.catch(() => undefined)
      fills.set(id, running)
    }
    const patience = new AbortController()
    const long = sleep(clock, FILL_ANSWER_MS, patience.signal).then(
      () => false,
      () => false,
    )
    const done = await Promise.race([running.then(() => true), long])
    patience.abort(ENOUGH)
    return { done }
  })

  rpc.serve<ConfirmBatch, ConfirmAnswer>('range.confirm', ({ items }) => ({
    confirmed: batchOf(items).map(
      ({ range, epoch }) => configs.get(range).epoch >= epoch && configs.standing(range) === 'member',
    ),
  }))
}
