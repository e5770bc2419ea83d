import type { GuardService } from './adapters/guard-service.ts'
import type { PeersService } from './adapters/peers-service.ts'
import type { BlockView, GuardContract, PeerAddQuery, PeerView } from './control/guard-contract.ts'

/** The part of the operations that is about who is refused and who is trusted. */
export class GuardOperations implements GuardContract {
  readonly #guard: GuardService
  readonly #peers: PeersService

  constructor(components: { guard: GuardService; peers: PeersService }) {
    this.#guard = components.guard
    this.#peers = components.peers
  }

  async peerList(): Promise<{ peers: PeerView[] }> {
    await this.#peers.refresh()
    return { peers: this.#peers.list() }
  }

  async peerAdd({ domain, ...query }: PeerAddQuery): Promise<{ peer: string }> {
    await this.#peers.put({ ...query, ...(domain !== undefined && { domain: domain.toLowerCase() }) })
    return { peer: query.name }
  }

  async peerRemove({ name }: { name: string }): Promise<{ removed: string }> {
    await this.#peers.remove(name)
    return { removed: name }
  }

  async guardList(): Promise<{ blocks: BlockView[] }> {
    return { blocks: this.#guard.list().sort((a, b) => b.since - a.since) }
  }

  async guardUnblock({ name }: { name: string }): Promise<{ unblocked: string }> {
    this.#guard.unblock(name)
    return { unblocked: name }
  }

  async guardBlock({ name }: { name: string }): Promise<{ blocked: string }> {
    this.#guard.block(name)
    return { blocked: name }
  }
}
