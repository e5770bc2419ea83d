import { userInfo } from 'node:os'
import { RANGE_COUNT, ThorError } from '@thor-node/core'
import { InvalidArgumentError } from 'commander'
import type { LossView, RecoverResult } from '../control/ring-contract.ts'
import { count, formatSeconds } from '../status/format.ts'
import type { Paint } from '../status/paint.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { nodeVerb, type Verb } from './verb.ts'

const SHOWN_MAX = 20

function rangeOrAll(text: string): number | 'all-lost' {
  if (text === 'all-lost') return text
  if (/^\d{1,4}$/.test(text) && Number(text) < RANGE_COUNT) return Number(text)
  throw new InvalidArgumentError(`It must be a range, 0 to ${RANGE_COUNT - 1}, or all-lost.`)
}

const names = (nodes: readonly string[]): string =>
  nodes.length < 2 ? nodes.join() : `${nodes.slice(0, -1).join(', ')} and ${nodes.at(-1)}`

/** Ranges that share their fate, in one paragraph. */
function paragraphs(losses: readonly LossView[]): string[] {
  const groups = Map.groupBy(losses, ({ lost, survivors, start, copy }) =>
    JSON.stringify([lost.map(({ name }) => name).sort(), [...survivors].sort(), start, copy]),
  )
  return [...groups.values()].flatMap((group) => {
    const { lost, survivors, start, copy } = group[0] as LossView
    const gone = names(lost.map(({ name, deadForSeconds }) => `${name} (for ${formatSeconds(deadForSeconds)})`))
    const ranges = group.map(({ range }) => range)
    const listed = ranges.slice(0, SHOWN_MAX).join(', ')
    const more = ranges.length > SHOWN_MAX ? ` and ${ranges.length - SHOWN_MAX} more` : ''
    const lines = [`${count(group.length, 'range')} (${listed}${more})`, `  gone: ${gone}`]
    if (copy === 'none') {
      lines.push(`  left: nobody. ${start} starts with NOTHING: accounts, numbers, call records and`)
      lines.push('  registrations of these ranges are lost, all of them.')
    } else {
      lines.push(
        `  left: ${names(survivors)}. ${start} starts with ${copy === 'whole' ? 'its copy' : 'a PART of a copy (it was being filled)'}.`,
      )
      lines.push(
        `  Lost: whatever only ${names(lost.map(({ name }) => name))} acknowledged, which is every change and every call record`,
      )
      lines.push(
        `  that ${start} missed while it was away, slow or cut off. A change that was never acknowledged may show up.`,
      )
    }
    return lines
  })
}

export function renderRecover(result: RecoverResult, paint: Paint): string {
  const { losses, refused, recovered } = result
  const lines: string[] = []
  if (losses.length === 0 && refused.length > 0) lines.push('Nothing can be recovered yet.')
  else if (losses.length === 0) lines.push('No range has lost its majority for good: there is nothing to recover.')
  else if (recovered.length === 0) {
    lines.push(paint.bold('This would be started anew without its majority:'), '', ...paragraphs(losses), '')
    lines.push(
      `The nodes that are gone will be refused and their copies deleted, should they return. If they may return,`,
    )
    lines.push('wait for them instead. Otherwise add --yes.')
  } else {
    lines.push(...paragraphs(losses), '')
    lines.push(
      paint.yellow(`${count(recovered.length, 'range')} started anew, on record under audit/recover/ in each.`),
    )
    lines.push('Other nodes get copies now: "thor-node ring show" tells how far that is.')
  }
  if (refused.length > 0) {
    lines.push('', `${count(refused.length, 'range')} without a majority stay closed: ${refused[0]?.message}.`)
  }
  return lines.join('\n')
}

function whoAsks(by: string | undefined): string {
  if (by !== undefined) return by
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`
  }
}

export const recoverVerb: Verb = (console) =>
  nodeVerb(
    'recover',
    'Open ranges whose majority is gone for good, and accept that what only the lost nodes had is lost.',
    `thor-node recover --accept-loss 2817            only tell what would be lost
     thor-node recover --accept-loss all-lost --yes
     thor-node recover --accept-loss all-lost --yes --by "ada, ticket 4711"`,
  )
    .requiredOption('--accept-loss <range>', 'a range (0-4095), or all-lost', rangeOrAll)
    .option('--yes', 'do it; without this nothing changes')
    .option('--by <who>', 'for the record (the user that runs this)')
    .addHelpText(
      'after',
      '\nRefused while a majority of a range answers, and until a minute after the last sign of a node that is given up.\n',
    )
    .action(async (options: NodeOptions & { acceptLoss: number | 'all-lost'; yes?: boolean; by?: string }) => {
      const by = whoAsks(options.by)
      if (by.length > 200) throw new ThorError('NODE_BAD_RANGE', '--by takes at most 200 characters')
      const query = { range: options.acceptLoss, accept: options.yes === true, by }
      const result = await nodeOf(console, options).recover(query)
      show(console, options, result, (outcome) => renderRecover(outcome, console.paint))
      // Nobody who reads exit codes only must take a rehearsal for the deed.
      if (result.losses.length + result.refused.length > result.recovered.length) console.exitWith(1)
    })
