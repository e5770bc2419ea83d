import {
  type Clock,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type Random,
  type RangeId,
  randomHex,
  rangeOf,
  recordKey,
  type Sealer,
  sleep,
  ThorError,
  type Timer,
} from '@thor-node/core'
import type { Alarm, NodeId } from '@thor-node/overlay'
import {
  CSEQS_PER_ATTEMPT,
  loadName,
  type PeerLoad,
  type RegistrationClaim,
  type SipStack,
  TrunkLine,
  Trunks,
  unknownHealth,
} from '@thor-node/sip'
import type { TrunkView } from '../control/trunk-contract.ts'
import type { PeersService } from './peers-service.ts'
import type { RingAccess } from './ring-access.ts'
import { type TrunkRecord, TrunkRecords } from './trunk-records.ts'
import { TrunkStates } from './trunk-states.ts'

/** `trunkreg/<name>`: which numbers of the registration's Call-ID were given away, and to whom last. */
interface RegistrationNumbers {
  callId: string
  cseq: number
  node: NodeId
}

const REFRESH_MS = 10_000
/** The carrier has so long to take note of an end. */
const END_MS = 2_000
const CSEQ_MAX = 2 ** 31 - 1

interface Running {
  line: TrunkLine
  record: TrunkRecord
}

export interface TrunksComponents {
  ring: Pick<RingAccess, 'members' | 'ranges' | 'rpc' | 'self' | 'store'>
  clock: Clock
  random: Random
  logger: Logger
  sealer: Sealer
  load: PeerLoad
  peers: Pick<PeersService, 'learn'>
  /** There when this is started. */
  stack(): Pick<SipStack, 'agent' | 'isNode'>
}

/**
 * Trunks: each is registered and looked after by the home of its name, and by no other node. Who becomes home goes on from
 * the records: the same Call-ID, higher numbers. Every node knows how each is.
 */
export class TrunksService implements Lifecycle {
  /** As the proxy of this node sees them. */
  readonly trunks: Trunks
  readonly records: TrunkRecords
  readonly #c: TrunksComponents
  readonly #log: Logger
  readonly #states: TrunkStates
  readonly #running = new Map<string, Running>()
  readonly #troubles = new Map<string, Alarm>()
  #ends: (() => void)[] = []
  #timer: Timer | undefined

