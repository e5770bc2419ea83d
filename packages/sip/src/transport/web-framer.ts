import { SipParseError } from '../errors.ts'
import { messageLimits } from '../limits.ts'
import type { Frame } from '../message/framer.ts'

const CR = 13
const LF = 10

/** One message of WebSocket is one of SIP (RFC 7118 §4.2); line ends alone are a ping, as on other streams. */
export class WebFramer {
  readonly partial = false
  readonly partialBytes = 0

  push(bytes: Buffer): Frame[] {
    if (bytes.length > messageLimits.messageBytesMax) {
      throw new SipParseError('the message is too large', { status: 513, reason: 'Message Too Large' })
    }
    return bytes.every((byte) => byte === CR || byte === LF) ? [{ type: 'ping' }] : [{ type: 'message', bytes }]
  }
}
