import {
  type Clock,
  type Decision,
  errorCode,
  type Random,
  type RecordKey,
  type RegStore,
  sleep,
  ThorError,
  type Versioned,
} from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import { hasQuorum, voters } from '../ranges/config.ts'
import type { ConfigTable } from '../ranges/config-table.ts'
import type { RangeConfig } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import { recordKeyOf } from './acceptor-record.ts'
import type { AcceptorStore } from './acceptor-store.ts'
import { type Ballot, ballotAbove, NO_BALLOT } from './ballot.ts'
import { eachAtOnce } from './each-at-once.ts'
import { CarriedPromises } from './reg-carried.ts'
import { regLimits } from './reg-limits.ts'
import { listAll } from './reg-list.ts'
import type { NearAnswer, PairsAnswer, ReadAnswer, VoteAnswer } from './reg-messages.ts'
import { pairsOf } from './reg-pairs.ts'
import { choose, countReads, countVotes } from './reg-proposer.ts'
import { askVoters } from './reg-round.ts'
import { applyOperation, checkedEncode, decodeValue, versioned } from './reg-value.ts'
import type { Transfer } from './transfer.ts'

export interface RegComponents {
  clock: Clock
  random: Random
  rpc: Rpc
  configs: ConfigTable
  members: Members
  acceptors: AcceptorStore
  /** Paces what a move of ranges sends. Without it, nothing is paced. */
  transfer?: Transfer
}

export interface RegInit {
  self: NodeId
  /** Without an outcome after this an operation is refused. Default 2000. */
  deadlineMs?: number
}

/** What an operation wants to make of the current value: new bytes or none, and what to answer once that is certain. */
interface Plan<R> {
  bytes?: Uint8Array
  /** The answer stands whatever happened since the value was read. */
  settled?: boolean
  finish(): R
}

type Planner<R> = (current: Uint8Array | undefined, wall: number) => Plan<R>

interface Attempt {
  /** Above every ballot that somebody was seen to promise. */
  highest: Ballot
  /** An accept was sent whose outcome is not known. */
  uncertain: boolean
  retries: number
}

const again = Symbol('again')

/**
 * Registers by CASPaxos: each key is decided on its own, by a quorum of the range's config; no leader, no log.
 *
 *   prepare b ──quorum──► highest accepted value ──fn──► accept b value' ──quorum──► answer
 *      ▲                                                       │ carries the promise of the next ballot
 *      └──────────── refused: higher ballot, after a pause     └──► the next change begins at accept
 *
 * One value per ballot: a carried promise is taken out before it is used and put back only by a quorum that accepted.
 */
export class Registers implements RegStore {
  readonly #components: RegComponents
  readonly #self: NodeId
  readonly #deadlineMs: number
  readonly #carried = new CarriedPromises()
  readonly #waiting = new Map<string, { tail: Promise<unknown>; length: number }>()

