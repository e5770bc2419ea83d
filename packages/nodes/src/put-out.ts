import { ThorError } from '@thor-node/core'
import type { PutOut } from '@thor-node/overlay'
import { formatTime } from './status/format.ts'

/** Why a node is no member any more, in one sentence that says what to do. `by` as a name; `now` as this machine's clock says. */
export function putOutError({ why, at, by }: PutOut, { data, now }: { data: string; now: number }): ThorError {
  const remedy = `empty ${data} and join with a new invite`
  if (why === 'revoked') {
    const when = at === undefined ? '' : ` on ${formatTime(at)} UTC`
    const where = by === undefined ? '' : `, at ${by}`
    return new ThorError('NODE_REVOKED', `the ring has revoked this node${when}${where}: it stays out; ${remedy}`)
  }
  return new ThorError(
    'NODE_EXPIRED',
    `the membership certificate of this node is not in force: is it really ${formatTime(now)} UTC, as this machine says? If so, ` +
      `nobody renewed it in time; ${remedy} (when the whole ring was off, start all nodes once with --wake)`,
  )
}
