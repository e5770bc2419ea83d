import { type Clock, errorMessage, every, type Lifecycle, type Logger, type Random, shuffled } from '@thor-node/core'
import type { NodeKey } from '../kad/node-key.ts'
import type { Members } from '../membership/contract.ts'
import type { Roster } from '../membership/roster.ts'
import type { PeerNet } from '../peers.ts'
import { askStanding } from './join.ts'

export interface StandingCheckComponents {
  clock: Clock
  random: Random
  log: Logger
  peers: PeerNet
  members: Members
  roster: Roster
}

const ASK_EVERY_MS = 3_000

/**
 * Watches for what gossip cannot tell: a node that was revoked while it was off finds that nobody takes its connections, and one
 * that was away for weeks that it knows no certificate in force. While it has no connection, it asks the doors of members.
 */
export class StandingCheck implements Lifecycle {
  readonly #components: StandingCheckComponents
  readonly #key: NodeKey
  readonly #log: Logger
  #stop: (() => void) | undefined

  constructor(components: StandingCheckComponents, init: { key: NodeKey }) {
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
      const standing = await askStanding({ clock }, { door, key: this.#key, ring: roster.ring })
      // The gatekeeper does the rest.
      if (standing.type === 'revoked') roster.revoke(standing.revocation)
      // Who was away for long knows nobody's certificate of now.
      if (standing.type === 'member') roster.take(standing.roster)
    } catch (error) {
      this.#log.debug('a door did not answer', { nodeId: door.nodeId, reason: errorMessage(error) })
    }
  }
}
