import { type Aor, makeRoom } from '@thor-node/core'
import { sourceKey } from '@thor-node/sip'
import { GOOD_ACCOUNTS_MAX, GOOD_SOURCES_MAX } from './limits.ts'

/** From where the owners of accounts logged in lately, as far as this home has seen it. */
export class GoodSources {
  readonly #sources = new Map<Aor, readonly string[]>()
  readonly #max: number

  constructor(init: { max?: number } = {}) {
    this.#max = init.max ?? GOOD_ACCOUNTS_MAX
  }

  get size(): number {
    return this.#sources.size
  }

  has(aor: Aor, host: string): boolean {
    return this.#sources.get(aor)?.includes(sourceKey(host)) ?? false
  }

  add(aor: Aor, host: string): void {
    const known = this.#sources.get(aor)
    const source = sourceKey(host)
    if (known?.[0] === source) return
    const others = known?.filter((one) => one !== source) ?? []
    this.#sources.delete(aor)
    makeRoom(this.#sources, this.#max)
    this.#sources.set(aor, [source, ...others].slice(0, GOOD_SOURCES_MAX))
  }
}
