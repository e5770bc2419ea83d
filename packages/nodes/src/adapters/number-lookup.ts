import {
  type Address,
  type Clock,
  errorMessage,
  formatAddress,
  type Logger,
  type Net,
  type Random,
  splitAor,
} from '@thor-node/core'
import { EnumClient, type EnumIndex, type EnumTarget, StubResolver, type ZoneSource } from '@thor-node/dns'
import type { NumberFound, NumberLookup, NumberQuery } from '@thor-node/sip'

/** Enumservices that a request of each method may follow; others are for other programs. */
const services: Readonly<Record<string, readonly string[]>> = {
  INVITE: ['sip', 'pstn:sip', 'pstn:tel', 'voice:tel'],
  MESSAGE: ['sip', 'im', 'sms:tel'],
  SUBSCRIBE: ['pres', 'sip'],
}
const SCHEMES = /^(sips?|tel|pres|im):/i

/**
 * Numbers as they are dialled, to where ENUM says: the trees that the caller's account names, or else his domain, or else the ring's
 * own first, then those of the settings.
 */
export class NumberLookupAdapter implements NumberLookup {
  readonly #client: EnumClient
  readonly #index: EnumIndex
  readonly #trees: readonly string[]
  readonly #treesOf: (domain: string | undefined) => readonly string[]
  readonly #log: Logger

  constructor(
    components: {
      zones: ZoneSource
      index: EnumIndex
      net: Net
      clock: Clock
      random: Random
      logger: Logger
      /** Of a domain that has an order of its own; empty for others. */
      treesOf(domain: string | undefined): readonly string[]
    },
    init: { trees: readonly string[]; servers: readonly Address[]; timeoutMs: number },
  ) {
    const { zones, logger } = components
    const dns = new StubResolver(components, { servers: init.servers, timeoutMs: init.timeoutMs })
    this.#client = new EnumClient({ zones, dns, logger })
    this.#index = components.index
    this.#treesOf = (domain) => components.treesOf(domain)
    this.#trees = init.trees.map((tree) => tree.toLowerCase())
    this.#log = logger.forComponent('node:enum')
    this.#log.debug('numbers are looked up', { trees: this.#trees, servers: init.servers.map(formatAddress) })
  }

  async find({ number, method, caller, trees: ofCaller = [] }: NumberQuery): Promise<NumberFound | undefined> {
    // Others are local numbers, which are accounts or aliases.
    const digits = number.startsWith('+') ? number.slice(1) : undefined
    const ofDomain = caller === undefined ? [] : this.#treesOf(splitAor(caller)?.domain)
    const own = ofCaller.length > 0 ? ofCaller : ofDomain
    const trees = digits === undefined ? [] : own.length > 0 ? own : this.#inOrder()
    if (digits === undefined || trees.length === 0) return undefined
    try {
      const found = await this.#client.find(digits, trees, (target) => uriOf(target, method) !== undefined)
      return found && { tree: found.tree, uris: found.targets.flatMap((target) => uriOf(target, method) ?? []) }
    } catch (error) {
      this.#log.warn('a number could not be looked up', { number: digits, error: errorMessage(error) })
      return undefined
    }
  }

  /** The ring's own, as they are named in the settings, then by name; then the others. */
  #inOrder(): string[] {
    const own = [...this.#index.trees()].filter(({ ranges }) => ranges.size > 0)
    const unnamed = own
      .map(({ tld }) => tld)
      .filter((tree) => !this.#trees.includes(tree))
      .sort()
    return [...unnamed, ...this.#trees]
  }
}

/** Addresses of presence and messages are those of SIP here. */
function uriOf({ uri, services: offered }: EnumTarget, method: string): string | undefined {
  const wanted = services[method] ?? services.INVITE
  if (!SCHEMES.test(uri) || !offered.some((one) => wanted?.includes(one))) return undefined
  return uri.replace(/^(pres|im):/i, 'sip:')
}
