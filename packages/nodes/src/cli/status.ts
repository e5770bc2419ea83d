import { sleep } from '@thor-node/core'
import { renderStatus } from '../status/render.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { nodeVerb, type Verb } from './verb.ts'

const WATCH_PERIOD_MS = 1_000
const CLEAR_SCREEN = '\u001b[H\u001b[J'

export const statusVerb: Verb = (console) =>
  nodeVerb(
    'status',
    'Show the nodes, the ring, and how many accounts, registrations and calls there are.',
    `thor-node status
     thor-node status --ring            with a small picture
     thor-node status --watch           again every second, until Ctrl-C
     thor-node status --json | jq '.nodes[].name'`,
  )
    .option('--watch', 'show it again every second')
    .option('--ring', 'draw the ring')
    .action(async (options: NodeOptions & { watch?: boolean; ring?: boolean }) => {
      const node = nodeOf(console, options)
      const once = async (): Promise<void> => {
        const status = await node.status()
        if (options.watch && console.terminal) console.print(CLEAR_SCREEN)
        // A stream of objects, one a line, is what a program can follow.
        if (options.watch && options.json) console.print(JSON.stringify(status))
        else show(console, options, status, (result) => renderStatus(result, console.paint, options))
      }
      if (!options.watch) return once()
      const release = console.hold()
      try {
        while (!console.unread) {
          await once()
          await sleep(console.clock, WATCH_PERIOD_MS)
        }
      } finally {
        release()
      }
    })
