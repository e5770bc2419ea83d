import type { Members } from '@thor-node/overlay'
import type { LiveNode, ZoneSource } from './zone.ts'

/** The zones of the service, as this node sees the ring now. */
export class LiveZone implements ZoneSource {
  readonly #members: Members
  readonly #domains: () => readonly string[]
  #nodes: LiveNode[] | undefined
  #version: number

  /** `version`: where serials begin; seconds of wall time keep them growing over restarts. */
  constructor(components: { members: Members; domains: () => readonly string[] }, init: { version: number }) {
    this.#members = components.members
    this.#domains = components.domains
    this.#version = init.version
    this.#members.onChange(() => {
      this.#nodes = undefined
      this.#version++
    })
  }

  domains(): readonly string[] {
    return this.#domains()
  }

  nodes(): readonly LiveNode[] {
    this.#nodes ??= this.#members
      .list()
      .filter((member) => member.serving && this.#members.isLive(member.nodeId))
      .map(({ name, weight, services }) => ({ name, weight, ...services }))
    return this.#nodes
  }

  version(): number {
    return this.#version
  }
}
