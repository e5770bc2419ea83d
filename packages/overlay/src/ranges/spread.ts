import {
  type Clock,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type Random,
  type RangeId,
  ThorError,
  type Timer,
} from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import type { ConfigTable } from './config-table.ts'
import { type PackedConfigs, packConfigs, unpackConfigs } from './config-wire.ts'
import type { RangeConfig } from './contract.ts'
import { CONFIGS_PER_PAGE_MAX, RANGES_PER_BATCH_MAX } from './limits.ts'
import type { GetRequest, SyncAnswer, SyncRequest } from './messages.ts'

export interface SpreadComponents {
  clock: Clock
  random: Random
  log: Logger
  rpc: Rpc
  members: Members
  configs: ConfigTable
}

export interface SpreadInit {
  self: NodeId
  syncMs: number
}

/**
 * Everybody hears of every config: changed ones are told to all, and epochs of all ranges are compared with one node in
 * turn (16 KiB), with a node that has come or come back at once. Who missed it anyway is told by the first refusal.
 */
export class ConfigSpread implements Lifecycle {
  readonly #components: SpreadComponents
  readonly #init: SpreadInit
  #timer: Timer | undefined
  #stopListening: (() => void) | undefined

  constructor(components: SpreadComponents, init: SpreadInit) {
    this.#components = { ...components, log: components.log.forComponent('overlay:ranges') }
    this.#init = init
    const { rpc, configs } = components
    rpc.serve<GetRequest, PackedConfigs>('range.get', ({ ranges }) =>
      packConfigs(known(ranges.slice(0, CONFIGS_PER_PAGE_MAX).map((range) => configs.get(range)))),
    )
    rpc.serve<PackedConfigs, void>('range.configs', (packed) => configs.adoptAll(unpackConfigs(packed)))
    rpc.serve<SyncRequest, SyncAnswer>('range.sync', ({ epochs }) => this.#onSync(epochs))
  }

  async start(): Promise<void> {
    if (this.#timer) return
    const { clock, random, members } = this.#components
    const { syncMs } = this.#init
    const quietly = (nodeId: NodeId): Promise<void> => this.sync(nodeId).catch(() => undefined)
    this.#timer = every(
      clock,
      syncMs,
      () => {
        const others = this.#others()
        return others.length > 0 ? quietly(others[random.int(others.length)] as NodeId) : undefined
      },
      () => undefined,
      Math.floor(random.float() * syncMs),
    )
    this.#stopListening = members.onChange(({ member, previous }) => {
      const came =
        member.state === 'alive' && (previous?.state !== 'alive' || previous.incarnation < member.incarnation)
      if (came && member.nodeId !== this.#init.self) void quietly(member.nodeId)
    })
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#stopListening?.()
    this.#stopListening = undefined
  }

  /** Fetches what any live node knows until all ranges are known here. Throws `RANGES_NO_PEER` when that fails. */
  async join(): Promise<void> {
    let last = 'no other node is known'
    for (const nodeId of this.#others()) {
      try {
        await this.sync(nodeId)
      } catch (error) {
        last = errorMessage(error)
      }
      if (this.#components.configs.unknown === 0) return
    }
    throw new ThorError('RANGES_NO_PEER', `no node tells where the ranges are: ${last}`)
  }

  /** Tells all live nodes. */
  broadcast(configs: readonly RangeConfig[]): void {
    for (const nodeId of this.#others()) this.#tell(nodeId, configs)
  }

  /** Exchanges with one node what either has newer. */
  async sync(nodeId: NodeId): Promise<void> {
    const { rpc, configs } = this.#components
    for (let page = 0; page * CONFIGS_PER_PAGE_MAX < configs.count + CONFIGS_PER_PAGE_MAX; page++) {
      const request: SyncRequest = { epochs: packEpochs(configs) }
      const answer = await rpc.call<SyncAnswer>(nodeId, 'range.sync', request)
      await configs.adoptAll(unpackConfigs(answer.newer))
      if (answer.more) continue
      this.#tell(
        nodeId,
        answer.behind.map((range) => configs.get(range)),
      )
      return
    }
  }

  #others(): NodeId[] {
    const { members } = this.#components
    return members
      .list()
      .map((member) => member.nodeId)
      .filter((nodeId) => nodeId !== this.#init.self && members.isLive(nodeId))
  }

  #tell(nodeId: NodeId, configs: readonly RangeConfig[]): void {
    for (let at = 0; at < configs.length; at += RANGES_PER_BATCH_MAX) {
      const packed = packConfigs(known(configs.slice(at, at + RANGES_PER_BATCH_MAX)))
      this.#components.rpc.notify(nodeId, 'range.configs', packed)
    }
  }

  #onSync(epochs: Uint8Array): SyncAnswer {
    if (!(epochs instanceof Uint8Array) || epochs.length !== this.#components.configs.count * 4) {
      throw new ThorError('RANGES_BAD_REQUEST', 'the epochs of all ranges are wanted')
    }
    const view = new DataView(epochs.buffer, epochs.byteOffset, epochs.byteLength)
    const newer: RangeConfig[] = []
    const behind: RangeId[] = []
    for (const config of this.#components.configs.all()) {
      const theirs = view.getUint32(config.range * 4)
      if (config.epoch > theirs) newer.push(config)
      else if (config.epoch < theirs) behind.push(config.range)
    }
    const page = newer.slice(0, CONFIGS_PER_PAGE_MAX)
    return { newer: packConfigs(page), more: page.length < newer.length, behind }
  }
}

const known = (configs: readonly RangeConfig[]): RangeConfig[] => configs.filter((config) => config.epoch > 0)

function packEpochs(configs: ConfigTable): Uint8Array {
  const bytes = new Uint8Array(configs.count * 4)
  const view = new DataView(bytes.buffer)
  for (const { range, epoch } of configs.all()) view.setUint32(range * 4, epoch)
  return bytes
}
