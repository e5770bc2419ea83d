import { ThorError } from '@thor-node/core'

/**
 * A message that cannot be understood. `status` and `reason` are what a server answers when enough of the request could be
 * read to answer at all (RFC 3261 §8.2, §16.3).
 */
export class SipParseError extends ThorError {
  readonly status: number
  readonly reason: string

  constructor(message: string, status = 400, reason = 'Bad Request') {
    super('SIP_PARSE', message)
    this.name = 'SipParseError'
    this.status = status
    this.reason = reason
  }
}
