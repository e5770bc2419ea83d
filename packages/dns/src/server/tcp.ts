/** Queries over one TCP connection: answers in their order, zone transfers as the peer takes them. */
import type { Clock, Slices, TcpConnection, Timer } from '@thor-node/core'
import { QUERY_MAX_BYTES, TCP_IDLE_MS } from '../limits.ts'
import { type Query, readQuery } from '../wire/query.ts'

export interface TcpHandler {
  answer(query: Query, host: string): Buffer
  /** Undefined: it is answered as any other query. Else messages, and what is to be done when they are over. */
  transfer(query: Query, host: string): { messages: Iterator<Buffer>; done(): void } | undefined
}

type Transfer = NonNullable<ReturnType<TcpHandler['transfer']>> & { rest(): Promise<void> | undefined }

export class TcpQueries {
  readonly #connection: TcpConnection
  readonly #handler: TcpHandler
  readonly #clock: Clock
  #idle: Timer
  #waiting: Buffer = Buffer.alloc(0)
  readonly #slices: Slices
  #transfer: Transfer | undefined
  #resting = false
  #closed = false

  /** `slices`: of the whole server, so that transfers together leave room for everything else. */
  constructor(
    components: { connection: TcpConnection; handler: TcpHandler; clock: Clock; slices: Slices },
    onClose: () => void,
  ) {
    const { connection, handler, clock, slices } = components
    this.#slices = slices
    this.#connection = connection
    this.#handler = handler
    this.#clock = clock
    this.#idle = this.#arm()
    connection.onData((bytes) => {
      this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes])
      this.#go()
    })
    connection.onDrain(() => {
      if (!this.#transfer) connection.resume()
      this.#go()
    })
    connection.onClose(() => {
      this.#closed = true
      this.#idle.cancel()
      this.#endTransfer()
      onClose()
    })
  }

  #arm(): Timer {
    return this.#clock.after(TCP_IDLE_MS, () => this.#connection.destroy())
  }

  #go(): void {
    while (!this.#closed && !this.#resting) {
      if (this.#transfer) {
        if (!this.#sendTransfer()) return
        continue
      }
      if (this.#waiting.length < 2) return
      const end = 2 + this.#waiting.readUInt16BE(0)
      const tooLong = end > 2 + QUERY_MAX_BYTES
      if (!tooLong && this.#waiting.length < end) return
      const query = tooLong ? undefined : readQuery(this.#waiting.subarray(2, end))
      if (!query) {
        this.#waiting = Buffer.alloc(0)
        this.#connection.destroy()
        return
      }
      this.#waiting = this.#waiting.subarray(end)
      const transfer = this.#handler.transfer(query, this.#connection.remote.host)
      if (transfer) {
        // What is asked meanwhile waits outside.
        this.#connection.pause()
        this.#transfer = { ...transfer, rest: this.#slices.begin() }
        continue
      }
      // A client that asks and does not read is made to wait.
      if (!this.#write(this.#handler.answer(query, this.#connection.remote.host))) this.#connection.pause()
    }
  }

  /** False when more has to wait until the peer has taken some, or until others have had their turn. */
  #sendTransfer(): boolean {
    for (;;) {
      const next = this.#transfer?.messages.next()
      if (!next || next.done) {
        this.#endTransfer()
        this.#connection.resume()
        return true
      }
      if (!this.#write(next.value)) return false
      const pause = this.#transfer?.rest()
      if (!pause) continue
      this.#resting = true
      void pause.then(() => {
        this.#resting = false
        this.#go()
      })
      return false
    }
  }

  #endTransfer(): void {
    this.#transfer?.done()
    this.#transfer = undefined
  }

  #write(message: Buffer): boolean {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(message.length)
    this.#idle.cancel()
    this.#idle = this.#arm()
    return this.#connection.write(Buffer.concat([length, message]))
  }
}
