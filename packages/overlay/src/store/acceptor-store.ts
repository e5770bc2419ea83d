import { createHash } from 'node:crypto'
import {
  type Clock,
  type Disk,
  type DiskOperation,
  RANGE_COUNT,
  type RangeId,
  type RecordKey,
  ThorError,
} from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { ConfigTable } from '../ranges/config-table.ts'
import type { RangeRecords } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import { type AcceptorInput, type AcceptorReply, type AcceptorState, emptyAcceptor, step } from './acceptor.ts'
import { decodeRecord, encodeRecord, rangeEndKey, recordKeyOf, splitKey } from './acceptor-record.ts'
import { type Ballot, compareBallots, NO_BALLOT, parseBallot } from './ballot.ts'
import { eachAtOnce } from './each-at-once.ts'
import { regLimits } from './reg-limits.ts'
import type {
  AcceptRequest,
  ListAnswer,
  ListRequest,
  NearAnswer,
  NearRequest,
  PairsAnswer,
  PairsRequest,
  PrepareRequest,
  ReadAnswer,
  ReadRequest,
  VoteAnswer,
} from './reg-messages.ts'
import { pairsOf } from './reg-pairs.ts'

function ballotOf(data: unknown): Ballot {
  const ballot = parseBallot(data)
  if (!ballot) throw new ThorError('STORE_BAD_REQUEST', 'a request without a ballot')
  return ballot
}

function itemHash(key: string, accepted: Ballot, value: Uint8Array): bigint {
  const hash = createHash('sha256')
    .update(JSON.stringify([key, accepted]))
    .update(value)
    .digest()
  return (hash.readBigUInt64BE(0) << 64n) | hash.readBigUInt64BE(8)
}

export interface AcceptorStoreComponents {
  clock: Clock
  disk: Disk
  rpc: Rpc
  configs: ConfigTable
}

/**
 * The registers that this node votes for. Every promise and every accept is on the disk before it is told; requests for one
 * key wait for each other, requests for different keys share the disk's group commit.
 */
export class AcceptorStore implements RangeRecords {
  readonly #components: AcceptorStoreComponents
  /** The end of the queue of each key with work in progress, and of how many there are by range. */
  readonly #queues = new Map<string, Promise<unknown>>()
  readonly #busy = new Map<RangeId, Set<Promise<unknown>>>()

  #decideAnew: (key: RecordKey) => Promise<void> = () => Promise.resolve()

