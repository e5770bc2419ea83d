import { errorCode, ThorError } from '@thor-node/core'

/** System errors that mean: no node answered there. */
const unreachable = new Set(['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN'])

/** All errors inside an error: causes and members of AggregateErrors, itself first. */
function* inside(error: unknown, depth = 0): Generator<unknown> {
  yield error
  if (depth > 5 || typeof error !== 'object' || error === null) return
  if (error instanceof AggregateError) for (const one of error.errors) yield* inside(one, depth + 1)
  if ('cause' in error && error.cause !== undefined) yield* inside(error.cause, depth + 1)
}

/**
 * What a failed dial becomes: `OVERLAY_UNREACHABLE` (nobody answers) or `OVERLAY_REFUSED` (somebody refuses). The cause
 * keeps the code of the system error, see `isConnectionRefused`.
 */
export function dialError(peer: string, addresses: readonly string[], error: unknown): ThorError {
  const where = `${peer} at ${addresses.join(', ') || 'no known address'}`
  let timedOut = false
  for (const one of inside(error)) {
    const code = errorCode(one)
    if (code && unreachable.has(code)) {
      const cause = Object.assign(new Error(one instanceof Error ? one.message : code), { code })
      return new ThorError('OVERLAY_UNREACHABLE', `nobody answers for ${where}: ${code}`, { cause })
    }
    if (one instanceof Error && (one.name === 'TimeoutError' || one.name === 'AbortError')) timedOut = true
  }
  if (timedOut) return new ThorError('OVERLAY_UNREACHABLE', `no answer in time from ${where}`, { cause: error })
  return new ThorError('OVERLAY_REFUSED', `${where} refuses the connection`, { cause: error })
}

/** True for `OVERLAY_UNREACHABLE` where the machine answered that nothing listens there: the process is gone. */
export function isConnectionRefused(error: unknown): boolean {
  return error instanceof ThorError && error.code === 'OVERLAY_UNREACHABLE' && errorCode(error.cause) === 'ECONNREFUSED'
}
