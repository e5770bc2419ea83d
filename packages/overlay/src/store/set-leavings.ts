import { errorMessage, type Logger, type RangeId } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import { hasOldQuorum } from '../ranges/config.ts'
import type { RangeConfig } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import { inParallel } from './fanout.ts'
import { setLimits, transferLimits } from './limits.ts'
import type { DigestsRequest } from './range-digests.ts'
import type { Newer, PageAnswer, PutAnswer } from './set-replica.ts'
import { itemOf, type SetShelf, type ShelfItem } from './set-shelf.ts'
import type { Transfer } from './transfer.ts'

export interface SetLeavingsComponents {
  shelf: SetShelf
  rpc: Rpc
  transfer: Transfer
  log: Logger
}

/**
 * What a node does with the SET records of a range that is no longer its own, before it deletes them: it compares with the members,
 * and gives them what they lack. It may have the last good copy, when it was away while a member's disk was full or damaged. Records
 * are written once, so one of any age is as good as another.
 */
export class SetLeavings {
  readonly #c: SetLeavingsComponents

  constructor(components: SetLeavingsComponents) {
    this.#c = components
  }

  /**
   * Of configs with the same members: the ranges of which a majority of these has all that lies here. A member that does not answer,
   * or takes nothing, is left out from then on, and nobody waits for it. Rejects when what lies here cannot be read.
   */
  async give(configs: readonly RangeConfig[], members: readonly NodeId[]): Promise<Set<RangeId>> {
    const mine = await this.#c.shelf.digests(configs.map(({ range }) => range))
    const whole = configs.map(() => new Set<NodeId>())
    const done = new Set<RangeId>()
    await new Promise<void>((resolve) => {
      const isOver = (): boolean => done.size === configs.length
      const has = (index: number, config: RangeConfig, member: NodeId): void => {
        const members = whole[index]?.add(member)
        if (members && hasOldQuorum(config, members)) done.add(config.range)
        if (isOver()) resolve()
      }
      const compare = async (member: NodeId): Promise<void> => {
        const theirs = await this.#digestsOf(member, configs)
        await inParallel([...configs.entries()], transferLimits.windowChunks, async ([index, config]) => {
          if (isOver()) return
          if (theirs[index] === mine[index] || (await this.#giveRange(config, member))) has(index, config, member)
        })
      }
      const all = members.map((member) =>
        compare(member).catch((error: unknown) =>
          this.#c.log.debug('records are not given to a member yet', { to: member, error: errorMessage(error) }),
        ),
      )
      void Promise.all(all).then(() => resolve())
    })
    return new Set(done)
  }

  #digestsOf(member: NodeId, configs: readonly RangeConfig[]): Promise<string[]> {
    const request: DigestsRequest = {
      ranges: configs.map(({ range }) => range),
      epochs: configs.map(({ epoch }) => epoch),
    }
    return this.#c.rpc.call<string[]>(member, 'set.digests', request, { timeoutMs: transferLimits.chunkTimeoutMs })
  }

  /** Whether everything of the range that lies here is on that member's disk; false when the range has gone on. */
  async #giveRange(config: RangeConfig, member: NodeId): Promise<boolean> {
    const there = await this.#itemsAt(config, member)
    if (!there) return false
    for await (const record of this.#c.shelf.records(config.range, '')) {
      const [name, hash] = itemOf(record)
      if (there.has(idOf([name, hash]))) continue
      await this.#c.transfer.pace(record.bytes.length + name.length, false)
      const request = { range: config.range, epoch: config.epoch, name, bytes: record.bytes }
      const options = { timeoutMs: setLimits.writeTimeoutMs }
      const answer = await this.#c.rpc.call<PutAnswer>(member, 'set.put', request, options)
      if (!('ok' in answer)) return false
    }
    return true
  }

  async #itemsAt({ range, epoch }: RangeConfig, member: NodeId): Promise<Set<string> | undefined> {
    const ids = new Set<string>()
    let after: string | null = null
    do {
      const request: object = { range, epoch, after }
      const page: Newer | PageAnswer<ShelfItem> = await this.#c.transfer.fetch(member, 'set.items', request, false)
      if ('newer' in page) return undefined
      for (const item of page.items) ids.add(idOf(item))
      after = page.next ?? null
    } while (after !== null)
    return ids
  }
}

const idOf = ([name, hash]: ShelfItem): string => `${name}\u0000${hash}`