  constructor(components: AcceptorStoreComponents) {
    this.#components = components
    const { rpc } = components
    rpc.serve<PrepareRequest, VoteAnswer>('reg.prepare', (request, from) =>
      this.#vote(request, from, { type: 'prepare', ballot: ballotOf(request.ballot) }),
    )
    rpc.serve<AcceptRequest, VoteAnswer>('reg.accept', (request, from) => this.#onAccept(request, from))
    rpc.serve<ReadRequest, ReadAnswer>('reg.read', (request, from) => this.#onRead(request, from))
    rpc.serve<NearRequest, NearAnswer>('reg.near', async ({ range, name }) => ({ value: await this.near(range, name) }))
    rpc.serve<ListRequest, ListAnswer>('reg.list', (request) => this.#onList(request))
    rpc.serve<PairsRequest, PairsAnswer>('reg.pairs', (request, from) => this.#onPairs(request, from))
  }

  /** How a register is decided anew; set by the proposer of this node. */
  decideAnewWith(decideAnew: (key: RecordKey) => Promise<void>): void {
    this.#decideAnew = decideAnew
  }

  /** The accepted value of this node's own copy. Throws `STORE_UNAVAILABLE` when that is not complete. */
  async near(range: RangeId, name: string): Promise<Uint8Array | undefined> {
    if (this.#components.configs.standing(range) !== 'member') {
      throw new ThorError('STORE_UNAVAILABLE', `this node has no complete copy of range ${range}`)
    }
    return (await this.#load(recordKeyOf(range, name))).value
  }

  /**
   * Takes over accepted values of others as if they were late accept messages: only where nothing higher is promised here.
   * What is refused so is decided anew, above that promise.
   */
  async pull(ranges: readonly RangeId[], sources: readonly NodeId[]): Promise<void> {
    const { configs, rpc } = this.#components
    const wanted = ranges.map((range) => ({ range, epoch: configs.get(range).epoch }))
    const epochs = new Map(wanted.map(({ range, epoch }) => [range, epoch]))
    for (const source of sources) {
      await eachAtOnce(pairsOf(rpc, source, wanted), regLimits.redecideAtOnce, async ([range, name, accepted]) => {
        const epoch = epochs.get(range)
        if (epoch === undefined || compareBallots(accepted, NO_BALLOT) === 0) return
        if (compareBallots(accepted, (await this.#load(recordKeyOf(range, name))).accepted) <= 0) return
        const answer = await rpc.call<ReadAnswer>(source, 'reg.read', { range, epoch, name })
        if (answer.type !== 'read' || !answer.value) return
        const input = { type: 'accept', ballot: ballotOf(answer.accepted), value: answer.value } as const
        const reply = await this.#apply(range, name, epoch, input)
        if (reply?.type === 'refused') await this.#decideAnew({ range, name })
      })
    }
  }

  /** Deletes the acceptors of a range, once those who work on it have ended. */
  async wipe(range: RangeId): Promise<void> {
    await this.#quiet(range)
    const { disk } = this.#components
    let batch: DiskOperation[] = []
    for await (const [key] of disk.entries({ from: recordKeyOf(range, ''), to: rangeEndKey(range) })) {
      batch.push({ type: 'del', key })
      if (batch.length < regLimits.pageEntriesMax) continue
      await disk.batch(batch, { sync: true })
      batch = []
    }
    if (batch.length > 0) await disk.batch(batch, { sync: true })
  }

  /** Over names, accepted ballots and values: the sum of their hashes, so their order does not matter. */
  async digest(range: RangeId): Promise<string> {
    const { disk } = this.#components
    let sum = 0n
    for await (const [key, bytes] of disk.entries({ from: recordKeyOf(range, ''), to: rangeEndKey(range) })) {
      const { accepted, value } = decodeRecord(key, bytes)
      if (value) sum += itemHash(key, accepted, value)
    }
    return BigInt.asUintN(128, sum).toString(16).padStart(32, '0')
  }

  async #onAccept(request: AcceptRequest, from: NodeId): Promise<VoteAnswer> {
    const { value } = request
    if (!(value instanceof Uint8Array) || value.length > regLimits.valueBytesMax) {
      throw new ThorError('STORE_TOO_LARGE', 'a value above the limit, or none')
    }
    const input = {
      type: 'accept',
      ballot: ballotOf(request.ballot),
      value,
      promise: ballotOf(request.promise),
    } as const
    return this.#vote(request, from, input)
  }

  async #vote(
    { range, epoch, name }: ReadRequest,
    from: NodeId,
    input: AcceptorInput<Uint8Array>,
  ): Promise<VoteAnswer> {
    const { clock, configs } = this.#components
    if (input.ballot[0] !== epoch) throw new ThorError('STORE_BAD_REQUEST', 'a ballot of another epoch')
    const fence = await configs.fence(range, epoch, from)
    const reply = fence.ok ? await this.#apply(range, name, epoch, input) : undefined
    return reply ? { ...reply, wall: clock.wall() } : { type: 'newer', config: configs.get(range) }
  }

  async #onRead({ range, epoch, name }: ReadRequest, from: NodeId): Promise<ReadAnswer> {
    const { configs } = this.#components
    const fence = await configs.fence(range, epoch, from)
    if (!fence.ok) return { type: 'newer', config: fence.newer }
    const key = recordKeyOf(range, name)
    return this.#inTurn(range, key, async () => {
      if (!configs.admits(range, epoch)) return { type: 'newer', config: configs.get(range) }
      const { accepted, value } = await this.#load(key)
      return { type: 'read', accepted, value }
    })
  }

  /** Undefined when the epoch went on in the meantime. */
  #apply(
    range: RangeId,
    name: string,
    epoch: number,
    input: AcceptorInput<Uint8Array>,
  ): Promise<AcceptorReply<Uint8Array> | undefined> {
    const { configs, disk } = this.#components
    const key = recordKeyOf(range, name)
    return this.#inTurn(range, key, async () => {
      const before = await this.#load(key)
      const { state, reply } = step(before, input)
      // In the same tick as the write: whoever closes the epoch after this waits for the write (`#quiet`).
      if (!configs.admits(range, epoch)) return undefined
      if (state !== before) await disk.batch([{ type: 'put', key, value: encodeRecord(state) }], { sync: true })
      return reply
    })
  }

