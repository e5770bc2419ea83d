import { type Clock, type Random, type RecordKey, sleep, ThorError } from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import { hasQuorum, voters } from '../ranges/config.ts'
import type { ConfigTable } from '../ranges/config-table.ts'
import type { RangeConfig } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import { recordKeyOf } from './acceptor-record.ts'
import { type Ballot, ballotAbove, compareBallots, NO_BALLOT } from './ballot.ts'
import { CarriedPromises } from './reg-carried.ts'
import { regLimits } from './reg-limits.ts'
import type { ReadAnswer, VoteAnswer } from './reg-messages.ts'
import { choose, countReads, countVotes, enoughOf } from './reg-proposer.ts'
import { askVoters } from './reg-round.ts'
import { emptyValue, Held, held } from './reg-value.ts'

export interface KeyProposerComponents {
  clock: Clock
  random: Random
  rpc: Rpc
  configs: ConfigTable
  members: Members
}

/** What an operation wants to make of the current value: a new one or none, and what to answer once that is certain. */
export interface Plan<R> {
  next?: Held
  /** The answer stands whatever happened since the value was read. */
  settled?: boolean
  finish(): R
}

/** Pure; may be asked several times. `now`: median clock of the quorum that gave the value. */
export type Planner<R> = (current: Held | undefined, now: number) => Plan<R>

interface Attempt {
  /** Above every ballot that somebody was seen to promise. */
  highest: Ballot
  /** An accept was sent whose outcome is not known. */
  uncertain: boolean
  retries: number
  /** The last round found no quorum, and the failure detector sees none. */
  alone: boolean
}

const again = Symbol('again')

/**
 * CASPaxos: each key is decided on its own, by a quorum of the range's config; no leader, no log.
 *
 *   prepare b ──quorum──► highest accepted value ──fn──► accept b value' ──quorum──► answer
 *      ▲                                                       │ carries the promise of the next ballot
 *      └──────────── refused: higher ballot, after a pause     └──► the next change begins at accept
 *
 * One value per ballot: a carried promise is taken out before it is used and put back only by a quorum that accepted.
 */
export class KeyProposer {
  readonly #components: KeyProposerComponents
  readonly #self: NodeId
  readonly #deadlineMs: number
  readonly #carried = new CarriedPromises()
  readonly #waiting = new Map<string, { tail: Promise<unknown>; length: number }>()

  constructor(components: KeyProposerComponents, init: { self: NodeId; deadlineMs?: number | undefined }) {
    this.#components = components
    this.#self = init.self
    this.#deadlineMs = init.deadlineMs ?? regLimits.deadlineMs
  }

