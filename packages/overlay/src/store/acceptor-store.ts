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
import { listOwn } from './acceptor-list.ts'
import { AcceptorNames } from './acceptor-names.ts'
import {
  decodeRecord,
  digestItem,
  encodeRecord,
  intact,
  rangeEndKey,
  recordKeyOf,
  splitKey,
  storedItem,
} from './acceptor-record.ts'
import { type Ballot, NO_BALLOT, parseBallot } from './ballot.ts'
import { checkRoom } from './group-commit.ts'
import { transferLimits } from './limits.ts'
import { type DigestsRequest, RangeDigests } from './range-digests.ts'
import { RangeLocks } from './range-locks.ts'
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
import { choose, countReads } from './reg-proposer.ts'
import { answerFetch, pullRegisters, type RegCopy, type RegFetchAnswer, type RegFetchRequest } from './reg-pull.ts'
import { askVoters } from './reg-round.ts'
import { type ChunkRequest, Transfer } from './transfer.ts'

function ballotOf(data: unknown): Ballot {
  const ballot = parseBallot(data)
  if (!ballot) throw new ThorError('STORE_BAD_REQUEST', 'a request without a ballot')
  return ballot
}

/** `above`: a promise that a voter is known to have given. */
type DecideAnew = (key: RecordKey, above?: Ballot) => Promise<void>

export interface AcceptorStoreComponents {
  clock: Clock
  /** With `isFull` set it votes no more. */
  disk: Disk & { readonly isFull?: boolean }
  rpc: Rpc
  configs: ConfigTable
  /** Shared with the other stores of the node. @default one of its own */
  transfer?: Transfer
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

  readonly #names = new AcceptorNames()
  readonly #digests: RangeDigests
  readonly #transfer: Transfer
  readonly #locks = new RangeLocks()

  #decideAnew: DecideAnew = () => Promise.resolve()

