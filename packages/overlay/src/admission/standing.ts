import { type Clock, errorMessage, every, type Lifecycle, type Logger, type Random, shuffled } from '@thor-node/core'
import type { NodeKey } from '../kad/node-key.ts'
import type { Members } from '../membership/contract.ts'
import type { Roster } from '../membership/roster.ts'
import type { PeerNet } from '../peers.ts'
import { askStanding } from './join.ts'

export interface StandingComponents {
  clock: Clock
  random: Random
  log: Logger
  peers: PeerNet
  members: Members
  roster: Roster
}

const ASK_EVERY_MS = 3_000

/**
 * Watches for the one thing that gossip cannot tell: a node that was revoked while it was off finds that nobody takes its
 * connections. While it has none, it asks the doors of members why.
 */
export class Standing implements Lifecycle {
  readonly #components: StandingComponents
  readonly #key: NodeKey
  readonly #log: Logger
  #stop: (() => void) | undefined

  constructor(components: StandingComponents, init: { key: NodeKey }) {
    this.#components = components
    this.#key = init.key
    this.#log = components.log.forComponent('overlay:admission')
  }

  async start(): Promise<void> {
    if (this.#stop) return
    const onError = (error: unknown): void => this.#log.error('the doors could not be asked', { error })
    const timer = every(this.#components.clock, ASK_EVERY_MS, () => this.#look(), onError)
    this.#stop = () => timer.cancel()
  }

  async stop(): Promise<void> {
    this.#stop?.()
    this.#stop = undefined
  }

  async #look(): Promise<void> {
    const { clock, random, peers, members, roster } = this.#components
    const others = members.list().filter(({ nodeId, state }) => nodeId !== peers.self && state !== 'left')
    if (others.some(({ nodeId }) => peers.isConnected(nodeId))) return
    const doors = others.flatMap(({ nodeId, services: { host, admission } }) =>
      admission === undefined ? [] : [{ host, port: admission, nodeId }],
    )
    const [door] = shuffled(random, doors)
    if (!door) return
    try {
      const signed = await askStanding({ clock }, { door, key: this.#key, ring: roster.ring })
      // The gatekeeper does the rest.
      if (signed) roster.revoke(signed)
    } catch (error) {
      this.#log.debug('a door did not answer', { nodeId: door.nodeId, reason: errorMessage(error) })
    }
  }
}
