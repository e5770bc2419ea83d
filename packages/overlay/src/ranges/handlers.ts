import { type RangeId, ThorError } from '@thor-node/core'
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

/** What a member answers to whoever drives a change. `copied`: the stores whose records are copied to new members. */
export function serveChanges(components: { rpc: Rpc; configs: ConfigTable; copied: readonly RangeRecords[] }): void {
  const { rpc, configs, copied } = components
  const gate = new Gate(transferLimits.jobsAtOnceMax)

  rpc.serve<VoteBatch, VoteBatchAnswer>('range.vote', async ({ items }) => ({
    replies: await configs.vote(batchOf(items).map(checkedVote)),
  }))

  rpc.serve<InstallBatch, InstallAnswer>('range.install', async (batch) => {
    const wanted = batchOf(unpackConfigs(batch.configs))
    await configs.adoptAll(wanted)
    return { epochs: wanted.map(({ range }) => configs.get(range).epoch) }
  })

  rpc.serve<FillBatch, FillAnswer>('range.fill', async (batch) => {
    const items = batchOf(batch.items)
    const stale = items.find(({ range, epoch }) => configs.get(range).epoch !== epoch)
    if (stale) throw new ThorError('RANGES_STALE', `range ${stale.range} is not at epoch ${stale.epoch} here`)
    const ranges = items.map(({ range }): RangeId => range)
    await gate.run(async () => {
      for (const records of copied) await records.pull(ranges, batch.sources, batch.urgent === true)
    })
    await configs.markFilled(items)
    return {}
  })

  rpc.serve<ConfirmBatch, ConfirmAnswer>('range.confirm', ({ items }) => ({
    confirmed: batchOf(items).map(
      ({ range, epoch }) => configs.get(range).epoch >= epoch && configs.standing(range) === 'member',
    ),
  }))
}