  constructor(components: AcceptorStoreComponents) {
    this.#components = components
    this.#digests = new RangeDigests(components, { letter: 'R', itemOf: storedItem })
    this.#transfer = components.transfer ?? new Transfer(components)
    const { rpc } = components
    rpc.serve<PrepareRequest, VoteAnswer>('reg.prepare', (request, from) =>
      this.#vote(request, from, { type: 'prepare', ballot: ballotOf(request.ballot) }),
    )
    rpc.serve<AcceptRequest, VoteAnswer>('reg.accept', (request, from) => this.#onAccept(request, from))
    rpc.serve<ReadRequest, ReadAnswer>('reg.read', (request, from) => this.#onRead(request, from))
    rpc.serve<NearRequest, NearAnswer>('reg.near', async ({ range, name }) => ({ value: await this.near(range, name) }))
    rpc.serve<ListRequest, ListAnswer>('reg.list', (request) => listOwn({ ...components, names: this.#names }, request))
    rpc.serve<DigestsRequest, string[]>('reg.digests', (request) => this.#digests.answer(request, components.configs))
    rpc.serve<PairsRequest & ChunkRequest, PairsAnswer>('reg.pairs', (request, from) => {
      const read = () => this.#onPairs(request, from)
      return request.copy ? this.#transfer.give(from, request.urgent === true, read) : read()
    })
    rpc.serve<RegFetchRequest, RegFetchAnswer>('reg.fetch', (request, from) =>
      this.#transfer.give(from, request.urgent === true, () =>
        answerFetch(request, async ({ range, name }, epoch) => {
          const answer = await this.#onRead({ range, epoch, name }, from)
          return answer.type === 'read' ? answer : undefined
        }),
      ),
    )
  }

  /** How a register is decided anew; set by the proposer of this node. */
  decideAnewWith(decideAnew: DecideAnew): void {
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
  async pull(ranges: readonly RangeId[], sources: readonly NodeId[], urgent = false): Promise<void> {
    const { configs, disk, rpc } = this.#components
    const copy: RegCopy = {
      digests: (some) => this.digests(some),
      epochOf: (range) => configs.get(range).epoch,
      adoptFrom: (range, source) => configs.catchUp(range, source),
      accepted: async ({ range, name }) => {
        const key = recordKeyOf(range, name)
        const bytes = await disk.get(key)
        return bytes ? (intact(key, bytes)?.accepted ?? 'damaged') : NO_BALLOT
      },
      take: async (key, epoch, ballot, value) => {
        checkRoom(disk)
        const reply = await this.#apply(key.range, key.name, epoch, { type: 'accept', ballot, value })
        if (reply?.type === 'refused') await this.#decideAnew(key, reply.promised)
      },
      mend: (key) => this.mend(key),
    }
    const parts = { rpc, transfer: this.#transfer, locks: this.#locks, copy }
    for (const source of sources) await pullRegisters(parts, ranges, source, urgent)
  }

  /**
   * A register that cannot be read has forgotten what it promised, and does not vote. The others decide it anew, above
   * whatever a quorum with this node in it may have promised; what a quorum of them then names alike replaces it. Without
   * such a quorum it stays as it is.
   */
  async mend({ range, name }: RecordKey): Promise<void> {
    const { configs, disk } = this.#components
    const key = recordKeyOf(range, name)
    this.#digests.forget(range)
    const decided = await this.#decideAnew({ range, name }).then(
      () => true,
      () => false,
    )
    if (!decided) return
    const config = configs.get(range)
    const request: ReadRequest = { range, epoch: config.epoch, name }
    const ask = askVoters<ReadAnswer>
    const enough = (soFar: ReadonlyMap<NodeId, ReadAnswer>) => choose(config, countReads(soFar).read)?.decided ?? false
    const answers = await ask(this.#components, config, 'reg.read', request, enough, regLimits.roundTimeoutMs)
    const chosen = choose(config, countReads(answers).read)
    const { accepted, value } = chosen ?? {}
    if (!chosen?.decided || !accepted || !value) return
    await this.#inTurn(range, key, async () => {
      const bytes = await disk.get(key)
      if (!bytes || intact(key, bytes) || !configs.admits(range, config.epoch)) return
      // A round that this node promised and forgot may not have reached the others yet, and may end by their promise later:
      // until then nothing below that round may be accepted here.
      const [epoch, counter, nodeId] = accepted
      const promised: Ballot = [epoch, counter + regLimits.mendMargin, nodeId]
      const state = encodeRecord(key, { promised, accepted, value })
      const write = () => disk.batch([{ type: 'put', key, value: state }], { sync: true })
      await this.#digests.during(range, { added: digestItem(name, { accepted, value }) }, write)
    })
  }

  /** Deletes the acceptors of a range, once those who work on it have ended. */
  async wipe(range: RangeId): Promise<void> {
    await this.#quiet(range)
    const { disk } = this.#components
    let batch: DiskOperation[] = []
    try {
      for await (const [key] of disk.entries({ from: recordKeyOf(range, ''), to: rangeEndKey(range) })) {
        batch.push({ type: 'del', key })
        if (batch.length < regLimits.pageEntriesMax) continue
        await disk.batch(batch, { sync: true })
        batch = []
      }
      if (batch.length > 0) await disk.batch(batch, { sync: true })
    } finally {
      this.#digests.forget(range)
    }
  }

  /** Over names and accepted ballots. */
  digest(range: RangeId): Promise<string> {
    return this.#digests.of(range)
  }

  digests(ranges: readonly RangeId[]): Promise<string[]> {
    return this.#digests.ofAll(ranges)
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
    const { clock, configs, disk } = this.#components
    checkRoom(disk)
    if (input.ballot[0] !== epoch) throw new ThorError('STORE_BAD_REQUEST', 'a ballot of another epoch')
    const fence = await configs.fence(range, epoch, from)
    if (fence.ok) configs.checkVoice(range)
    const reply = fence.ok ? await this.#apply(range, name, epoch, input) : undefined
    return reply ? { ...reply, wall: clock.wall() } : { type: 'newer', config: configs.get(range) }
  }

  async #onRead({ range, epoch, name }: ReadRequest, from: NodeId): Promise<ReadAnswer> {
    const { configs } = this.#components
    const fence = await configs.fence(range, epoch, from)
    if (!fence.ok) return { type: 'newer', config: fence.newer }
    configs.checkVoice(range)
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
      if (state === before) return reply
      // Also after it: who learns the names meanwhile may have passed its place on the disk before.
      this.#names.note(key)
      const write = () => disk.batch([{ type: 'put', key, value: encodeRecord(key, state) }], { sync: true })
      const items = { removed: digestItem(name, before), added: digestItem(name, state) }
      await this.#digests.during(range, items, write).finally(() => this.#names.note(key))
      return reply
    })
  }

  /** Throws `STORE_CORRUPT`; the register is then mended at the next comparison with another node. */
  async #load(key: string): Promise<AcceptorState<Uint8Array>> {
    const bytes = await this.#components.disk.get(key)
    try {
      return bytes ? decodeRecord(key, bytes) : emptyAcceptor
    } catch (error) {
      this.#digests.forget(splitKey(key).range)
      throw error
    }
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

  async #onPairs({ ranges, after, copy }: PairsRequest, from: NodeId): Promise<PairsAnswer> {
    const { configs, disk } = this.#components
    const refused: RangeId[] = []
    const pairs: PairsAnswer['pairs'] = []
    let bytes = 0
    // Pages go on behind a key: in the order of the disk, whatever the order of the request.
    const inOrder = ranges.slice(0, RANGE_COUNT).sort((one, other) => one.range - other.range)
    for (const { range, epoch } of inOrder) {
      if (after && splitKey(after).range > range) continue
      await configs.fence(range, epoch, from)
      // Accepts of earlier epochs that are still on their way to the disk belong into the answer.
      await this.#quiet(range)
      // A copy takes what there is; a change of the range needs the word of a majority that this is all.
      if (!configs.admits(range, epoch) || !(copy || configs.hasVoice(range))) {
        refused.push(range)
        continue
      }
      const start = after && splitKey(after).range === range ? `${after}\0` : recordKeyOf(range, '')
      for await (const [key, record] of disk.entries({ from: start, to: rangeEndKey(range) })) {
        pairs.push([range, splitKey(key).name, intact(key, record)?.accepted ?? NO_BALLOT])
        // A ballot takes about as much as a node id.
        bytes += key.length + 64
        if (bytes >= transferLimits.chunkBytesMax) return { refused, pairs, next: key }
      }
    }
    return { refused, pairs }
  }
}
