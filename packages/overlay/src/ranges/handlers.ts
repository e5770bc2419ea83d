import { type Clock, ENOUGH, type RangeId, sleep } from '@thor-node/core'
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
  sourcesOf,
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
  const fills = new Map<string, Promise<Set<RangeId>>>()

  rpc.serve<VoteBatch, VoteBatchAnswer>('range.vote', async ({ items }) => ({
    replies: await configs.vote(batchOf(items).map(checkedVote)),
  }))

  rpc.serve<InstallBatch, InstallAnswer>('range.install', async (batch) => {
    const wanted = batchOf(unpackConfigs(batch.configs))
    await configs.adoptAll(wanted)
    return { epochs: wanted.map(({ range }) => configs.get(range).epoch) }
  })

  const isHere = ({ range, epoch }: FillBatch['items'][number]): boolean => configs.get(range).epoch === epoch

  /** Returns what was copied. One range that went on meanwhile is no reason to copy the others again. */
  const fill = async ({ items, sources, urgent }: FillBatch): Promise<Set<RangeId>> => {
    for (;;) {
      const here = items.filter(isHere)
      const ranges = here.map(({ range }): RangeId => range)
      if (ranges.length === 0) return new Set()
      try {
        for (const records of copied) await records.pull(ranges, sources, urgent === true)
      } catch (error) {
        // A source refuses what has gone on.
        if (here.every(isHere)) throw error
        continue
      }
      await configs.markFilled(here)
      return new Set(ranges)
    }
  }

  rpc.serve<FillBatch, FillAnswer>('range.fill', async (batch) => {
    const items = batchOf(batch.items)
    const id = JSON.stringify([items, sourcesOf(batch.sources)])
    const patience = new AbortController()
    const long = sleep(clock, FILL_ANSWER_MS, patience.signal).then(
      () => undefined,
      () => undefined,
    )
    let running = fills.get(id)
    if (!running && gate.isFull) {
      // Whoever asks comes again.
      await long
      return { done: false }
    }
    if (!running) {
      running = gate.run(() => fill(batch)).finally(() => fills.delete(id))
      running.catch(() => undefined)
      fills.set(id, running)
    }
    const done = await Promise.race([running, long])
    patience.abort(ENOUGH)
    if (!done) return { done: false }
    return {
      done: true,
      stale: items.filter((item) => !done.has(item.range) || !isHere(item)).map(({ range }) => range),
    }
  })

  rpc.serve<ConfirmBatch, ConfirmAnswer>('range.confirm', ({ items }) => ({
    confirmed: batchOf(items).map(
      ({ range, epoch }) => configs.get(range).epoch >= epoch && configs.standing(range) === 'member',
    ),
  }))
}
