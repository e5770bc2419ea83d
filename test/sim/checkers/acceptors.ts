import type { DiskOperation } from '@thor-node/core'
import {
  type Ballot,
  compareBallots,
  decodeRegister,
  hasQuorum,
  type NodeId,
  type RangeConfig,
  readRegister,
  splitRegisterKey,
} from '@thor-node/overlay'
import type { Watcher } from '../cluster.ts'
import type { SimNode } from '../sim-node.ts'

interface Told {
  promised: Ballot
  accepted: Ballot
}

/**
 * Looks over the shoulder of every acceptor: what its disk acknowledged is what it may tell others.
 *
 *   I2  one value per key and ballot, at whatever node
 *   I3  promised and accepted never decrease, over restarts too
 *   I4  what is decided in epoch e after something was decided in e + 2 is in it already: a straggler may complete an old
 *       quorum, but not with anything new
 */
export class Acceptors implements Watcher {
  readonly wrong: string[] = []
  /** Told of what a decided value remembers. */
  onDecided: (name: string, opIds: readonly string[]) => void = () => undefined
  /** Of each node, what it told of its registers. */
  readonly #told = new Map<SimNode, Map<string, Told>>()
  /** Of each node, what it began to delete: gone or not when its process ends meanwhile. */
  readonly #leaving = new Map<SimNode, Set<string>>()
  /** Of each key and ballot, the value, and who accepted it. */
  readonly #values = new Map<string, { value: string; by: Set<NodeId> }>()
  /** Of each key, the latest epoch in which something was decided, and all operations decided so far. */
  readonly #decided = new Map<string, { epoch: number; opIds: Set<string> }>()
  readonly #configOf: (range: number, epoch: number) => RangeConfig | undefined
  readonly #onValue: (name: string, read: () => unknown) => void

  constructor(
    configOf: (range: number, epoch: number) => RangeConfig | undefined,
    onValue: (name: string, read: () => unknown) => void,
  ) {
    this.#configOf = configOf
    this.#onValue = onValue
  }

  writing(node: SimNode, operations: readonly DiskOperation[]): void {
    for (const { type, key } of operations) if (type === 'del' && key.startsWith('R')) this.#leavingOf(node).add(key)
  }

  written(node: SimNode, operations: readonly DiskOperation[]): void {
    for (const one of operations) {
      if (!one.key.startsWith('R')) continue
      this.#leavingOf(node).delete(one.key)
      if (one.type === 'del') this.#of(node).delete(one.key)
      else this.#see(node, one.key, one.value)
    }
  }

  /** What the node told before must still be on the disk that it starts with. */
  booted(node: SimNode): void {
    const stored = new Map(node.disk.peek('R'))
    for (const key of this.#leavingOf(node)) if (!stored.has(key)) this.#of(node).delete(key)
    this.#leaving.delete(node)
    for (const [key, told] of this.#of(node)) {
      const bytes = stored.get(key)
      const state = bytes ? readable(key, bytes) : undefined
      // Its bits flipped while it was being written: the node sees that and does not vote.
      if (state === 'damaged') this.#of(node).delete(key)
      else if (
        !state ||
        compareBallots(state.promised, told.promised) < 0 ||
        compareBallots(state.accepted, told.accepted) < 0
      ) {
        this.wrong.push(`I3 n${node.index} has forgotten what it told of ${key.slice(4)}: ${told.promised.join(' ')}`)
      }
    }
  }

  damaged(node: SimNode, key: string): void {
    this.#of(node).delete(key)
  }

  swapped(node: SimNode): void {
    this.#told.delete(node)
    this.#leaving.delete(node)
  }

  #leavingOf(node: SimNode): Set<string> {
    let leaving = this.#leaving.get(node)
    if (!leaving) {
      leaving = new Set()
      this.#leaving.set(node, leaving)
    }
    return leaving
  }

  #of(node: SimNode): Map<string, Told> {
    let told = this.#told.get(node)
    if (!told) {
      told = new Map()
      this.#told.set(node, told)
    }
    return told
  }

  #see(node: SimNode, key: string, bytes: Uint8Array): void {
    const state = decodeRegister(key, bytes)
    const { promised, accepted, value } = state
    const told = this.#of(node)
    const before = told.get(key)
    const lower =
      before && (compareBallots(promised, before.promised) < 0 || compareBallots(accepted, before.accepted) < 0)
    if (lower) this.wrong.push(`I3 n${node.index} went back on ${key.slice(4)}: from ${before.promised} to ${promised}`)
    told.set(key, { promised, accepted })
    if (!value || (before && compareBallots(before.accepted, accepted) === 0)) return
    this.#accepted(node, key, accepted, value)
  }

  #accepted(node: SimNode, key: string, ballot: Ballot, bytes: Uint8Array): void {
    const id = `${key} ${ballot.join(' ')}`
    const text = Buffer.from(bytes).toString('latin1')
    let known = this.#values.get(id)
    if (!known) {
      known = { value: text, by: new Set() }
      this.#values.set(id, known)
      this.#onValue(key.slice(4), () => readRegister(bytes).body())
    }
    if (known.value !== text) this.wrong.push(`I2 ${key.slice(4)} has two values under ${ballot.join(' ')}`)
    if (known.by.has(node.certificate.nodeId)) return
    known.by.add(node.certificate.nodeId)
    const [epoch] = ballot
    const config = this.#configOf(splitRegisterKey(key).range, epoch)
    if (!config || !hasQuorum(config, known.by)) return
    const decided = this.#decided.get(key) ?? { epoch: 0, opIds: new Set() }
    this.#decided.set(key, decided)
    const { opIds } = readRegister(bytes)
    this.onDecided(key.slice(4), opIds)
    const latest = opIds.at(-1)
    if (epoch <= decided.epoch - 2 && latest !== undefined && !decided.opIds.has(latest)) {
      this.wrong.push(`I4 ${latest} of ${key.slice(4)} was decided in epoch ${epoch} after ${decided.epoch}`)
    }
    decided.epoch = Math.max(decided.epoch, epoch)
    for (const opId of opIds) decided.opIds.add(opId)
  }
}

function readable(key: string, bytes: Uint8Array): ReturnType<typeof decodeRegister> | 'damaged' {
  try {
    return decodeRegister(key, bytes)
  } catch {
    return 'damaged'
  }
}
