import { SipParseError } from '../errors.ts'
import type { SipMessage, SipRequest } from './contract.ts'

/**
 * Reads what every message must have (RFC 3261 §8.1.1, §16.3 step 1), so that later readers of Via, From, To, Call-ID,
 * CSeq, Max-Forwards and, in requests, Contact, Route and Record-Route cannot fail. Throws SipParseError. The Request-URI
 * is left out: a scheme that nobody knows is answered 416 by the proxy, not 400 here.
 */
export function validateMessage(message: SipMessage): void {
  try {
    const { method } = message.cseq
    // Reading them is what tells.
    void [message.vias, message.from, message.to, message.callId]
    if (message.kind === 'request') validateRequest(message, method)
  } catch (error) {
    if (error instanceof SipParseError && message.kind === 'request') {
      error.headers ??= message.headers
      error.method ??= message.method
    }
    throw error
  }
}

function validateRequest(request: SipRequest, method: string): void {
  if (method !== request.method) {
    throw new SipParseError('CSeq names another method', { reason: 'CSeq Method Mismatch' })
  }
  if (request.requestUri.headers !== undefined) {
    throw new SipParseError('the Request-URI has headers', { reason: 'Bad Request-URI' })
  }
  void [request.maxForwards, request.contacts, request.routes, request.recordRoutes]
}
