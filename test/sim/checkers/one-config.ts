import type { RangeConfig } from '@thor-node/overlay'

/** One config per range and epoch, whoever adopts it, before and after restarts. */
export class OneConfig {
  readonly #seen = new Map<string, string>()
  readonly #configs = new Map<string, RangeConfig>()
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
    if (known === undefined) {
      this.#seen.set(id, text)
      this.#configs.set(`${config.range} ${config.epoch}`, config)
    }
    if (known !== undefined && known !== text) this.wrong.push(`I1 ${id} was decided twice: ${known} and ${text}`)
  }

  get(range: number, epoch: number): RangeConfig | undefined {
    return this.#configs.get(`${range} ${epoch}`)
  }

  get size(): number {
    return this.#seen.size
  }
}
