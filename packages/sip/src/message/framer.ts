import { SipParseError } from '../errors.ts'
import { messageLimits } from '../limits.ts'
import { contentLength } from './parser.ts'

export type Frame = { type: 'message'; bytes: Buffer } | { type: 'keep-alive' }

const HEAD_END = '\r\n\r\n'
const CONTENT_LENGTH = /\r\n(?:content-length|l)[ \t]*:[ \t]*([^\r]*)/i

/**
 * Cuts a stream into messages by Content-Length (RFC 3261 §18.3) and finds CRLF CRLF keep-alives between them (RFC 5626 §3.5.1).
 * A message that is too large, or whose length cannot be told, makes the rest of the stream unreadable: SipParseError, and the
 * caller closes the connection.
 */
export class StreamFramer {
  #pending: Buffer = Buffer.alloc(0)
  #bodyAt: number | undefined
  #length = 0

  /** True while a message has begun and is not complete. */
  get partial(): boolean {
    return this.#pending.length > 0
  }

  push(chunk: Buffer): Frame[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const frames: Frame[] = []
    for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame)
    return frames
  }

  #next(): Frame | undefined {
    if (this.#bodyAt === undefined) {
      const keepAlive = this.#skipBlank()
      if (keepAlive) return keepAlive
      const end = this.#pending.indexOf(HEAD_END, 0, 'latin1')
      if (end < 0) {
        if (this.#pending.length > messageLimits.messageBytesMax) throw new SipParseError('headers do not end')
        return undefined
      }
      const match = CONTENT_LENGTH.exec(this.#pending.toString('latin1', 0, end))
      // Without Content-Length on a stream there is no telling where the body ends: taken as none.
      this.#length = match ? contentLength((match[1] as string).trim()) : 0
      this.#bodyAt = end + HEAD_END.length
      if (this.#bodyAt + this.#length > messageLimits.messageBytesMax) throw new SipParseError('message too large', 513)
    }
    const total = this.#bodyAt + this.#length
    if (this.#pending.length < total) return undefined
    const bytes = this.#pending.subarray(0, total)
    this.#pending = this.#pending.subarray(total)
    this.#bodyAt = undefined
    return { type: 'message', bytes }
  }

  /** CRLFs in front of a message: two of them are a ping, a single one is a pong or slack. */
  #skipBlank(): Frame | undefined {
    let at = 0
    while (this.#pending[at] === 0x0d && this.#pending[at + 1] === 0x0a) {
      at += 2
      if (at === 4) {
        this.#pending = this.#pending.subarray(4)
        return { type: 'keep-alive' }
      }
    }
    // A single CRLF followed by a message is slack; one at the end may be the first half of a ping.
    if (at > 0 && this.#pending.length > at && this.#pending[at] !== 0x0d) this.#pending = this.#pending.subarray(at)
    return undefined
  }
}