  async #load(key: string): Promise<AcceptorState<Uint8Array>> {
    const bytes = await this.#components.disk.get(key)
    return bytes ? decodeRecord(key, bytes) : emptyAcceptor
  }

  #inTurn<T>(range: RangeId, key: string, task: () => Promise<T>): Promise<T> {
    const run = (this.#queues.get(key) ?? Promise.resolve()).then(task)
    const end = run.then(
      () => undefined,
      () => undefined,
    )
    this.#queues.set(key, end)
    const busy = this.#busy.get(range) ?? new Set()
    this.#busy.set(range, busy.add(end))
    void end.then(() => {
      if (this.#queues.get(key) === end) this.#queues.delete(key)
      busy.delete(end)
      if (busy.size === 0 && this.#busy.get(range) === busy) this.#busy.delete(range)
    })
    return run
  }

  async #quiet(range: RangeId): Promise<void> {
    const busy = this.#busy.get(range)
    if (busy) await Promise.all([...busy])
  }

  async #onList({ prefix, after }: ListRequest): Promise<ListAnswer> {
    const { configs, disk } = this.#components
    const entries: ListAnswer['entries'] = []
    let bytes = 0
    let range = after ? splitKey(after).range : 0
    let from = after ? `${after}\0` : recordKeyOf(0, prefix)
    // From range to range: one seek for each that is not empty.
    while (range < RANGE_COUNT) {
      let next = RANGE_COUNT
      const start = recordKeyOf(range, prefix)
      for await (const [key, record] of disk.entries({ from, to: 'S' })) {
        if (!key.startsWith(start)) {
          next = Math.max(splitKey(key).range, range + 1)
          break
        }
        if (configs.standing(range) !== 'member') continue
        const { accepted, value } = decodeRecord(key, record)
        if (!value) continue
        entries.push([range, splitKey(key).name, accepted, value])
        bytes += record.length
        if (entries.length >= regLimits.pageEntriesMax || bytes >= regLimits.pageBytesMax) return { entries, next: key }
      }
      range = next
      from = recordKeyOf(range, prefix)
    }
    return { entries }
  }

  async #onPairs({ ranges, after }: PairsRequest, from: NodeId): Promise<PairsAnswer> {
    const { configs, disk } = this.#components
    const refused: RangeId[] = []
    const pairs: PairsAnswer['pairs'] = []
    for (const { range, epoch } of ranges) {
      if (after && splitKey(after).range > range) continue
      await configs.fence(range, epoch, from)
      // Accepts of earlier epochs that are still on their way to the disk belong into the answer.
      await this.#quiet(range)
      if (!configs.admits(range, epoch)) {
        refused.push(range)
        continue
      }
      const start = after && splitKey(after).range === range ? `${after}\0` : recordKeyOf(range, '')
      for await (const [key, record] of disk.entries({ from: start, to: rangeEndKey(range) })) {
        pairs.push([range, splitKey(key).name, decodeRecord(key, record).accepted])
        if (pairs.length >= regLimits.pageEntriesMax) return { refused, pairs, next: key }
      }
    }
    return { refused, pairs }
  }
}
