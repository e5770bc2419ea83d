import { SipParseError } from '../errors.ts'
import { messageLimits } from '../limits.ts'

/** A complete message, or the CRLF CRLF of a peer that keeps its connection open (RFC 5626 §4.4.1). */
export type Frame = { type: 'message'; bytes: Buffer } | { type: 'ping' }

const CR = 13
const LF = 10
const HEAD_END = Buffer.from('\r\n\r\n')
/** Chunks are joined up to here before their message is complete. */
const SMALL_BYTES = 4_096
const CONTENT_LENGTH = /\r\n(?:content-length|l)[ \t]*:[ \t\r\n]*(\d{1,10})[ \t]*(?=\r\n)/gi

/**
 * Cuts a stream into messages by Content-Length (RFC 3261 §18.3). What cannot be cut makes the rest of the stream
 * unreadable: `push` throws SipParseError, and the connection must be closed. A chunk that completes no message is kept
 * beside the others and joined once, so a peer that sends byte by byte costs no more than one that does not.
 */
export class StreamFramer {
  #chunks: Buffer[] = []
  #bytes = 0
  /** Bytes that must be there before it is worth looking again: head and body once the head was seen. */
  #wanted = 1
  /** Where the search for the end of the head goes on. */
  #searched = 0
  #headSeen = false
  /** How much of the end of a head is there at the end of one that is not complete: the rest may begin the next chunk. */
  #matched = 0

  /** Of a message that is not complete. */
  get partialBytes(): number {
    return this.#bytes
  }

  /** True while a message has begun and is not complete. */
  get partial(): boolean {
    return this.#bytes > 0
  }

  push(chunk: Buffer): Frame[] {
    this.#keep(chunk)
    this.#bytes += chunk.length
    if (this.#searched > 0 && !this.#headMayEnd(chunk)) return []
    const frames: Frame[] = []
    while (this.#bytes >= this.#wanted) {
      const pending = this.#join()
      const frame = this.#headSeen ? this.#takeMessage(pending) : this.#lookAtHead(pending)
      if (frame === 'more') break
      if (frame) frames.push(frame)
    }
    return frames
  }

  /** Small ones become larger ones, by halves: each is an object of its own, and takes hundreds of bytes however short it is. */
  #keep(chunk: Buffer): void {
    let last = chunk
    for (;;) {
      const before = this.#chunks.at(-1)
      if (!before || before.length > last.length || before.length + last.length > SMALL_BYTES) break
      this.#chunks.pop()
      last = joined(before, last)
    }
    this.#chunks.push(last)
  }

  /** Looks at the new bytes alone, so that a head in many pieces is joined once. */
  #headMayEnd(chunk: Buffer): boolean {
    const seam = Math.min(chunk.length, HEAD_END.length - 1)
    for (let i = 0; i < seam; i++) {
      this.#matched = matchedWith(this.#matched, chunk[i])
      if (this.#matched === HEAD_END.length) return true
    }
    if (chunk.length > seam) this.#matched = matchedBy(chunk)
    return this.#bytes > messageLimits.messageBytesMax || (chunk.length > seam && chunk.includes(HEAD_END))
  }

  #join(): Buffer {
    const [first] = this.#chunks
    const pending = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks, this.#bytes)
    this.#chunks = [pending]
    return pending
  }

  #drop(pending: Buffer, count: number): void {
    this.#chunks = count < pending.length ? [pending.subarray(count)] : []
    this.#bytes = pending.length - count
    this.#wanted = 1
    this.#searched = 0
  }

  #takeMessage(pending: Buffer): Frame {
    const bytes = pending.subarray(0, this.#wanted)
    this.#headSeen = false
    this.#drop(pending, bytes.length)
    return { type: 'message', bytes }
  }

  #lookAtHead(pending: Buffer): Frame | 'more' | undefined {
    if (pending[0] === CR || pending[0] === LF) return this.#skipBlank(pending)
    const end = pending.indexOf(HEAD_END, Math.max(0, this.#searched - 3))
    if (end < 0) {
      if (pending.length > messageLimits.messageBytesMax) throw tooLarge()
      this.#searched = pending.length
      this.#matched = matchedBy(pending)
      this.#wanted = pending.length + 1
      return 'more'
    }
    try {
      if (end > messageLimits.messageBytesMax) throw tooLarge()
      this.#wanted = end + HEAD_END.length + bodyLength(pending.toString('latin1', 0, end + 2))
      if (this.#wanted > messageLimits.streamMessageBytesMax) throw tooLarge()
    } catch (error) {
      if (error instanceof SipParseError) error.head = pending.subarray(0, end + HEAD_END.length)
      throw error
    }
    this.#headSeen = true
    this.#searched = 0
    return undefined
  }

  /** Two line ends are a ping, one is slack in front of a message (RFC 3261 §7.5) or half a ping. */
  #skipBlank(pending: Buffer): Frame | 'more' | undefined {
    if (pending[0] === LF) {
      this.#drop(pending, 1)
      return undefined
    }
    for (let at = 1; at < 4; at++) {
      if (at >= pending.length) {
        this.#wanted = at + 1
        return 'more'
      }
      if (pending[at] !== (at % 2 === 1 ? LF : CR)) {
        // A lone CR is thrown away, as a lone CRLF is.
        this.#drop(pending, at === 1 ? 1 : 2)
        return undefined
      }
    }
    this.#drop(pending, 4)
    return { type: 'ping' }
  }
}

/** Short ones share memory, which the next join gives back; longer ones stay, and must not keep what they share. */
function joined(a: Buffer, b: Buffer): Buffer {
  const size = a.length + b.length
  const both = size < SMALL_BYTES / 4 ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size)
  both.set(a)
  both.set(b, a.length)
  return both
}

/** One more byte after so many of the end of a head. */
function matchedWith(matched: number, byte: number | undefined): number {
  if (byte === CR) return matched === 2 ? 3 : 1
  return byte === LF && (matched === 1 || matched === 3) ? matched + 1 : 0
}

function matchedBy(bytes: Buffer): number {
  let matched = 0
  for (let i = Math.max(0, bytes.length - HEAD_END.length + 1); i < bytes.length; i++) {
    matched = matchedWith(matched, bytes[i])
  }
  return matched
}

/** On a stream nothing else tells where the body ends, so there must be one Content-Length. */
function bodyLength(head: string): number {
  const lengths = new Set([...head.matchAll(CONTENT_LENGTH)].map((match) => Number(match[1])))
  const [length] = lengths
  if (lengths.size !== 1 || length === undefined) {
    throw new SipParseError('a message on a stream without a Content-Length', { reason: 'Missing Content-Length' })
  }
  return length
}

const tooLarge = (): SipParseError =>
  new SipParseError('the message is too large', { status: 513, reason: 'Message Too Large' })
