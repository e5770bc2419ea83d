import type { SipMessage } from './contract.ts'
import { toHeaderList } from './header-list.ts'

/** Start line, headers as they came where nobody touched them, a Content-Length that is right, body. */
export function serializeMessage(message: SipMessage): Buffer {
  const head = messageHead(message)
  const { body } = message
  const out = Buffer.allocUnsafe(head.length + body.length)
  out.write(head, 0, 'latin1')
  out.set(body, head.length)
  return out
}

/** What stands before the body, with the empty line. */
function messageHead(message: SipMessage): string {
  const headers = toHeaderList(message.headers)
  const length = String(message.body.length)
  const declared = headers.get('content-length')
  const fields =
    declared === length ? headers.write() : `${headers.write('content-length')}Content-Length: ${length}\r\n`
  return `${startLine(message)}\r\n${fields}\r\n`
}

export function startLine(message: SipMessage): string {
  return message.kind === 'request'
    ? `${oneLine(message.method)} ${oneLine(message.uri)} SIP/2.0`
    : `SIP/2.0 ${message.status} ${oneLine(message.reason)}`
}

/** Nothing put into a start line may end it. */
const oneLine = (text: string): string => (/[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, ' ') : text)
