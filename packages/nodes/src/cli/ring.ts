import { writeFileSync } from 'node:fs'
import { RANGE_COUNT } from '@thor-node/core'
import type { RingDifference, RingVerifyResult } from '../control/ring-contract.ts'
import { count } from '../status/format.ts'
import type { Paint } from '../status/paint.ts'
import { renderRange, renderRingShow } from '../status/ring-show.ts'
import { renderRingSvg } from '../status/ring-svg.ts'
import { type Console, type NodeOptions, nodeOf, show } from './console.ts'
import { cannot } from './files.ts'
import { group, nodeVerb, type Verb } from './verb.ts'

/** Ranges of one question: short answers, and something to see in between. */
const PART = 128
const NAMED_MAX = 20
/** EX_TEMPFAIL of sysexits.h: nothing differs, but not everything could be compared. */
const EXIT_NOT_PROVED = 75

const showVerb: Verb = (console) =>
  nodeVerb(
    'show [range-or-name]',
    'Show where ranges are, who holds how much, and what is being moved; or one range, or the range of one name.',
    `thor-node ring show
     thor-node ring show --no-map
     thor-node ring show 2817
     thor-node ring show alice@thor.local
     thor-node ring show --svg ring.svg
     thor-node ring show --json | jq '.moves[]'`,
  )
    .option('--no-map', 'without the map of all ranges')
    .option('--svg <file>', 'draw the ring into a file instead')
    .action(async (what: string | undefined, options: NodeOptions & { map: boolean; svg?: string }) => {
      const node = nodeOf(console, options)
      if (what !== undefined) {
        const query = /^\d{1,4}$/.test(what) && Number(what) < RANGE_COUNT ? { range: Number(what) } : { name: what }
        const range = await node.ringRange(query)
        return show(console, options, range, (result) => renderRange(result, console.paint))
      }
      const ring = await node.ringShow({})
      if (options.svg !== undefined) {
        write(options.svg, renderRingSvg(ring, 'thor-node ring'))
        return show(console, options, { file: options.svg }, ({ file }) => `Drawn into ${file}.`)
      }
      const colours = console.terminal && console.paint.bold('') !== ''
      show(console, options, ring, (result) => renderRingShow(result, console.paint, { colours, map: options.map }))
    })

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (cause) {
    cannot('write', file)(cause)
  }
}

export type VerifySum = Omit<RingVerifyResult, 'next'>

export function renderDifference({ range, kinds, members }: RingDifference): string {
  const shown = members.map(({ name, digests }) => {
    if (!digests) return `${name} no answer`
    return `${name} ${kinds.map((kind) => `${kind} ${digests[kind]?.slice(0, 8)}`).join(' ')}`
  })
  return `  range ${range}: ${shown.join(', ')}`
}

export function renderVerify(sum: VerifySum, paint: Paint): string {
  const { equal, repaired, differing, unreachable, busy } = sum
  const total = equal + differing.length + unreachable.length + busy.length
  const lines = [
    `${count(total, 'range')} compared, at every member, records of all three kinds.`,
    `  equal          ${equal}`,
  ]
  if (repaired.length > 0) lines.push(`    of them repaired now: ${named(repaired)}`)
  lines.push(`  differing      ${differing.length === 0 ? '0' : paint.red(String(differing.length))}`)
  lines.push(`  not reachable  ${unreachable.length === 0 ? '0' : paint.yellow(String(unreachable.length))}`)
  if (busy.length > 0) lines.push(`  busy           ${paint.yellow(String(busy.length))}`)
  if (differing.length > 0) {
    lines.push('', paint.red('These differ:'), ...differing.slice(0, NAMED_MAX).map(renderDifference))
    if (differing.length > NAMED_MAX) lines.push(`  and ${differing.length - NAMED_MAX} more (--json has them all)`)
    lines.push('Copies are compared every 30 s anyway; "thor-node ring verify --repair" does it now.')
  }
  if (unreachable.length > 0) {
    const silent = [...new Set(unreachable.flatMap(({ members }) => members))].sort()
    lines.push('', `No answer from ${silent.join(', ')}: for those ranges nothing is proved.`)
  }
  if (busy.length > 0) {
    lines.push(
      '',
      `Ranges that changed at every look, or are being moved: ${named(busy)}. Try again at a quiet moment.`,
    )
  }
  return lines.join('\n')
}

function named(ranges: readonly number[]): string {
  const shown = ranges.slice(0, NAMED_MAX).join(', ')
  return ranges.length > NAMED_MAX ? `${shown} and ${ranges.length - NAMED_MAX} more` : shown
}

const verifyVerb: Verb = (console) =>
  nodeVerb(
    'verify',
    'Prove that all replicas are equal: compares digests of all records of every range at every member.',
    `thor-node ring verify
     thor-node ring verify --repair
     thor-node ring verify --json | jq .differing`,
  )
    .option('--repair', 'let members exchange what they lack where they differ, and look again')
    .addHelpText(
      'after',
      `\nEnds with 0 when all are equal, 1 when any differ, ${EXIT_NOT_PROVED} when none differ but some could not be compared.\n`,
    )
    .action(async (options: NodeOptions & { repair?: boolean }) => {
      const node = nodeOf(console, options)
      const sum: VerifySum = { equal: 0, repaired: [], differing: [], unreachable: [], busy: [] }
      const release = console.hold()
      try {
        for (let from: number | null = 0; from !== null; ) {
          const part: RingVerifyResult = await node.ringVerify({ from, count: PART, repair: options.repair })
          sum.equal += part.equal
          for (const key of ['repaired', 'busy'] as const) sum[key].push(...part[key])
          sum.differing.push(...part.differing)
          sum.unreachable.push(...part.unreachable)
          from = part.next
          if (console.terminal && !options.json) progress(console, from ?? RANGE_COUNT, sum.differing.length)
        }
      } finally {
        release()
        if (console.terminal && !options.json) console.complain('')
      }
      show(console, options, sum, (result) => renderVerify(result, console.paint))
      if (sum.differing.length > 0) console.exitWith(1)
      else if (sum.unreachable.length + sum.busy.length > 0) console.exitWith(EXIT_NOT_PROVED)
    })

function progress(console: Console, done: number, differing: number): void {
  console.sketch(`${done} of ${RANGE_COUNT} ranges compared${differing > 0 ? `, ${differing} differ` : ''}`)
}

export const ringVerb: Verb = (console) =>
  group(
    'ring',
    'Where ranges are, and whether their copies are equal.',
    [showVerb(console), verifyVerb(console)],
    `thor-node ring show
     thor-node ring verify`,
  )
