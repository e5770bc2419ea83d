import type { SipMessage } from './contract.ts'
import type { HeaderList } from './header-list.ts'

/** The bytes of a message. Content-Length is always written, and always right. */
export function serializeMessage(message: SipMessage): Buffer {
  const start =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${message.reason}\r\n`
  const head = `${start}${(message.headers as HeaderList).format()}Content-Length: ${message.body.length}\r\n\r\n`
  const out = Buffer.allocUnsafe(head.length + message.body.length)
  out.write(head, 0, 'latin1')
  out.set(message.body, head.length)
  return out
}
