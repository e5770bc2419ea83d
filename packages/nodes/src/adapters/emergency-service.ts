import type { Clock, Lifecycle, Logger } from '@thor-node/core'
import type { EmergencyRow } from '@thor-node/provision'
import { type Emergencies, type EmergencyRegion, mayBeEmergency } from '@thor-node/sip'
import { RecordsCopy } from './records-copy.ts'
import type { RingAccess } from './ring-access.ts'

/** The region of accounts and nodes that have none, or none that there are gateways for. */
const DEFAULT_REGION = 'default'

/** Emergency numbers and gateways by region: records of the ring, and each node's copy of them. */
export class EmergencyService implements Emergencies, Lifecycle {
  readonly #copy: RecordsCopy<EmergencyRow>
  readonly #site: string
  readonly #configured: EmergencyRegion
  #regions: ReadonlyMap<string, EmergencyRegion> = new Map()
  #numbers: ReadonlySet<string> = new Set()

  /** `site`: region of the node. `configured`: where the ring says nothing; without gateways it is none. */
  constructor(
    components: { ring: Pick<RingAccess, 'store'>; clock: Clock; logger: Logger },
    init: { site: string; configured: EmergencyRegion },
  ) {
    this.#site = init.site.toLowerCase()
    this.#configured = init.configured
    this.#use([])
    this.#copy = new RecordsCopy<EmergencyRow>(
      { ...components, log: components.logger.forComponent('node:emergency') },
      { prefix: 'emergency/', onList: (rows) => this.#use(rows) },
    )
  }

  start(): Promise<void> {
    return this.#copy.start()
  }

  stop(): Promise<void> {
    return this.#copy.stop()
  }

  has(number: string): boolean {
    return this.#numbers.has(number)
  }

  /** Ahead of parsing, for a node that sheds. */
  mayBe(bytes: Buffer): boolean {
    return this.#numbers.size > 0 && mayBeEmergency(bytes, (number) => this.#numbers.has(number))
  }

  /** Of the account, of the node, of the ring, of the settings: the first that has gateways. */
  regionOf(name: string | undefined): EmergencyRegion | undefined {
    for (const one of [name?.toLowerCase(), this.#site, DEFAULT_REGION]) {
      const region = one === undefined ? undefined : this.#regions.get(one)
      if (region) return region
    }
    return this.#configured.gateways.length > 0 ? this.#configured : undefined
  }

  #use(rows: readonly EmergencyRow[]): void {
    const regions = rows.map(({ region = '', numbers = [], gateways = [] }) => [region, { numbers, gateways }] as const)
    this.#regions = new Map(regions.filter(([, { gateways }]) => gateways.length > 0))
    const { gateways, numbers } = this.#configured
    const all = [...this.#regions.values()].flatMap((region) => region.numbers)
    this.#numbers = new Set([...all, ...(gateways.length > 0 ? numbers : [])])
  }
}
