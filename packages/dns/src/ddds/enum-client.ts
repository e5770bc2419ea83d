/** Where a telephone number leads: the trees are asked in order, own ones from memory. */
import { errorMessage, type Logger } from '@thor-node/core'
import { naptrsOf } from '../enum/entry.ts'
import { enumName } from '../enum/number.ts'
import { CNAMES_MAX } from '../limits.ts'
import { TYPE } from '../wire/codes.ts'
import { nameFromWire } from '../wire/names.ts'
import type { ZoneSource } from '../zone/zones.ts'
import { discover, type EnumTarget, type RuleSource } from './rules.ts'

export interface EnumClientComponents {
  /** What this node serves: asked without a socket. */
  zones: ZoneSource
  /** Everything else. */
  dns: RuleSource
  logger: Logger
}

export class EnumClient {
  readonly #c: EnumClientComponents
  readonly #log: Logger
  readonly #source: RuleSource

  constructor(components: EnumClientComponents) {
    this.#c = components
    this.#log = components.logger.forComponent('dns:enum')
    this.#source = { naptr: (key) => this.#rules(key) }
  }

  /**
   * Usable targets from the first tree that has some, best first. `number`: digits, without +. A tree that does not answer counts as
   * empty: calls go on without it.
   */
  async find(
    number: string,
    trees: readonly string[],
    usable: (target: EnumTarget) => boolean = () => true,
  ): Promise<{ tree: string; targets: EnumTarget[] } | undefined> {
    for (const tree of trees) {
      try {
        const targets = (await discover(this.#source, enumName(number, tree), `+${number}`)).filter(usable)
        if (targets.length > 0) return { tree, targets }
      } catch (error) {
        this.#log.info('a tree of numbers does not answer', { tree, error: errorMessage(error) })
      }
    }
    return undefined
  }

  async #rules(key: string): ReturnType<RuleSource['naptr']> {
    let name = key
    for (let aliases = 0; aliases < CNAMES_MAX; aliases++) {
      const found = this.#c.zones.find(name)?.lookup(name, TYPE.NAPTR)
      if (!found || found.kind === 'referral' || found.kind === 'failure') return this.#c.dns.naptr(name)
      if (found.kind === 'records') return naptrsOf(found.records)
      if (found.kind !== 'alias') return []
      name = nameFromWire(found.record.data)?.name.toLowerCase() ?? '.'
    }
    return []
  }
}
