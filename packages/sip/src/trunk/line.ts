/** One trunk as its home keeps it: registered with the carrier, and looked after by OPTIONS. */
import { type Clock, errorMessage, every, type Logger, type Random, randomHex, type Timer } from '@thor-node/core'
import type { SipRequest, SipUri } from '../message/contract.ts'
import { formatHost, makeRequest, parseUri } from '../message/index.ts'
import type { RemoteHop } from '../proxy/hops.ts'
import type { Agent } from '../ua/ask.ts'
import type { Credentials } from './answer.ts'
import { type Health, isAnswer, judgeHealth } from './health.ts'
import { Registrant, type RegistrantReport, type RegistrationClaim } from './registrant.ts'
import { ownAddress, type Trunk } from './trunk.ts'

/** An answer that takes longer counts as none. */
const PROBE_LIMIT_MS = 5_000
/** The first look at a trunk that has just come to this node. */
const FIRST_PROBE_MS = 100

export interface LineReport {
  health: Health
  /** Undefined: it does not register. */
  registration?: RegistrantReport
  /** Addresses that answered of late, the newest first. */
  addresses: readonly string[]
}

export interface LineComponents {
  agent: Agent
  clock: Clock
  random: Random
  logger: Logger
  claim(): Promise<RegistrationClaim>
  isNode(uri: SipUri): boolean
  /** Something in the report is new. */
  onChange(report: LineReport): void
}

const ADDRESSES_MAX = 8

export class TrunkLine {
  readonly #c: LineComponents
  readonly #trunk: Trunk
  readonly #log: Logger
  readonly #registrant: Registrant | undefined
  #health: Health
  #addresses: string[]
  #probing: Timer | undefined
  #stopped = false

  /** `health`, `addresses`: as the node before knew them. */
  constructor(
    components: LineComponents,
    init: { trunk: Trunk; credentials?: Credentials; health: Health; addresses: readonly string[] },
  ) {
    const { trunk, credentials, health } = init
    this.#c = components
    this.#trunk = trunk
    this.#log = components.logger.forComponent('sip:trunk')
    this.#health = trunk.probeMs > 0 ? health : { up: true, against: 0, since: 0 }
    this.#addresses = [...init.addresses]
    const onChange = (): void => {
      this.#note(this.#registrant?.report.address)
      if (!this.#stopped) components.onChange(this.report)
    }
    this.#registrant = trunk.register
      ? new Registrant({ ...components, onChange }, { trunk, ...(credentials && { credentials }) })
      : undefined
  }

  get report(): LineReport {
    const registration = this.#registrant?.report
    return { health: this.#health, addresses: this.#addresses, ...(registration && { registration }) }
  }

  start(): void {
    this.#registrant?.start()
    if (this.#trunk.probeMs === 0) return
    this.#probing = every(
      this.#c.clock,
      this.#trunk.probeMs,
      () => this.#probe(),
      (error) => this.#log.warn('a trunk is not probed', { trunk: this.#trunk.name, error: errorMessage(error) }),
      FIRST_PROBE_MS,
    )
  }

  /** Another node goes on with it. */
  stop(): void {
    this.#stopped = true
    this.#probing?.cancel()
    this.#registrant?.stop()
  }

  /** Nobody goes on with it: the carrier is told. */
  async end(): Promise<void> {
    this.#stopped = true
    this.#probing?.cancel()
    await this.#registrant?.unregister()
  }

  async #probe(): Promise<void> {
    const { agent, clock } = this.#c
    const uri = parseUri(this.#trunk.target)
    let address: string | undefined
    let answered = false
    try {
      const { response, hop } = await agent.ask(uri, (way) => this.#options(way), PROBE_LIMIT_MS)
      answered = isAnswer(response.status)
      address = hop.remote.host
    } catch (error) {
      this.#log.debug('no answer to OPTIONS', { trunk: this.#trunk.name, error: errorMessage(error) })
    }
    if (this.#stopped) return
    const before = this.#health
    const knew = this.#addresses
    this.#health = judgeHealth(before, answered, this.#trunk, clock.wall())
    this.#note(address)
    if (before.up !== this.#health.up) {
      const text = this.#health.up ? 'a trunk is up again' : 'a trunk is down'
      this.#log.warn(text, { trunk: this.#trunk.name })
      // It may have been started anew, and know nothing any more.
      if (this.#health.up) this.#registrant?.refresh()
    }
    if (before !== this.#health || knew !== this.#addresses) this.#c.onChange(this.report)
  }

  #note(address: string | undefined): void {
    if (address === undefined || this.#addresses.includes(address)) return
    this.#addresses = [address, ...this.#addresses].slice(0, ADDRESSES_MAX)
  }

  #options({ via }: RemoteHop): SipRequest {
    const { random } = this.#c
    const { target, name } = this.#trunk
    const from = ownAddress({ domain: via.host }, name)
    return makeRequest({
      method: 'OPTIONS',
      uri: target,
      from: `<${from}>;tag=${randomHex(random, 5)}`,
      to: `<${target}>`,
      callId: `${randomHex(random, 12)}@${formatHost(via.host)}`,
      cseq: 1,
      headers: [
        ['Contact', `<${from}:${via.port}>`],
        ['Accept', 'application/sdp'],
        ['User-Agent', 'thor-node'],
      ],
    })
  }
}
