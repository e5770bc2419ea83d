import { ThorError } from '@thor-node/core'
import { parseUri } from '@thor-node/sip'
import type { PeersService } from './adapters/peers-service.ts'
import type { TrunksService } from './adapters/trunks-service.ts'
import type { TrunkAddQuery, TrunkContract, TrunkView } from './control/trunk-contract.ts'

/** The part of the operations that is about trunks. */
export class TrunkOperations implements TrunkContract {
  readonly #trunks: TrunksService
  readonly #peers: Pick<PeersService, 'list' | 'refresh'>

  constructor(components: { trunks: TrunksService; peers: Pick<PeersService, 'list' | 'refresh'> }) {
    this.#trunks = components.trunks
    this.#peers = components.peers
  }

  async trunkList(): Promise<{ trunks: TrunkView[] }> {
    await this.#trunks.refresh()
    return { trunks: this.#trunks.list() }
  }

  async trunkShow({ name }: { name: string }): Promise<TrunkView> {
    await this.#trunks.refresh()
    return this.#trunks.show(name)
  }

  async trunkAdd(query: TrunkAddQuery): Promise<{ trunk: string }> {
    const { user, password, expiresSeconds: expires, probeSeconds, domain, peer, ...trunk } = query
    if (peer !== undefined) await this.#checkPeer(peer)
    await this.#trunks.records.put(
      {
        ...trunk,
        domain: (domain ?? parseUri(query.target).host).toLowerCase(),
        expires,
        probeMs: probeSeconds * 1_000,
        ...(peer !== undefined && { peer }),
      },
      { ...(user !== undefined && { user }), ...(password !== undefined && { password }) },
    )
    await this.#trunks.refresh()
    return { trunk: query.name }
  }

  async trunkRemove({ name }: { name: string }): Promise<{ removed: string }> {
    await this.#trunks.records.remove(name)
    await this.#trunks.refresh()
    return { removed: name }
  }

  async #checkPeer(name: string): Promise<void> {
    await this.#peers.refresh()
    if (!this.#peers.list().some((peer) => peer.name === name)) {
      throw new ThorError('NODE_PEER_UNKNOWN', `there is no peer ${name}; add it with thor-node peer add`)
    }
  }
}
