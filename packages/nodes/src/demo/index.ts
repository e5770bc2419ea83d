/** `thor-node demo`: runs the story, and cleans up behind it whatever happens. */
import { errorMessage, silentLogger, systemNet, systemRandom, ThorError } from '@thor-node/core'
import type { Console } from '../cli/console.ts'
import type { RunDemo } from '../cli/demo.ts'
import type { CallView } from '../control/contract.ts'
import type { Cast } from './cast.ts'
import { DEMO_LIMIT_MS } from './limits.ts'
import type { Phone } from './phone.ts'
import { type DemoReport, Report, showMs } from './report.ts'
import { isRunning, Stage } from './stage.ts'
import { tellStory } from './story.ts'

const EXIT_FAILED = 1
const EXIT_INTERRUPTED = 130

/** Ends of the story from outside: a signal, or the limit of time. */
function endings(console: Console): { signal: AbortSignal; interrupted: () => boolean; release: () => void } {
  const controller = new AbortController()
  let interrupted = false
  const onSignal = (): void => {
    interrupted = true
    controller.abort(new ThorError('DEMO_STOPPED', 'interrupted'))
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal)
  const limit = console.clock.after(DEMO_LIMIT_MS, () => {
    controller.abort(new ThorError('DEMO_STOPPED', `the demo took longer than ${DEMO_LIMIT_MS / 1_000} s`))
  })
  return {
    signal: controller.signal,
    interrupted: () => interrupted,
    release() {
      limit.cancel()
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal)
    },
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

export const runDemo: RunDemo = async (console, { keep = false, json = false }) => {
  const { clock, paint } = console
  const startedAt = clock.now()
  const tell = (text: string): void => {
    if (!json) console.print(text)
  }
  const letGo = console.hold()
  const { signal, interrupted, release } = endings(console)
  const report = new Report(tell, paint)
  const stage = new Stage({ console, net: systemNet }, { signal })
  const onExit = (): void => stage.killAll()
  process.on('exit', onExit)
  const cast: Cast = { clock, random: systemRandom, net: systemNet, logger: silentLogger, stage, report, paint, signal }

  let phones: Phone[] = []
  let records: CallView[] = []
  let failure: string | null = null
  try {
    const story = tellStory(cast, (made) => {
      phones = made
    })
    records = await Promise.race([story, aborted(signal)])
  } catch (error) {
    failure = errorMessage(error)
    tell(`\n   ${paint.red(`✗ ${failure}`)}`)
  }

  await Promise.all(phones.map((phone) => phone.stop()))
  if ((failure !== null || !report.held) && !interrupted()) showLogs(stage, tell, paint.dim)
  const stoppingAt = clock.now()
  if (failure === null) report.act('The end')
  const clean = await stage.stop()
  if (failure === null) report.check('all nodes stopped cleanly', clean, showMs(clock.now() - stoppingAt))
  if (!keep) stage.remove()
  process.off('exit', onExit)
  release()
  letGo()

  const held = failure === null && report.held
  const seconds = Math.round((clock.now() - startedAt) / 100) / 10
  tell(
    `\n${held ? paint.green(paint.bold('All of it held.')) : paint.red(paint.bold('Not all of it held.'))} ${seconds} s`,
  )
  if (keep) tell(`Data directories and logs are in ${stage.base}`)
  const facts: DemoReport = { held, seconds, data: keep ? stage.base : null, acts: report.acts, records, failure }
  if (json) console.print(JSON.stringify(facts, null, 2))
  return held ? 0 : interrupted() ? EXIT_INTERRUPTED : EXIT_FAILED
}

/** The last words of each node. */
function showLogs(stage: Stage, tell: (text: string) => void, dim: (text: string) => string): void {
  for (const node of stage.nodes) {
    tell(`\n   ${node.name} (${isRunning(node) ? 'runs' : 'ended'}) logged last:`)
    for (const line of stage.logTail(node)) tell(`   ${dim(line)}`)
  }
}
