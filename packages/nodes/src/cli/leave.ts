import { errorCode, sleep } from '@thor-node/core'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { nodeVerb, type Verb } from './verb.ts'

const LOOK_AGAIN_MS = 500
const ENDED = new Set(['CONTROL_NOT_RUNNING', 'CONTROL_FAILED'])

export const leaveVerb: Verb = (console) =>
  nodeVerb(
    'leave',
    'Take this node out of the ring for good: its ranges move to the others first, then its process ends.',
    `thor-node leave
     thor-node leave --data /tmp/n2`,
  ).action(async (options: NodeOptions) => {
    const node = nodeOf(console, options)
    const release = console.hold()
    try {
      let last: number | undefined
      for (;;) {
        const held = await node.leave().then(
          ({ rangesHeld }) => rangesHeld,
          (error) => {
            // The node ends when it has left; before the first answer that means that it did not run.
            if (last !== undefined && ENDED.has(errorCode(error) ?? '')) return undefined
            throw error
          },
        )
        if (held === undefined) break
        if (held !== last && !options.json) console.print(`${held} ranges to hand over`)
        last = held
        await sleep(console.clock, LOOK_AGAIN_MS)
      }
    } finally {
      release()
    }
    show(console, options, { left: true }, () => 'This node has left the ring. Its data directory can be deleted.')
  })
