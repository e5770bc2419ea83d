/**
 * Prepaid calls: money is held for a slice, the relay gets a lease for it, the slice is extended before it ends, and what was
 * used is settled. Now and then whoever controls the call vanishes, and a sweep ends it by its last proven use.
 */
import {
  type Balance,
  type Ended,
  expire,
  extend,
  type Granted,
  hold,
  type Refused,
  settle,
} from '@thor-node/accounting'
import { type Random, type RecordKey, sleep } from '@thor-node/core'
import type { PaidCall } from '../history.ts'
import { LEASE_METHOD, type LeaseAnswer, type LeaseRequest, SLICE_MS } from '../relays.ts'
import type { SimNode } from '../sim-node.ts'
import { Client, type Site } from './client.ts'

/** Price of a second, in 1/10,000. */
export const PRICE = 100
/** An extension is asked for when so much of the slice is left. */
const EXTEND_LEFT_MS = 1_500
const SWEEP_AFTER_MS = 6_000

const cost = (ms: number): number => Math.ceil((ms / 1000) * PRICE)

export class Caller extends Client {
  readonly #keys: readonly RecordKey[]
  readonly #random: Random

  constructor(site: Site, name: string, keys: readonly RecordKey[]) {
    super(site, name)
    this.#keys = keys
    this.#random = this.random
  }

  async run(): Promise<void> {
    for (let count = 0; this.site.running(); count++) {
      const key = this.#keys[this.#random.int(this.#keys.length)] as RecordKey
      await this.#call(key, `${this.name}.${count}`)
      await this.pause()
    }
  }

  async #call(key: RecordKey, id: string): Promise<void> {
    const call: PaidCall = { key: key.name, resId: id, grantedMs: 0, ended: undefined, refused: false }
    const sliceCost = cost(SLICE_MS)
    const first = await this.#step(key, `${id}/0`, (balance, now) =>
      hold(balance, { resId: id, seq: 0, callUuid: id, node: 'n', ask: sliceCost, need: cost(1_000) }, now),
    )
    this.site.history.calls.push(call)
    if (first?.type !== 'granted') {
      call.refused = first?.type === 'refused'
      if (!first) await this.#sweep(key, call, 0, 0)
      return
    }
    const relay = this.someNode()
    const startedAt = this.now
    let seq = 0
    let endsAt = startedAt + (first.granted / PRICE) * 1000
    call.grantedMs = endsAt - startedAt
    if (relay) await this.#lease(relay, id, startedAt, call.grantedMs)
    const talkMs = 500 + this.#random.float() * 3 * SLICE_MS
    while (this.now < startedAt + talkMs) {
      await sleep(
        this.site.cluster.clock,
        Math.max(100, Math.min(startedAt + talkMs, endsAt - EXTEND_LEFT_MS) - this.now),
      )
      if (this.now >= startedAt + talkMs) break
      if (this.#random.int(8) === 0) {
        this.tell(`call ${id}: its controller vanishes`)
        return this.#sweep(key, call, seq, cost(this.now - startedAt))
      }
      seq++
      const step = seq
      const used = cost(this.now - startedAt)
      const more = await this.#step(key, `${id}/${step}`, (balance, now) =>
        extend(balance, { resId: id, seq: step, used, more: sliceCost }, now),
      )
      if (!more) return this.#sweep(key, call, undefined, used)
      if (more.type !== 'granted' || more.granted === 0) break
      endsAt += (more.granted / PRICE) * 1000
      call.grantedMs += (more.granted / PRICE) * 1000
      if (relay && endsAt > this.now) await this.#lease(relay, id, startedAt, call.grantedMs)
    }
    if (relay) await this.#lease(relay, id, startedAt, 0)
    seq++
    const used = cost(Math.min(this.now, endsAt) - startedAt)
    const step = seq
    const end = await this.#step(key, `${id}/${step}`, (balance, now) =>
      settle(balance, { resId: id, seq: step, used }, now),
    )
    if (end?.type === 'settled') call.ended = end.billed
    else if (!end) await this.#sweep(key, call, step, used)
    this.tell(`call ${id} of ${key.name} ${end ? `ended, billed ${call.ended}` : 'has an unknown end'}`)
  }

  /** What the home does 30 s (here 6 s) after a slice ran out. Until it is known to be done. */
  async #sweep(key: RecordKey, call: PaidCall, seq: number | undefined, used: number): Promise<void> {
    await sleep(this.site.cluster.clock, SWEEP_AFTER_MS)
    for (let turn = 0; turn < 40; turn++) {
      const read = await this.insist((store) => store.reg.read<Balance>(key, 'strict'))
      const known = read?.value?.body.holds[call.resId]
      if (read && !known) return
      const at = known?.seq ?? seq ?? 0
      const end = await this.#step(key, `${call.resId}/expire${at}.${turn}`, (balance, now) =>
        expire(balance, { resId: call.resId, seq: at, used }, now),
      )
      if (end?.type === 'settled') {
        call.ended = end.billed
        this.tell(`call ${call.resId} of ${key.name} swept, billed ${end.billed}`)
        return
      }
      if (end?.type === 'refused') return
    }
  }

  async #step<R extends Granted | Ended | Refused | { type: 'moved'; seq: number }>(
    key: RecordKey,
    opId: string,
    fn: (
      balance: Balance | undefined,
      now: number,
    ) => { body: Balance | undefined; result: R } | { keep: true; result: R },
  ): Promise<R | undefined> {
    const now = this.site.cluster.clock.wall()
    const done = await this.insist((store) =>
      store.reg.change<Balance, R>(key, opId, (current) => fn(current?.body, now)),
    )
    return done?.value
  }

  /** Tells the relay what is granted by now; 0 ends the call. It may not hear it. */
  async #lease(relay: SimNode, id: string, startedAt: number, grantedMs: number): Promise<void> {
    const tell = async (node: SimNode, asked?: LeaseAnswer): Promise<LeaseAnswer> => {
      const request: LeaseRequest = { id, elapsedMs: this.now - startedAt, grantedMs, ...(asked && { asked }) }
      const options = { timeoutMs: 500 }
      return (
        (await node.overlay?.rpc.call<LeaseAnswer>(relay.certificate.nodeId, LEASE_METHOD, request, options)) ?? null
      )
    }
    await this.ask(async (_, node) => {
      const asked = await tell(node)
      if (asked) await tell(node, asked)
    })
  }
}
