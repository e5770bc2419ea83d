import type { Connection, Stream } from '@libp2p/interface'
import { netLimits } from '../limits.ts'
import { FrameReader, frameHeader } from './framing.ts'

/** Set once, right after construction. */
export interface RingStreamListener {
  onFrame(frame: Uint8Array): void
  /** Exactly once, whoever closed. No frame comes after it. */
  onClose(): void
}

/**
 * Frames on one libp2p stream. What is sent within one turn of the event loop goes out in one write of at most
 * `chunkBytesMax`; while the stream is full frames wait here, up to `sendQueueBytesMax`.
 */
export class RingStream {
  readonly connection: Connection
  /** When it was greeted, in milliseconds of the clock; undefined before. */
  openedAt: number | undefined
  /** The greeting that the peer sent: which process it is. */
  session: string | undefined
  listener: RingStreamListener | undefined
  readonly #stream: Stream
  readonly #reader = new FrameReader(netLimits.frameBytesMax)
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #flushing = false
  #closed = false

  constructor(stream: Stream, connection: Connection) {
    this.#stream = stream
    this.connection = connection
    stream.addEventListener('message', (event) => this.#onBytes(event.data.subarray()))
    stream.addEventListener('drain', () => this.#scheduleFlush())
    stream.addEventListener('remoteCloseWrite', () => this.abort('the peer closed the stream'))
    stream.addEventListener('close', () => this.#onClose())
  }

  get isOpen(): boolean {
    return !this.#closed
  }

  /** Waits here or in the stream below. */
  get backlogBytes(): number {
    return this.#queuedBytes + this.#stream.writeBufferLength
  }

  send(frame: Uint8Array): boolean {
    if (this.#closed || frame.length > netLimits.frameBytesMax) return false
    if (this.#queuedBytes + frame.length > netLimits.sendQueueBytesMax) return false
    this.#queue.push(frameHeader(frame.length), frame)
    this.#queuedBytes += frame.length + 4
    this.#scheduleFlush()
    return true
  }

  /** Writes what waits, as far as the stream takes it, and closes. */
  end(): void {
    if (this.#closed) return
    this.#flush()
    this.#stream.close({ signal: AbortSignal.timeout(500) }).catch(() => undefined)
    this.#onClose()
  }

  abort(reason: string): void {
    if (this.#closed) return
    this.#onClose()
    this.#stream.abort(new Error(reason))
  }

  #scheduleFlush(): void {
    if (this.#flushing || this.#closed || this.#queue.length === 0) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#closed || this.#queuedBytes === 0 || this.#stream.writableNeedsDrain) return
    const bytes = this.#queue.length === 1 ? (this.#queue[0] as Uint8Array) : Buffer.concat(this.#queue)
    this.#queue = []
    this.#queuedBytes = 0
    try {
      for (let at = 0; at < bytes.length; at += netLimits.chunkBytesMax) {
        const roomLeft = this.#stream.send(bytes.subarray(at, at + netLimits.chunkBytesMax))
        const rest = bytes.subarray(at + netLimits.chunkBytesMax)
        if (!roomLeft && rest.length > 0) {
          this.#queue.unshift(rest)
          this.#queuedBytes += rest.length
          return
        }
      }
    } catch {
      this.abort('the stream cannot be written')
    }
  }

  #onBytes(bytes: Uint8Array): void {
    if (this.#closed) return
    const frames = this.#reader.push(bytes)
    if (frames === 'too-long') {
      this.abort('the peer announced a frame above the limit')
      return
    }
    for (const frame of frames) {
      if (this.#closed) return
      this.listener?.onFrame(frame)
    }
  }

  #onClose(): void {
    if (this.#closed) return
    this.#closed = true
    this.#queue = []
    this.#queuedBytes = 0
    this.listener?.onClose()
  }
}
