import { splitKey } from './acceptor-record.ts'
import { regLimits } from './reg-limits.ts'

/**
 * Keys on this node's disk of kinds that have few (`domain/`, `peer/`), so that a list of them need not seek through all ranges for
 * them. A kind is learned by one whole look through the disk; what is written since is added; what was deleted may still
 * be named. Kinds with many keys are not kept.
 */
export class AcceptorNames {
  readonly #known = new Map<string, Set<string>>()
  readonly #learning = new Map<string, Set<Set<string>>>()

  /** Before it is written and after, so that neither who learns the names nor who knows them misses it. */
  note(key: string): void {
    if (this.#known.size === 0 && this.#learning.size === 0) return
    const kind = kindOf(splitKey(key).name)
    if (kind === undefined) return
    for (const keys of this.#learning.get(kind) ?? []) keys.add(key)
    const keys = this.#known.get(kind)
    keys?.add(key)
    if (keys && keys.size > regLimits.fewNamesMax) this.#known.delete(kind)
  }

  /** Sorted keys that may exist and begin with the prefix, behind `after`; undefined when they must be looked for. */
  of(prefix: string, after: string | undefined): string[] | undefined {
    const kind = kindOf(prefix)
    const keys = kind === undefined ? undefined : this.#known.get(kind)
    if (!keys) return undefined
    const some = [...keys].filter(
      (key) => splitKey(key).name.startsWith(prefix) && (after === undefined || key > after),
    )
    return some.sort()
  }

  /** For who looks for all keys of a prefix: add those found, and end it. Undefined when there is nothing to be learned. */
  learn(prefix: string): Learning | undefined {
    const kind = kindOf(prefix)
    if (kind === undefined || kind !== prefix) return undefined
    const keys = new Set<string>()
    const others = this.#learning.get(kind) ?? new Set()
    this.#learning.set(kind, others.add(keys))
    return {
      found: (key) => void keys.add(key),
      end: (whole) => {
        others.delete(keys)
        if (others.size === 0 && this.#learning.get(kind) === others) this.#learning.delete(kind)
        if (whole && keys.size <= regLimits.fewNamesMax) this.#known.set(kind, keys)
      },
    }
  }
}

export interface Learning {
  found(key: string): void
  /** `whole`: nothing was left out. */
  end(whole: boolean): void
}

/** `domain/` of `domain/example.com`. */
function kindOf(name: string): string | undefined {
  const slash = name.indexOf('/')
  return slash < 0 ? undefined : name.slice(0, slash + 1)
}
