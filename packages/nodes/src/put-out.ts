import { ThorError } from '@thor-node/core'
import type { PutOut } from '@thor-node/overlay'
import { formatTime } from './status/format.ts'

/** Why a node is no member any more, in one sentence that says what to do. `by` as a name, where it is known. */
export function putOutError({ why, at, by }: PutOut, data: string): ThorError {
  const remedy = `empty ${data} and join with a new invite`
  if (why === 'expired') {
    return new ThorError(
      'NODE_EXPIRED',
      `the membership certificate of this node has expired and nobody renewed it; ${remedy} (when the whole ring was off for so ` +
        'long, or this clock was wrong, start all nodes once with --wake)',
    )
  }
  const when = at === undefined ? '' : ` on ${formatTime(at)} UTC`
  const where = by === undefined ? '' : `, at ${by}`
  return new ThorError('NODE_REVOKED', `the ring has revoked this node${when}${where}: it stays out; ${remedy}`)
}
