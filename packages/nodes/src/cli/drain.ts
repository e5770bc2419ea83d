import { sleep } from '@thor-node/core'
import type { DrainResult } from '../control/ring-contract.ts'
import { count } from '../status/format.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { durationSeconds } from './parse.ts'
import { nodeVerb, type Verb } from './verb.ts'

const LOOK_AGAIN_MS = 1_000

function renderDrain({ draining, homes, calls }: DrainResult): string {
  if (!draining) return 'This node takes work again.'
  const rest = [
    homes > 0 ? `still home of ${count(homes, 'range')}: no other replica serves` : 'home of nothing',
    calls > 0 ? `${count(calls, 'call')} still pass through it` : 'no call passes through it',
  ]
  return `This node takes no new work: ${rest.join(', ')}.\nIt keeps its copies. Back again: thor-node drain --undo`
}

export const drainVerb: Verb = (console) =>
  nodeVerb(
    'drain',
    'Let this node take no new work: DNS drops it, its homes go to the next replicas, running calls go on.',
    `thor-node drain
     thor-node drain --wait 10m && systemctl restart thor-node
     thor-node drain --undo`,
  )
    .option('--wait <duration>', 'until no call passes through it any more, so long at most', durationSeconds)
    .option('--undo', 'take work again')
    .addHelpText(
      'after',
      '\nThe node stays a replica and may stay drained for as long as you like; a restart ends it.\n',
    )
    .action(async (options: NodeOptions & { wait?: number; undo?: boolean }) => {
      const node = nodeOf(console, options)
      let result = await node.drain(options.undo ? { undo: true } : { start: true })
      const until = console.clock.now() + (options.undo ? 0 : (options.wait ?? 0)) * 1_000
      const release = console.hold()
      try {
        let told = result.calls
        while (result.calls > 0 && console.clock.now() < until) {
          await sleep(console.clock, LOOK_AGAIN_MS)
          result = await node.drain({})
          if (result.calls !== told && !options.json) console.print(`${count(result.calls, 'call')} left`)
          told = result.calls
        }
      } finally {
        release()
      }
      show(console, options, result, renderDrain)
      if (options.wait !== undefined && result.calls > 0) console.exitWith(1)
    })
