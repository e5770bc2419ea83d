import { writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { sleep, splitAor, ThorError } from '@thor-node/core'
import type { TracedSip } from '@thor-node/provision'
import { drawLadder, labelOf } from '../trace/ladder.ts'
import { writePcap } from '../trace/pcap.ts'
import { type Console, type NodeOptions, nodeOf } from './console.ts'
import { cannot } from './files.ts'
import { wholeNumber } from './parse.ts'
import { nodeVerb, type Verb } from './verb.ts'

const POLL_MS = 200
/** A message is shown when it is so old: by then those of other nodes that belong before it have come. */
const HOLD_MS = 400
const SECONDS = 600

interface TraceOptions extends NodeOptions {
  seconds?: number
  short?: boolean
  ladder?: boolean
  pcap?: string
}

interface Answer {
  messages: TracedSip[]
  dropped: number
  silent: string[]
  now: number
}

const timeOf = (at: number): string => new Date(at).toISOString().slice(11, 23)

function headOf({ at, node, direction, transport, local, remote, text }: TracedSip): string {
  const arrow = direction === 'in' ? '<-' : '->'
  return `${timeOf(at)} ${node} ${local} ${arrow} ${transport} ${remote}  ${labelOf(text)}`
}

async function trace(console: Console, account: string, options: TraceOptions): Promise<void> {
  const node = nodeOf(console, options)
  const sipId = idOf(account)
  const run = async (operation: string, more: object = {}): Promise<unknown> =>
    (await node.apiCall({ operation: `Platform.${operation}`, args: { sipId, ...more } })).value
  const seconds = options.seconds ?? SECONDS
  if (options.pcap !== undefined) await mayWrite(options.pcap)
  await run('startSipTrace', { seconds })
  console.complain(`${account} is traced on all nodes for ${seconds} s; ctrl-C ends it.`)
  const { clock } = console
  const release = console.hold()
  let stopped = false
  const stop = (): void => {
    stopped = true
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, stop)
  const until = clock.now() + seconds * 1_000
  const seen: TracedSip[] = []
  const waiting: TracedSip[] = []
  const after: Record<string, number> = {}
  try {
    for (let last = false; !last; ) {
      last = stopped || console.unread || clock.now() >= until - POLL_MS
      const known = Object.entries(after).map(([name, seq]) => `${name}=${seq}`)
      const { messages, now } = JSON.parse(`${await run('getSipTraceMessages', { after: known.join() })}`) as Answer
      for (const one of messages) after[one.node] = Math.max(after[one.node] ?? 0, one.seq)
      waiting.push(...messages)
      waiting.sort((a, b) => a.at - b.at || a.seq - b.seq)
      while (waiting[0] && (last || waiting[0].at <= now - HOLD_MS)) {
        const one = waiting.shift() as TracedSip
        seen.push(one)
        console.print(textOf(one, options))
      }
      if (!last) await sleep(clock, POLL_MS)
    }
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop)
    await run('stopSipTrace').catch(() => undefined)
    release()
  }
  if (options.ladder) console.print(drawLadder(seen, new Map(seen.map(({ local, node: name }) => [local, name]))))
  if (options.pcap !== undefined) writeFileSync(options.pcap, writePcap(seen))
}

/** Found out before anything is traced, not when all is over. */
async function mayWrite(file: string): Promise<void> {
  const handle = await open(file, 'a').catch(cannot('write', file))
  await handle.close()
}

function textOf(one: TracedSip, { json, short, ladder }: TraceOptions): string {
  if (json) return JSON.stringify(one)
  if (short || ladder) return headOf(one)
  return `${headOf(one)}\n${Buffer.from(one.text, 'latin1').toString('utf8').replaceAll('\r\n', '\n')}`
}

function idOf(account: string): { username: string; domain: string } {
  const parts = splitAor(account)
  if (!parts) throw new ThorError('CONTROL_BAD_QUERY', `${account} is no account, such as alice@example.com`)
  return { username: parts.user, domain: parts.domain }
}

export const traceVerb: Verb = (console) =>
  nodeVerb(
    'trace <account>',
    'Show the SIP messages of an account as they pass any node, in order; with a picture or a capture file at the end.',
    `thor-node trace alice@thor.local
     thor-node trace alice@thor.local --seconds 60 --ladder --pcap alice.pcap`,
  )
    .option('--seconds <number>', 'for so long, at most 3600 (600)', wholeNumber)
    .option('--short', 'one line each')
    .option('--ladder', 'one line each, and who said what to whom as a picture at the end')
    .option('--pcap <file>', 'write a capture file for Wireshark at the end')
    .action((account: string, options: TraceOptions) => trace(console, account, options))
