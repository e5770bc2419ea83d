import { ThorError } from '@thor-node/core'
import type { SipHeaders } from './message/contract.ts'

/**
 * A message, or a value in one, breaks the syntax. `status` and `reason` are what a request is answered with, where an
 * answer can be made at all (`respondToBroken`).
 */
export class SipParseError extends ThorError {
  readonly status: number
  readonly reason: string
  /** Headers of the request that broke, when they could be told apart; absent for responses. */
  headers: SipHeaders | undefined
  /** Of a message on a stream that cannot be cut out of it: the bytes up to its empty line. */
  head: Buffer | undefined
  /** Its method, as far as that could be read. */
  method: string | undefined

  constructor(message: string, options: { status?: number; reason?: string; cause?: unknown } = {}) {
    super('SIP_PARSE', message, options)
    this.name = 'SipParseError'
    this.status = options.status ?? 400
    this.reason = options.reason ?? 'Bad Request'
  }
}
