import { type Clock, every, type Lifecycle, type Logger, type Random, shuffled } from '@thor-node/core'
import type { NodeId, PeerNet } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import type { Members } from './contract.ts'
import type { Roster, RosterChange } from './roster.ts'

/** Why a node is no member of its ring any more. */
export interface PutOut {
  why: 'expired' | 'revoked' | 'issuer-revoked'
  /** For a revocation: when, and at which node. Epoch milliseconds. */
  at?: number
  by?: NodeId
}

export interface GatekeeperComponents {
  peers: PeerNet
  rpc: Rpc
  roster: Roster
  members: Members
  clock: Clock
  random: Random
  log: Logger
  /** For good, as if it had left: `Membership.expel`. */
  expel(nodeId: NodeId): void
  /** This node itself was put out: it must stop. */
  onPutOut?(out: PutOut): void
}

/** Certificates whose time is over are noticed within so long. */
const SWEEP_MS = 1_000
/** Whoever hears of a revocation for the first time tells so many others: it is everywhere after two or three steps. */
const FORWARD_MAX = 16

/** Cuts whoever is no member any more, at once, and sees to it that everybody hears of a revocation. */
export class Gatekeeper implements Lifecycle {
  readonly #components: GatekeeperComponents
  readonly #log: Logger
  #stops: (() => void)[] = []

  constructor(components: GatekeeperComponents) {
    this.#components = components
    this.#log = components.log.forComponent('overlay:gate')
  }

  async start(): Promise<void> {
    if (this.#stops.length > 0) return
    const { clock, random, roster } = this.#components
    const onError = (error: unknown): void => this.#log.error('certificates could not be looked at', { error })
    const sweep = every(clock, SWEEP_MS, () => roster.sweep(), onError, random.int(SWEEP_MS) + 1)
    this.#stops = [() => sweep.cancel(), roster.onChange((change) => this.#onChange(change))]
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop()
  }

  #onChange(change: RosterChange): void {
    const { peers, rpc, members, expel, onPutOut } = this.#components
    if (change.type === 'revoked') {
      const { revocation, signed } = change
      const { kind, id, name, at, by } = revocation
      this.#log.warn('a revocation', { kind, id, name, by, at })
      // The one that it is about hears it too, before it is cut.
      const others = members.list().filter(({ nodeId }) => nodeId !== id && peers.isConnected(nodeId))
      const told = shuffled(this.#components.random, others).slice(0, FORWARD_MAX)
      for (const nodeId of [...told.map((member) => member.nodeId), id]) {
        if (peers.isConnected(nodeId)) rpc.notify(nodeId, 'swim.roster', { revocations: [signed] })
      }
      if (id === peers.self) onPutOut?.({ why: 'revoked', at, by })
      else if (kind === 'node') {
        expel(id)
        void peers.disconnect(id)
      }
    }
    if (change.type === 'gone' && change.why !== 'revoked') {
      const { nodeId, why } = change
      this.#log.warn('a certificate is void', { nodeId, why })
      // Without a connection it will be dead soon; it may come back, when it was the clock that was wrong.
      if (nodeId === peers.self) onPutOut?.({ why })
      else void peers.disconnect(nodeId)
    }
  }
}