  constructor(components: TrunksComponents) {
    this.#c = components
    this.#log = components.logger.forComponent('node:trunks')
    this.trunks = new Trunks({ load: components.load })
    this.records = new TrunkRecords(components)
    this.#states = new TrunkStates({ ...components, onNews: () => this.#use() })
    components.ring.store.reg.watch('trunk/', () => void this.#refreshQuietly())
  }

  async start(): Promise<void> {
    if (this.#timer) return
    const { clock, ring } = this.#c
    const onRange = (range: RangeId): void => {
      if (this.records.list().some(({ name }) => rangeOf(name) === range)) this.#keep()
    }
    this.#timer = every(
      clock,
      REFRESH_MS,
      () => this.refresh(),
      (error) => this.#log.warn('list of trunks not refreshed', { error: errorMessage(error) }),
    )
    this.#ends = [ring.ranges.onGained(onRange), ring.ranges.onLost(onRange)]
    await this.#states.start()
    await this.#refreshQuietly()
  }

  /** Where another node goes on, the carrier is not told; the last one takes the registrations back. */
  async stop(): Promise<void> {
    if (!this.#timer) return
    this.#timer.cancel()
    this.#timer = undefined
    for (const end of this.#ends.splice(0)) end()
    const { members, self } = this.#c.ring
    const isLast = !members.list().some(({ nodeId, serving }) => {
      return nodeId !== self && serving && members.isLive(nodeId)
    })
    const lines = [...this.#running.keys()]
    await Promise.all(lines.map((name) => this.#drop(name, isLast)))
    await this.#states.stop()
  }

  async refresh(): Promise<void> {
    await this.records.refresh()
    this.#keep()
    this.#use()
  }

  list(): TrunkView[] {
    return this.records.list().map((record) => this.#viewOf(record))
  }

  show(name: string): TrunkView {
    return this.#viewOf(this.records.get(name))
  }

  /** Of the trunks that this node looks after. */
  alarms(): Alarm[] {
    const now: Alarm[] = [...this.#running.values()].flatMap(({ line, record }) => troublesOf(record, line))
    const kinds = new Set(now.map(({ kind }) => kind))
    for (const kind of this.#troubles.keys()) if (!kinds.has(kind)) this.#troubles.delete(kind)
    return now.map((alarm) => {
      const since = this.#troubles.get(alarm.kind)?.since ?? this.#c.clock.wall()
      this.#troubles.set(alarm.kind, { ...alarm, since })
      return { ...alarm, since }
    })
  }

  async #refreshQuietly(): Promise<void> {
    await this.refresh().catch((error) => {
      this.#log.warn('list of trunks not refreshed', { error: errorMessage(error) })
    })
  }

  /** Lines for the trunks that this node is home of, and for no others. */
  #keep(): void {
    if (!this.#timer) return
    const records = new Map(this.records.list().map((record) => [record.name, record]))
    for (const [name, { record }] of this.#running) {
      const now = records.get(name)
      if (!now) {
        void this.#drop(name, true)
        this.#states.forget(name)
      } else if (!this.#isHome(name)) void this.#drop(name, false)
      else if (now.changedAt !== record.changedAt) void this.#drop(name, !isSameBinding(record, now))
    }
    for (const record of records.values()) {
      if (this.#isHome(record.name) && !this.#running.has(record.name)) this.#begin(record)
    }
  }

  #begin(record: TrunkRecord): void {
    const { clock, random, logger } = this.#c
    const { agent, isNode } = this.#parts()
    const { name } = record
    let credentials: ReturnType<TrunkRecords['credentials']>
    try {
      credentials = this.records.credentials(record)
    } catch (error) {
      this.#log.error('the password of a trunk cannot be read', { trunk: name, error: errorMessage(error) })
    }
    const { health = unknownHealth, addresses = [] } = this.#states.of(name) ?? {}
    const line = new TrunkLine(
      {
        agent,
        isNode,
        clock,
        random,
        logger,
        claim: () => this.#claim(name),
        onChange: (report) => this.#states.say(name, report),
      },
      { trunk: record, health, addresses, ...(credentials && { credentials }) },
    )
    this.#running.set(name, { line, record })
    this.#log.info('looks after a trunk', { trunk: name })
    this.#states.say(name, line.report)
    line.start()
  }

  async #drop(name: string, forGood: boolean): Promise<void> {
    const running = this.#running.get(name)
    if (!running) return
    this.#running.delete(name)
    this.#states.silence(name)
    if (!forGood) return running.line.stop()
    const late = sleep(this.#c.clock, END_MS).then(() => running.line.stop())
    await Promise.race([running.line.end().catch(() => undefined), late])
  }

  /** Only the home may register, and only while it is not alone with that thought: the ring's majority gives the numbers. */
  async #claim(name: string): Promise<RegistrationClaim> {
    const { ring, random } = this.#c
    if (!this.#isHome(name) && this.#running.has(name)) {
      throw new ThorError('NODE_TRUNK_ELSEWHERE', `another node looks after trunk ${name}`)
    }
    const fresh = `${randomHex(random, 12)}@thor-node`
    const opId = randomHex(random, 16)
    const key = recordKey('trunkreg', name)
    return ring.store.reg.change<RegistrationNumbers, RegistrationClaim>(key, opId, (current) => {
      const known = current?.body
      const usable = known !== undefined && known.cseq + CSEQS_PER_ATTEMPT < CSEQ_MAX
      const { callId, cseq } = usable ? known : { callId: fresh, cseq: 0 }
      return { body: { callId, cseq: cseq + CSEQS_PER_ATTEMPT, node: ring.self }, result: { callId, cseq: cseq + 1 } }
    })
  }

  #parts(): Pick<SipStack, 'agent'> & { isNode: SipStack['isNode'] } {
    const stack = this.#c.stack()
    return { agent: stack.agent, isNode: (uri) => stack.isNode(uri) }
  }

  #isHome(name: string): boolean {
    return this.#c.ring.ranges.isHome(rangeOf(name))
  }

  /** What is known goes to the proxy, and to those who trust the addresses of a trunk. */
  #use(): void {
    const learned = new Map<string, string[]>()
    const states = this.records.list().map((record) => {
      const told = this.#states.of(record.name)
      if (record.peer !== undefined && told) {
        learned.set(record.peer, [...(learned.get(record.peer) ?? []), ...told.addresses])
      }
      return { ...record, up: told?.health.up ?? true, ...this.#credentialsOf(record) }
    })
    this.trunks.replace(states)
    this.#c.peers.learn(learned)
  }

  #credentialsOf(record: TrunkRecord): { credentials?: NonNullable<ReturnType<TrunkRecords['credentials']>> } {
    try {
      const credentials = this.records.credentials(record)
      return credentials ? { credentials } : {}
    } catch {
      return {}
    }
  }

  #viewOf({ password, changedAt, ...record }: TrunkRecord): TrunkView {
    const told = this.#states.of(record.name)
    const { members } = this.#c.ring
    const seen = told && this.#c.ring.members.isLive(told.node) ? told : undefined
    return {
      ...record,
      prefixes: [...record.prefixes],
      hasPassword: password !== undefined,
      changedAt,
      up: told?.health.up ?? null,
      upSince: told?.health.since || null,
      node: seen ? (members.get(seen.node)?.name ?? seen.node) : null,
      registration: told?.registration ?? null,
      addresses: [...(told?.addresses ?? [])],
      calls: this.#c.load.callsOf(loadName(record.name)),
    }
  }
}

const isSameBinding = (a: TrunkRecord, b: TrunkRecord): boolean =>
  b.register && a.target === b.target && a.user === b.user && a.domain === b.domain

function troublesOf({ name, target }: TrunkRecord, line: TrunkLine): Alarm[] {
  const { health, registration } = line.report
  const since = 0
  const found: Alarm[] = []
  if (!health.up) {
    const text = `trunk ${name} (${target}) does not answer; calls go by others or fail`
    found.push({ kind: `trunk-down:${name}`, text, since })
  }
  if (registration?.phase === 'backing-off') {
    const { status, reason } = registration
    const said = status === 0 ? 'no answer' : `${status} ${reason}`
    found.push({ kind: `trunk-unregistered:${name}`, text: `trunk ${name} cannot register: ${said}`, since })
  }
  return found
}