  /** Promises carried, and the most operations that wait for one key. */
  snapshot(): { carried: number; waiting: number } {
    const lengths = [...this.#waiting.values()].map(({ length }) => length)
    return { carried: this.#carried.size, waiting: Math.max(0, ...lengths) }
  }

  /** When an operation that begins now is given up; monotonic. */
  deadline(): number {
    return this.#components.clock.now() + this.#deadlineMs
  }

  /**
   * The change that changes nothing: what is accepted somewhere becomes decided, or is outranked. Above what a voter promised,
   * where that is known: a quorum of the others would decide below it, and leave that voter behind again. Returns its bytes.
   */
  decideAnew(key: RecordKey, above: Ballot = NO_BALLOT): Promise<number> {
    const same: Planner<number> = (current) =>
      current ? { next: current, finish: () => current.bytes.length } : { finish: () => 0 }
    return this.propose(key, same, this.deadline(), above)
  }

  /** One round to the voters: `sure` when a quorum names one decided value alike. Never rejects. */
  async glance(key: RecordKey): Promise<{ held: Held | undefined; sure: boolean }> {
    const config = this.#components.configs.get(key.range)
    const chosen = config.epoch === 0 ? undefined : choose(config, (await this.#askReads(key, config)).read)
    return { held: chosen?.value ? new Held(chosen.value) : undefined, sure: chosen?.decided ?? false }
  }

  /** Asks a quorum; when it does not name one decided value alike, that is decided first. */
  async read(key: RecordKey): Promise<Held | undefined> {
    const { clock, configs } = this.#components
    checkName(key)
    const began = clock.now()
    for (let turn = 0; turn < 3; turn++) {
      const config = configs.get(key.range)
      if (config.epoch === 0) break
      const { read, newer } = await this.#askReads(key, config)
      const chosen = choose(config, read)
      if (chosen?.decided) return chosen.value ? new Held(chosen.value) : undefined
      if (!newer || newer.epoch <= config.epoch) {
        const waited = clock.now() - began >= regLimits.roundTimeoutMs
        if (!chosen && waited && !this.#inSight(config, read.keys())) throw noQuorum(key)
        break
      }
      await configs.adopt(newer)
    }
    return this.propose(key, (current) => ({ finish: () => current }), began + this.#deadlineMs)
  }

  async #askReads(key: RecordKey, config: RangeConfig): Promise<ReturnType<typeof countReads>> {
    const { members } = this.#components
    const prompt = voters(config).filter((nodeId) => members.get(nodeId)?.state === 'alive')
    const request = { range: key.range, epoch: config.epoch, name: key.name }
    const enough = (soFar: ReadonlyMap<NodeId, ReadAnswer>): boolean => {
      const chosen = choose(config, countReads(soFar).read)
      return chosen !== undefined && (chosen.decided || prompt.every((nodeId) => soFar.has(nodeId)))
    }
    const ask = askVoters<ReadAnswer>
    return countReads(await ask(this.#components, config, 'reg.read', request, enough, regLimits.roundTimeoutMs))
  }

  /** Operations of this node on one key go one after the other: among them, no ballot is ever lost to another. */
  async propose<R>(key: RecordKey, planner: Planner<R>, until = this.deadline(), above = NO_BALLOT): Promise<R> {
    checkName(key)
    const id = recordKeyOf(key.range, key.name)
    const queue = this.#waiting.get(id) ?? { tail: Promise.resolve(), length: 0 }
    if (queue.length >= regLimits.waitingPerKeyMax) {
      throw new ThorError('STORE_UNAVAILABLE', `${queue.length} operations on ${key.name} wait already`)
    }
    const run = queue.tail.then(() => this.#run(key, planner, until, above))
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

  async #run<R>(key: RecordKey, planner: Planner<R>, until: number, above: Ballot): Promise<R> {
    const { clock } = this.#components
    const attempt: Attempt = { highest: above, uncertain: false, retries: 0, alone: false }
    const began = clock.now()
    while (clock.now() < until) {
      const outcome = await this.#attempt(key, planner, attempt, until)
      if (outcome !== again) return outcome.finish()
      // Everybody had a whole round to answer: nobody is kept waiting for a quorum that is not there.
      if (attempt.alone && clock.now() - began >= regLimits.roundTimeoutMs) break
    }
    if (!attempt.uncertain) throw noQuorum(key)
    const message = `it is not known whether the change of ${key.name} happened; repeat it`
    throw new ThorError('STORE_UNKNOWN', message, attempt.alone ? { cause: noQuorum(key) } : undefined)
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
    if (carried && compareBallots(carried.ballot, attempt.highest) > 0) {
      const plan = planner(carried.held, clock.now() + carried.wallOffset)
      if (plan.settled) {
        this.#carried.put(id, carried)
        return plan
      }
      return this.#accept(key, config, carried.ballot, plan.next ?? carried.held, plan, attempt, until)
    }
    const ballot = ballotAbove(config.epoch, this.#self, attempt.highest)
    attempt.highest = ballot
    const votes = countVotes(
      await this.#ask(config, 'reg.prepare', key, { ballot }, until, (answers) =>
        enoughOf(config, answers, 'promised'),
      ),
    )
    const chosen = choose(config, votes.promised)
    if (!chosen) return this.#retry(votes, config, attempt, until)
    const current = chosen.value ? new Held(chosen.value) : undefined
    const plan = planner(current, votes.wall ?? clock.wall())
    // Whoever answers without writing must not answer from a value that may still vanish, nor leave an own accept behind
    // that may still come back.
    if (!plan.next && !attempt.uncertain && (chosen.decided || !current)) return plan
    return this.#accept(key, config, ballot, plan.next ?? current ?? held(emptyValue), plan, attempt, until)
  }

  async #accept<R>(
    key: RecordKey,
    config: RangeConfig,
    ballot: Ballot,
    value: Held,
    plan: Plan<R>,
    attempt: Attempt,
    until: number,
  ): Promise<Plan<R> | typeof again> {
    const { clock } = this.#components
    const promise: Ballot = [ballot[0], ballot[1] + 1, ballot[2]]
    const certainBefore = !attempt.uncertain
    if (plan.next) attempt.uncertain = true
    const id = recordKeyOf(key.range, key.name)
    const enough = (answers: ReadonlyMap<NodeId, VoteAnswer>) => enoughOf(config, answers, 'accepted')
    // Who promised more to somebody else would miss every later change too: the next one prepares again, above that.
    const onLate = (answer: VoteAnswer) => {
      if (answer.type === 'refused') this.#carried.take(id, config.epoch)
    }
    const body = { ballot, value: value.bytes, promise }
    const votes = countVotes(await this.#ask(config, 'reg.accept', key, body, until, enough, onLate))
    if (hasQuorum(config, votes.accepted)) {
      const wallOffset = (votes.wall ?? clock.wall()) - clock.now()
      if (votes.refused.size === 0) this.#carried.put(id, { ballot: promise, held: value, wallOffset })
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
    attempt.alone = !this.#inSight(config, [...votes.promised.keys(), ...votes.accepted, ...votes.refused])
    const exponent = Math.min(attempt.retries++, 6)
    const pause = votes.refused.size > 0 ? regLimits.backoffMs * 2 ** exponent : regLimits.noQuorumRetryMs
    const bounded = Math.min(pause, regLimits.backoffMaxMs) * (0.5 + random.float())
    await sleep(clock, Math.max(0, Math.min(bounded, until - clock.now())))
    return again
  }

  /** Whether as many as make a quorum answered or are thought to be well. Says how long to wait, never what is decided. */
  #inSight(config: RangeConfig, answered: Iterable<NodeId>): boolean {
    const { members } = this.#components
    const alive = voters(config).filter((nodeId) => members.get(nodeId)?.state === 'alive')
    return hasQuorum(config, new Set([...alive, ...answered]))
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

const noQuorum = ({ name }: RecordKey): ThorError =>
  new ThorError('STORE_UNAVAILABLE', `no quorum for ${name}; nothing changed`)

/** Throws `STORE_TOO_LARGE`. */
export function checkName({ name }: RecordKey): void {
  if (Buffer.byteLength(name) <= regLimits.nameBytesMax) return
  throw new ThorError('STORE_TOO_LARGE', `a name of more than ${regLimits.nameBytesMax} bytes`)
}