  constructor(components: RegComponents, init: RegInit) {
    this.#components = components
    this.#self = init.self
    this.#deadlineMs = init.deadlineMs ?? regLimits.deadlineMs
    components.acceptors.decideAnewWith((key) => this.#identity(key).then(() => undefined))
  }

  change<B, R>(key: RecordKey, opId: string, fn: (current: Versioned<B> | undefined) => Decision<B, R>): Promise<R> {
    return this.#propose<R>(key, (bytes, wall) => {
      const applied = applyOperation(bytes ? decodeValue(bytes) : undefined, opId, fn, wall)
      if (applied.type === 'threw') {
        return {
          finish() {
            throw applied.error
          },
        }
      }
      const finish = (): R => applied.result
      if (applied.type === 'unchanged') return { settled: applied.replayed, finish }
      try {
        return { bytes: checkedEncode(applied.value), finish }
      } catch (error) {
        return {
          settled: true,
          finish() {
            throw error
          },
        }
      }
    })
  }

  async read<B>(key: RecordKey, mode: 'strict' | 'near'): Promise<Versioned<B> | undefined> {
    const bytes = mode === 'near' ? await this.#readNear(key) : await this.#readStrict(key)
    return bytes ? versioned<B>(decodeValue(bytes)) : undefined
  }

  list<B>(prefix: string): Promise<{ key: RecordKey; value: Versioned<B> }[]> {
    return listAll<B>(this.#components, prefix)
  }

  /**
   * Decides every register of these ranges anew under their present configs, so that nothing rests on an earlier quorum
   * alone. Throws when a range cannot be done; `STORE_UNAVAILABLE` when its config changed.
   */
  async redecide(configs: readonly RangeConfig[], urgent = false): Promise<void> {
    const { rpc, transfer } = this.#components
    const names = new Map<string, RecordKey>()
    const missing = new Map(configs.map((config) => [config.range, { config, seen: new Set<NodeId>() }]))
    const byNode = Map.groupBy(
      configs.flatMap((config) => config.old.map(({ nodeId }) => ({ nodeId, config }))),
      ({ nodeId }) => nodeId,
    )
    const lists = [...byNode].map(async ([nodeId, items]) => {
      const ranges = items.map(({ config: { range, epoch } }) => ({ range, epoch }))
      const ask = (method: string, body: object) => rpc.call<PairsAnswer>(nodeId, method, body)
      for await (const page of pairsOf(ask, nodeId, ranges)) {
        for (const [range, name] of page) names.set(recordKeyOf(range, name), { range, name })
      }
      for (const { range } of ranges) missing.get(range)?.seen.add(nodeId)
    })
    await Promise.allSettled(lists)
    for (const { config, seen } of missing.values()) {
      if (!hasQuorum({ ...config, next: undefined }, seen)) {
        throw new ThorError('STORE_UNAVAILABLE', `no majority lists the registers of range ${config.range}`)
      }
    }
    const votersOf = new Map(configs.map((config) => [config.range, voters(config).length]))
    await eachAtOnce(names.values(), regLimits.redecideAtOnce, async (key) => {
      const value = await this.#identity(key)
      // The value went to every voter.
      await transfer?.pace((value?.length ?? 0) * (votersOf.get(key.range) ?? 1), urgent)
    })
  }

  /** The change that changes nothing: what is accepted somewhere becomes decided, or is outranked. */
  #identity(key: RecordKey): Promise<Uint8Array | undefined> {
    return this.#propose(key, (current) => ({ bytes: current, finish: () => current }))
  }

  async #readStrict(key: RecordKey): Promise<Uint8Array | undefined> {
    const { clock, configs, members } = this.#components
    this.#check(key)
    const until = clock.now() + this.#deadlineMs
    for (let turn = 0; turn < 3; turn++) {
      const config = configs.get(key.range)
      if (config.epoch === 0) break
      const prompt = voters(config).filter((nodeId) => members.get(nodeId)?.state === 'alive')
      const answers = await askVoters<ReadAnswer>(
        this.#components,
        config,
        'reg.read',
        { range: key.range, epoch: config.epoch, name: key.name },
        (soFar) => {
          const chosen = choose(config, countReads(soFar).read)
          return chosen !== undefined && (chosen.decided || prompt.every((nodeId) => soFar.has(nodeId)))
        },
        regLimits.roundTimeoutMs,
      )
      const { read, newer } = countReads(answers)
      const chosen = choose(config, read)
      if (chosen?.decided) return chosen.value
      if (!newer || newer.epoch <= config.epoch) break
      await configs.adopt(newer)
    }
    return this.#propose(key, (current) => ({ finish: () => current }), until)
  }

  async #readNear(key: RecordKey): Promise<Uint8Array | undefined> {
    const { configs, acceptors, members, rpc } = this.#components
    this.#check(key)
    if (configs.standing(key.range) === 'member') {
      try {
        return await acceptors.near(key.range, key.name)
      } catch (error) {
        if (errorCode(error) !== 'STORE_CORRUPT') throw error
      }
    }
    const others = configs.get(key.range).old.map(({ nodeId }) => nodeId)
    const live = others.filter((nodeId) => nodeId !== this.#self && members.isLive(nodeId))
    for (const nodeId of live) {
      try {
        const answer = await rpc.call<NearAnswer>(nodeId, 'reg.near', key, { timeoutMs: regLimits.roundTimeoutMs })
        return answer.value ?? undefined
      } catch {
        // The next replica may do.
      }
    }
    return this.#readStrict(key)
  }

  #check({ name }: RecordKey): void {
    if (Buffer.byteLength(name) <= regLimits.nameBytesMax) return
    throw new ThorError('STORE_TOO_LARGE', `a name of more than ${regLimits.nameBytesMax} bytes`)
  }

  /** Operations of this node on one key go one after the other: among them, no ballot is ever lost to another. */
  async #propose<R>(key: RecordKey, planner: Planner<R>, deadline?: number): Promise<R> {
    this.#check(key)
    const id = recordKeyOf(key.range, key.name)
    const queue = this.#waiting.get(id) ?? { tail: Promise.resolve(), length: 0 }
    if (queue.length >= regLimits.waitingPerKeyMax) {
      throw new ThorError('STORE_UNAVAILABLE', `${queue.length} operations on ${key.name} wait already`)
    }
    const until = deadline ?? this.#components.clock.now() + this.#deadlineMs
    const run = queue.tail.then(() => this.#run(key, planner, until))
    queue.tail = run.then(
      () => undefined,
      () => undefined,
    )
    queue.length++
    this.#waiting.set(id, queue)
    try {
      return await run
    } finally {
      if (--queue.length === 0) this.#waiting.delete(id)
    }
  }

  async #run<R>(key: RecordKey, planner: Planner<R>, until: number): Promise<R> {
    const { clock } = this.#components
    const attempt: Attempt = { highest: NO_BALLOT, uncertain: false, retries: 0 }
    while (clock.now() < until) {
      const outcome = await this.#attempt(key, planner, attempt, until)
      if (outcome !== again) return outcome.finish()
    }
    if (attempt.uncertain) {
      throw new ThorError('STORE_UNKNOWN', `it is not known whether the change of ${key.name} happened; repeat it`)
    }
    throw new ThorError('STORE_UNAVAILABLE', `no quorum for ${key.name}; nothing changed`)
  }

  async #attempt<R>(
    key: RecordKey,
    planner: Planner<R>,
    attempt: Attempt,
    until: number,
  ): Promise<Plan<R> | typeof again> {
    const { clock, configs } = this.#components
    const config = configs.get(key.range)
    const id = recordKeyOf(key.range, key.name)
    const carried = this.#carried.take(id, config.epoch)
    if (carried) {
      const plan = planner(carried.value, clock.wall() + carried.wallOffset)
      if (plan.settled) {
        this.#carried.put(id, carried)
        return plan
      }
      return this.#accept(key, config, carried.ballot, plan.bytes ?? carried.value, plan, attempt, until)
    }
    const ballot = ballotAbove(config.epoch, this.#self, attempt.highest)
    attempt.highest = ballot
    const votes = countVotes(
      await this.#ask(config, 'reg.prepare', key, { ballot }, until, (answers) =>
        hasQuorum(config, new Set(countVotes(answers).promised.keys())),
      ),
    )
    const chosen = choose(config, votes.promised)
    if (!chosen) return this.#retry(votes, config, attempt, until)
    const wall = votes.wall ?? clock.wall()
    const plan = planner(chosen.value, wall)
    const bytes = plan.bytes ?? chosen.value
    // Whoever answers without writing must not answer from a value that may still vanish.
    if (bytes === undefined || (plan.bytes === undefined && chosen.decided)) {
      return plan
    }
    return this.#accept(key, config, ballot, bytes, plan, attempt, until)
  }

  async #accept<R>(
    key: RecordKey,
    config: RangeConfig,
    ballot: Ballot,
    value: Uint8Array,
    plan: Plan<R>,
    attempt: Attempt,
    until: number,
  ): Promise<Plan<R> | typeof again> {
    const { clock } = this.#components
    const promise: Ballot = [ballot[0], ballot[1] + 1, ballot[2]]
    const certainBefore = !attempt.uncertain
    if (plan.bytes) attempt.uncertain = true
    const id = recordKeyOf(key.range, key.name)
    const enough = (answers: ReadonlyMap<NodeId, VoteAnswer>) => hasQuorum(config, countVotes(answers).accepted)
    // Who promised more to somebody else would miss every later change too: the next one prepares again, above that.
    const onLate = (answer: VoteAnswer) => {
      if (answer.type === 'refused') this.#carried.take(id, config.epoch)
    }
    const body = { ballot, value, promise }
    const votes = countVotes(await this.#ask(config, 'reg.accept', key, body, until, enough, onLate))
    if (hasQuorum(config, votes.accepted)) {
      const wallOffset = (votes.wall ?? clock.wall()) - clock.wall()
      if (votes.refused.size === 0) this.#carried.put(id, { ballot: promise, value, wallOffset })
      return plan
    }
    // Everybody refused: the value is nowhere and will be nowhere.
    if (certainBefore && votes.refused.size === voters(config).length) attempt.uncertain = false
    attempt.highest = ballotAbove(config.epoch, this.#self, attempt.highest, promise)
    return this.#retry(votes, config, attempt, until)
  }

  /** Learns from a round that did not succeed and waits a little, unless a newer config tells whom to ask. */
  async #retry(
    votes: ReturnType<typeof countVotes>,
    config: RangeConfig,
    attempt: Attempt,
    until: number,
  ): Promise<typeof again> {
    const { clock, configs, random } = this.#components
    attempt.highest = ballotAbove(config.epoch, this.#self, attempt.highest, votes.highest)
    if (votes.newer && votes.newer.epoch > config.epoch) {
      await configs.adopt(votes.newer)
      return again
    }
    const exponent = Math.min(attempt.retries++, 6)
    const pause = votes.refused.size > 0 ? regLimits.backoffMs * 2 ** exponent : regLimits.noQuorumRetryMs
    const bounded = Math.min(pause, regLimits.backoffMaxMs) * (0.5 + random.float())
    await sleep(clock, Math.max(0, Math.min(bounded, until - clock.now())))
    return again
  }

  #ask(
    config: RangeConfig,
    method: string,
    key: RecordKey,
    body: object,
    until: number,
    enough: (answers: ReadonlyMap<NodeId, VoteAnswer>) => boolean,
    onLate?: (answer: VoteAnswer) => void,
  ): Promise<Map<NodeId, VoteAnswer>> {
    const timeoutMs = Math.max(1, Math.min(regLimits.roundTimeoutMs, until - this.#components.clock.now()))
    const request = { range: key.range, epoch: config.epoch, name: key.name, ...body }
    return askVoters<VoteAnswer>(this.#components, config, method, request, enough, timeoutMs, onLate)
  }
}
