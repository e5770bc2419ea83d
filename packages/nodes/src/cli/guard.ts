import type { BlockView } from '../control/guard-contract.ts'
import { formatTime } from '../status/format.ts'
import type { Paint } from '../status/paint.ts'
import { renderTable } from '../status/table.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { group, nodeVerb, type Verb } from './verb.ts'

const columns = ['BLOCKED', 'WHY', 'SINCE', 'SECONDS LEFT', 'ANSWER', 'REFUSED HERE'].map((title) => ({ title }))

export function renderBlocks(blocks: readonly BlockView[], paint: Paint): string {
  if (blocks.length === 0) return 'Nobody is blocked.'
  const rows = blocks.map(({ name, cause, since, secondsLeft, silent, refused }) => [
    paint.bold(name),
    cause,
    formatTime(since),
    `${secondsLeft}`,
    silent ? 'none' : '403',
    `${refused}`,
  ])
  return [renderTable(columns, rows, paint), '', paint.dim('times in UTC')].join('\n')
}

export const guardVerb: Verb = (console) => {
  const list = nodeVerb(
    'list',
    'Show which sources and accounts are blocked, why, and for how long still.',
    `thor-node guard list
     thor-node guard list --json | jq -r '.blocks[].name'`,
  ).action(async (options: NodeOptions) => {
    const result = await nodeOf(console, options).guardList()
    show(console, options, result, ({ blocks }) => renderBlocks(blocks, console.paint))
  })
  const unblock = nodeVerb(
    'unblock <name>',
    'End the block of a source or an account on all nodes.',
    `thor-node guard unblock 192.0.2.7
     thor-node guard unblock alice@example.com`,
  ).action(async (name: string, options: NodeOptions) => {
    const result = await nodeOf(console, options).guardUnblock({ name })
    show(console, options, result, () => `${name} is not blocked any more.`)
  })
  const block = nodeVerb(
    'block <name>',
    'Block a source or an account on all nodes, for as long as failed log-ins would (guard.block).',
    'thor-node guard block 192.0.2.7',
  ).action(async (name: string, options: NodeOptions) => {
    const result = await nodeOf(console, options).guardBlock({ name })
    show(console, options, result, () => `${name} is blocked on all nodes.`)
  })
  return group(
    'guard',
    'Who is blocked for failed log-ins or scanning.',
    [list, unblock, block],
    'thor-node guard list',
  )
}
