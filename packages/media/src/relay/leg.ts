import { type Address, type Clock, errorCode, type Net, ThorError } from '@thor-node/core'
import { BIND_ATTEMPTS_MAX } from '../limits.ts'
import { type CodecMap, isAuxiliary } from '../sdp/codecs.ts'
import type { RelayPorts } from '../sdp/rewrite.ts'
import { RelayPort } from './port.ts'
import type { PortPool } from './port-pool.ts'

export interface LegComponents {
  clock: Clock
  net: Net
  pool: PortPool
}

/** An address of the relay, and what phones are told instead of it. */
export interface RelayHost {
  bind: string
  advertised: string
}

/** One side of a stream: a pair of ports that faces one party. */
export class Leg {
  readonly host: RelayHost
  readonly rtp: RelayPort
  readonly rtcp: RelayPort
  readonly ports: RelayPorts
  readonly #pool: PortPool
  #closed: Promise<void> | undefined
  /** What this party's SDP says of the stream. */
  codecs: CodecMap = new Map()
  held = false
  /** Has this party described the stream yet? */
  described = false

  private constructor(components: LegComponents, host: RelayHost, port: number) {
    this.host = host
    this.#pool = components.pool
    this.rtp = new RelayPort(components)
    this.rtcp = new RelayPort(components)
    this.ports = { rtp: port, rtcp: port + 1 }
  }

  /**
   * Takes a pair and binds it, going on to the next where another program sits in our range. Throws
   * `MEDIA_PORTS_EXHAUSTED`, and what `Net.udp` throws for other reasons than a port in use.
   */
  static async open(components: LegComponents, host: RelayHost): Promise<Leg> {
    const occupied: number[] = []
    try {
      while (occupied.length < BIND_ATTEMPTS_MAX) {
        const port = components.pool.take()
        try {
          return await Leg.#bind(components, host, port)
        } catch (error) {
          occupied.push(port)
          if (errorCode(error) !== 'NET_ADDRESS_IN_USE') throw error
        }
      }
      throw new ThorError(
        'MEDIA_PORTS_EXHAUSTED',
        `other programs use the media ports of ${host.bind}; choose another range`,
      )
    } finally {
      for (const port of occupied) components.pool.give(port)
    }
  }

  static async #bind(components: LegComponents, host: RelayHost, port: number): Promise<Leg> {
    const leg = new Leg(components, host, port)
    const { net } = components
    const address: Address = { host: host.bind, port }
    leg.rtp.attach(await net.udp(address, (bytes, from) => leg.rtp.receive(bytes, from)))
    try {
      const next = { host: address.host, port: address.port + 1 }
      leg.rtcp.attach(await net.udp(next, (bytes, from) => leg.rtcp.receive(bytes, from)))
    } catch (error) {
      await leg.rtp.close()
      throw error
    }
    return leg
  }

  setCodecs(codecs: CodecMap): void {
    this.codecs = codecs
    const auxiliary = [...codecs].filter(([, name]) => isAuxiliary(name)).map(([type]) => type)
    this.rtp.auxiliary = new Set(auxiliary)
  }

  /** What is taken from this leg goes out of `other`; undefined: nowhere. */
  leadTo(other: Leg | undefined): void {
    this.rtp.peer = other?.rtp
    this.rtcp.peer = other?.rtcp
  }

  /** Idempotent. The pair goes back to the pool when the sockets are closed. */
  close(): Promise<void> {
    this.#closed ??= Promise.all([this.rtp.close(), this.rtcp.close()]).then(() => this.#pool.give(this.ports.rtp))
    return this.#closed
  }
}
