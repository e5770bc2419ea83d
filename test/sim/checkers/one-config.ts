import type { RangeConfig } from '@thor-node/overlay'

/** One config per range and epoch, whoever adopts it, before and after restarts. */
export class OneConfig {
  readonly #seen = new Map<string, string>()
  readonly wrong: string[] = []

  see(config: RangeConfig): void {
    const id = `range ${config.range} epoch ${config.epoch}`
    const members = (list: RangeConfig['old'] | undefined): string =>
      (list ?? [])
        .map((member) => `${member.nodeId}@${member.since}`)
        .sort()
        .join()
    const text = `${members(config.old)} > ${members(config.next)}`
    const known = this.#seen.get(id)
    if (known === undefined) this.#seen.set(id, text)
    else if (known !== text) this.wrong.push(`${id} was decided twice: ${known} and ${text}`)
  }

  get size(): number {
    return this.#seen.size
  }
}
