import { existsSync } from 'node:fs'
import { errorCode, sleep, ThorError } from '@thor-node/core'
import type { LeaveResult } from '../control/contract.ts'
import { leftIdentityPath } from '../control/path.ts'
import { count, formatBytes, formatSeconds } from '../status/format.ts'
import { type Console, dataOf, type NodeOptions, show } from './console.ts'
import { nodeVerb, type Verb } from './verb.ts'

const LOOK_AGAIN_MS = 500
const ENDED = new Set(['CONTROL_NOT_RUNNING', 'CONTROL_FAILED'])

export function leaveLine({ rangesHeld, rangesTotal, bytesSent, etaSeconds }: LeaveResult): string {
  const sent = bytesSent > 0 ? `, ${formatBytes(bytesSent)} sent` : ''
  const eta = etaSeconds === null || rangesHeld === 0 ? '' : `, about ${formatSeconds(etaSeconds)} left`
  return `${rangesHeld} of ${count(rangesTotal, 'range')} to hand over${sent}${eta}`
}

function tell(console: Console, result: LeaveResult): void {
  if (console.terminal) console.sketch(leaveLine(result))
  else console.print(leaveLine(result))
}

export const leaveVerb: Verb = (console) =>
  nodeVerb(
    'leave',
    'Take this node out of the ring for good: its ranges move to the others first, then its process ends.',
    `thor-node leave
     thor-node leave --data /tmp/n2`,
  ).action(async (options: NodeOptions) => {
    const data = dataOf(console, options)
    const node = console.connect(data)
    const release = console.hold()
    try {
      let last: LeaveResult | undefined
      for (;;) {
        const now = await node.leave().then(
          (result) => result,
          (error) => {
            // The node ends when it has left; before the first answer that means that it did not run.
            if (last !== undefined && ENDED.has(errorCode(error) ?? '')) {
              if (existsSync(leftIdentityPath(data))) return undefined
              throw new ThorError(
                'NODE_LEAVE_CUT_SHORT',
                `the node of ${data} ended, or does not answer any more, before it had left: it is still a member. Keep its ` +
                  'data, start it again ("thor-node join"), and let it leave again.',
                { cause: error },
              )
            }
            throw error
          },
        )
        if (now === undefined) break
        if (now.rangesHeld !== last?.rangesHeld && !options.json) tell(console, now)
        last = now
        await sleep(console.clock, LOOK_AGAIN_MS)
      }
    } finally {
      release()
    }
    if (console.terminal && !options.json) console.complain('')
    show(console, options, { left: true }, () => 'This node has left the ring. Its data directory can be deleted.')
  })
