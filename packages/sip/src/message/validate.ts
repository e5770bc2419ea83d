import { SipParseError } from '../errors.ts'
import type { SipMessage } from './contract.ts'

/**
 * Reads what every message must have (RFC 3261 §8.1.1, §16.3 step 1), so that later readers of Via, From, To, Call-ID,
 * CSeq, Max-Forwards and, in requests, Contact, Route and Record-Route cannot fail. Throws SipParseError. The Request-URI
 * is left out: a scheme that nobody knows is answered 416 by the proxy, not 400 here.
 */
export function validateMessage(message: SipMessage): void {
  const { cseq, vias, from, to, callId } = message
  if (vias.length === 0 || callId === '' || !from || !to) throw new SipParseError('a header is missing')
  if (message.kind === 'response') return
  try {
    if (cseq.method !== message.method) {
      throw new SipParseError('CSeq names another method', { reason: 'CSeq Method Mismatch' })
    }
    if (message.requestUri.headers !== undefined) {
      throw new SipParseError('the Request-URI has headers', { reason: 'Bad Request-URI' })
    }
    // Reading them is what tells.
    void [message.maxForwards, message.contacts, message.routes, message.recordRoutes]
  } catch (error) {
    if (error instanceof SipParseError) error.headers ??= message.headers
    throw error
  }
}
