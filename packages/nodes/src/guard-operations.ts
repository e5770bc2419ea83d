import type { GuardService } from './adapters/guard-service.ts'
import type { BlockView, GuardContract } from './control/guard-contract.ts'

/** The part of the operations that is about who is refused. */
export class GuardOperations implements GuardContract {
  readonly #guard: GuardService

  constructor(components: { guard: GuardService }) {
    this.#guard = components.guard
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
