import { type Clock, errorMessage, type Logger, type Random, type Timer } from '@thor-node/core'
import { isConnectionRefused } from '../errors.ts'
import type { NodeId, PeerNet } from '../peers.ts'

export interface MeshComponents {
  peers: PeerNet
  clock: Clock
  random: Random
  log: Logger
  /** Asks others for addresses of a node whose known address does not answer (kad-dht). */
  findAddresses?(nodeId: NodeId): Promise<string[]>
}

export interface MeshInit {
  /** Where to dial now; undefined when the node is not wanted any more. */
  addressOf(nodeId: NodeId): string | undefined
  /** A dial ended without a connection. `refused`: the machine says that nothing listens there. */
  onFailure(nodeId: NodeId, outcome: 'refused' | 'failed'): void
}

export const meshSettings = { staggerMs: 150, firstRetryMs: 50, retryMsMax: 5_000, findEvery: 4 } as const

interface Peer {
  attempts: number
  dialing: boolean
  timer?: Timer
}

/** How long to wait before the next dial: doubles from 50 ms to 5 s, spread by a quarter. `chance` is in [0, 1). */
export function retryMs(attempts: number, chance: number): number {
  const base = Math.min(meshSettings.retryMsMax, meshSettings.firstRetryMs * 2 ** Math.min(20, attempts))
  return Math.round(base * (0.75 + chance / 2))
}

/** Keeps a connection to every wanted member: dials staggered, retries with back-off, at once when told. */
export class Mesh {
  readonly #components: MeshComponents
  readonly #init: MeshInit
  readonly #log: Logger
  readonly #wanted = new Map<NodeId, Peer>()
  readonly #renewing = new Set<NodeId>()
  #stopped = false

  constructor(components: MeshComponents, init: MeshInit) {
    this.#components = components
    this.#init = init
    this.#log = components.log.forComponent('overlay:mesh')
  }

  /** From now on this node is dialled whenever it is not connected. */
  want(nodeId: NodeId): void {
    if (this.#stopped || this.#wanted.has(nodeId)) return
    const peer: Peer = { attempts: 0, dialing: false }
    this.#wanted.set(nodeId, peer)
    const { peers, random } = this.#components
    if (peers.isConnected(nodeId)) return
    // The lower id dials first; the other one waits, so that most pairs dial once.
    const turn = peers.self < nodeId ? 0 : meshSettings.staggerMs
    this.#schedule(nodeId, peer, turn + random.int(meshSettings.staggerMs / 2))
  }

  drop(nodeId: NodeId): void {
    this.#wanted.get(nodeId)?.timer?.cancel()
    this.#wanted.delete(nodeId)
  }

  /** Dials at once, whatever the back-off says. */
  nudge(nodeId: NodeId): void {
    const peer = this.#wanted.get(nodeId)
    if (!peer || this.#components.peers.isConnected(nodeId)) return
    peer.attempts = 0
    if (peer.dialing) return
    void this.#dial(nodeId, peer)
  }

  /** Dials soon, whatever the back-off says: there is reason to think that it is back. */
  hurry(nodeId: NodeId): void {
    const peer = this.#wanted.get(nodeId)
    const { peers, random } = this.#components
    if (!peer || peers.isConnected(nodeId)) return
    peer.attempts = 0
    if (peer.dialing) return
    this.#schedule(nodeId, peer, random.int(meshSettings.staggerMs))
  }

  /**
   * Ends a connection that is of no use any more and dials anew. Resolves when the old one is gone. What is said of the end
   * of that connection meanwhile is no evidence against the member: see `isRenewing`.
   */
  async renew(nodeId: NodeId): Promise<void> {
    if (this.#renewing.has(nodeId)) return
    this.#renewing.add(nodeId)
    try {
      await this.#components.peers.disconnect(nodeId)
    } finally {
      this.#renewing.delete(nodeId)
      this.nudge(nodeId)
    }
  }

  isRenewing(nodeId: NodeId): boolean {
    return this.#renewing.has(nodeId)
  }

  connected(nodeId: NodeId): void {
    const peer = this.#wanted.get(nodeId)
    if (!peer) return
    peer.attempts = 0
    peer.timer?.cancel()
  }

  stop(): void {
    this.#stopped = true
    for (const nodeId of [...this.#wanted.keys()]) this.drop(nodeId)
  }

  #schedule(nodeId: NodeId, peer: Peer, afterMs: number): void {
    peer.timer?.cancel()
    peer.timer = this.#components.clock.after(afterMs, () => void this.#dial(nodeId, peer))
  }

  /** Never throws. */
  async #dial(nodeId: NodeId, peer: Peer): Promise<void> {
    const { peers, random } = this.#components
    const address = this.#init.addressOf(nodeId)
    if (peer.dialing || peers.isConnected(nodeId) || address === undefined) return
    peer.timer?.cancel()
    peer.dialing = true
    let failure: unknown
    try {
      await peers.connect(nodeId, await this.#addresses(nodeId, address, peer.attempts))
    } catch (error) {
      failure = error
    }
    peer.dialing = false
    if (this.#stopped || this.#wanted.get(nodeId) !== peer || peers.isConnected(nodeId)) return
    peer.attempts++
    this.#schedule(nodeId, peer, retryMs(peer.attempts - 1, random.float()))
    this.#log.debug('dial failed', { nodeId, address, attempts: peer.attempts, reason: errorMessage(failure) })
    this.#init.onFailure(nodeId, isConnectionRefused(failure) ? 'refused' : 'failed')
  }

  async #addresses(nodeId: NodeId, address: string, attempts: number): Promise<string[]> {
    const { findAddresses } = this.#components
    if (!findAddresses || attempts % meshSettings.findEvery !== meshSettings.findEvery - 1) return [address]
    const found = await findAddresses(nodeId).catch(() => [])
    return [...new Set([address, ...found])].slice(0, 8)
  }
}
