/** Tells secondary servers that a zone has changed (RFC 1996), until they say that they have heard it. */
import {
  type Address,
  type Clock,
  formatAddress,
  type Lifecycle,
  type Logger,
  type Net,
  type Random,
  type Timer,
  type UdpSocket,
} from '@thor-node/core'
import { NOTIFY_LIMITS } from '../limits.ts'
import { CLASS, OPCODE, TYPE } from '../wire/codes.ts'
import { nameToWire } from '../wire/names.ts'

export interface NotifierComponents {
  net: Net
  clock: Clock
  random: Random
  logger: Logger
  /** Does this node speak for the ring? Secondaries need not hear it from everybody. */
  speaks(): boolean
}

export interface NotifierInit {
  /** Where it sends from. */
  host: string
  secondaries: readonly Address[]
}

interface Told {
  apex: string
  to: Address
  id: number
  tries: number
  timer: Timer
  /** It is the second time. */
  again: boolean
}

/** `12 34 | opcode NOTIFY, AA | one question: SOA` */
function notifyBytes(id: number, apex: string): Buffer {
  const head = Buffer.from([0, 0, (OPCODE.NOTIFY << 3) | 0x04, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  head.writeUInt16BE(id, 0)
  return Buffer.concat([head, nameToWire(apex), Buffer.from([0, TYPE.SOA, 0, CLASS.IN])])
}

export class Notifier implements Lifecycle {
  readonly #c: NotifierComponents
  readonly #init: NotifierInit
  readonly #log: Logger
  #socket: UdpSocket | undefined
  /** Zones that changed a moment ago. */
  readonly #gathering = new Map<string, Timer>()
  /** What nobody has acknowledged, by secondary and zone. */
  readonly #told = new Map<string, Told>()
  /** Told once more: who asked at once may have asked a node that had not heard of the change yet. */
  readonly #again = new Map<string, Timer>()

  constructor(components: NotifierComponents, init: NotifierInit) {
    this.#c = components
    this.#init = init
    this.#log = components.logger.forComponent('dns:notify')
  }

  async start(): Promise<void> {
    if (this.#socket || this.#init.secondaries.length === 0) return
    this.#socket = await this.#c.net.udp({ host: this.#init.host, port: 0 }, (bytes, from) => this.#heard(bytes, from))
  }

  async stop(): Promise<void> {
    const socket = this.#socket
    this.#socket = undefined
    for (const timer of this.#gathering.values()) timer.cancel()
    for (const { timer } of this.#told.values()) timer.cancel()
    for (const timer of this.#again.values()) timer.cancel()
    this.#again.clear()
    this.#gathering.clear()
    this.#told.clear()
    await socket?.close()
  }

  /** Changes of one zone within a moment are one change. */
  changed(apex: string): void {
    if (!this.#socket || this.#gathering.has(apex) || this.#gathering.size >= NOTIFY_LIMITS.zonesMax) return
    const tell = (): void => {
      this.#gathering.delete(apex)
      if (this.#c.speaks()) for (const to of this.#init.secondaries) this.#tell(apex, to)
    }
    this.#gathering.set(apex, this.#c.clock.after(NOTIFY_LIMITS.gatherMs, tell))
  }

  get waiting(): number {
    return this.#told.size
  }

  #tell(apex: string, to: Address, again = false): void {
    const key = `${formatAddress(to)} ${apex}`
    this.#told.get(key)?.timer.cancel()
    this.#again.get(key)?.cancel()
    this.#again.delete(key)
    const id = this.#c.random.int(65_536)
    const send = (tries: number): void => {
      if (tries > NOTIFY_LIMITS.tries) {
        this.#told.delete(key)
        this.#log.warn('a secondary server does not take notice of a change', {
          zone: apex,
          secondary: formatAddress(to),
        })
        return
      }
      this.#socket?.send(notifyBytes(id, apex), to)
      const timer = this.#c.clock.after(NOTIFY_LIMITS.retryMs * 2 ** (tries - 1), () => send(tries + 1))
      this.#told.set(key, { apex, to, id, tries, timer, again })
    }
    send(1)
  }

  #heard(bytes: Buffer, from: Address): void {
    if (bytes.length < 12 || ((bytes[2] as number) & 0xf8) !== (0x80 | (OPCODE.NOTIFY << 3))) return
    for (const [key, { apex, id, to, timer, again }] of this.#told) {
      if (id !== bytes.readUInt16BE(0) || formatAddress(to) !== formatAddress(from)) continue
      timer.cancel()
      this.#told.delete(key)
      if (again) continue
      const once = (): void => this.#tell(apex, to, true)
      this.#again.set(key, this.#c.clock.after(NOTIFY_LIMITS.againMs, once))
    }
  }
}
