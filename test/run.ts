/**
 * The test runner: every test file in a process of its own, with a time limit, some at a time. uvu alone passes a file whose
 * suite lacks `.run()`, has no time limits, and shares one process; this closes all three holes: a file that reports no
 * tests, that does not end, or that dies is a failure.
 *
 * As many run at a time as there are cores. What took longest the last time begins first.
 *
 *   node test/run.ts                  everything (npm test)
 *   node test/run.ts sip overlay      files whose path contains one of the words
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const words = process.argv.slice(2)
const CONCURRENCY = Math.max(2, availableParallelism())
/** Whole-cluster files start real processes; everything else is expected to be quick. */
const isLong = (file: string): boolean => /^test\/(e2e|interop|sim)\//.test(file)
const limitMs = (file: string): number => (isLong(file) ? 240_000 : 60_000)

/** What is worth keeping from run to run: compiled modules, also of the nodes that tests start, and how long each file took. */
const kept = join(root, 'node_modules/.cache/thor-node-tests')
const timesFile = join(kept, 'seconds.json')
process.env.NODE_COMPILE_CACHE ??= join(kept, 'compiled')

interface Outcome {
  file: string
  passed: number
  failed: number
  skipped: number
  seconds: number
  trouble: string
  output: string
}

function count(output: string, what: string): number {
  return [...output.matchAll(new RegExp(`^\\s*${what}:\\s+(\\d+)`, 'gm'))].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  )
}

const running = new Set<ChildProcess>()

function endGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // It is empty.
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of running) endGroup(child, 'SIGKILL')
    process.exit(1)
  })
}

function runFile(file: string): Promise<Outcome> {
  return new Promise((done) => {
    const started = performance.now()
    const child = spawn(process.execPath, [resolve(root, file)], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own: when it is ended, so are the nodes and phones that it started.
      detached: true,
    })
    running.add(child)
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.stderr.on('data', (chunk) => {
      output += chunk
    })
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      endGroup(child, 'SIGTERM')
      setTimeout(() => endGroup(child, 'SIGKILL'), 5_000).unref()
    }, limitMs(file))
    // What it left behind would hold its output open.
    child.on('exit', () => endGroup(child, 'SIGKILL'))
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      running.delete(child)
      const total = count(output, 'Total')
      const passed = count(output, 'Passed')
      const skipped = count(output, 'Skipped')
      let trouble = ''
      if (timedOut) trouble = `did not end in ${limitMs(file) / 1000} s (a test hangs, or something is left open)`
      else if (total + skipped === 0) trouble = 'reported no tests (is .run() missing?)'
      else if (code !== 0 && passed === total) trouble = `exited with ${code ?? signal} after its tests`
      const failed = Math.max(total - passed, trouble ? 1 : 0)
      done({ file, passed, failed, skipped, seconds: (performance.now() - started) / 1000, trouble, output })
    })
  })
}

function lastTimes(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(timesFile, 'utf8')) as Record<string, number>
  } catch {
    return {}
  }
}

const times = lastTimes()
const expected = (file: string): number => times[file] ?? (isLong(file) ? 30 : 1)
const files = globSync(['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root })
  .map((file) => relative(root, resolve(root, file)))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  // Long ones first, so that they do not end the run alone.
  .sort((a, b) => expected(b) - expected(a) || a.localeCompare(b))

if (files.length === 0) {
  console.error(`no test file matches ${words.join(' ')}`)
  process.exit(1)
}

const outcomes: Outcome[] = []
const queue = files.slice()
await Promise.all(
  Array.from({ length: CONCURRENCY }, async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const outcome = await runFile(file)
      times[file] = Number(outcome.seconds.toFixed(1))
      outcomes.push(outcome)
      const bad = outcome.failed > 0
      const skipped = outcome.skipped ? `, ${outcome.skipped} skipped` : ''
      console.log(
        `${bad ? 'FAIL' : 'ok  '} ${outcome.file}  ${outcome.passed} passed${skipped}  ${outcome.seconds.toFixed(1)} s`,
      )
      if (bad)
        console.log(
          `${outcome.trouble ? `     ${outcome.trouble}\n` : ''}${outcome.output.trimEnd().replace(/^/gm, '     ')}`,
        )
      for (const line of outcome.output.matchAll(/^SKIP .*$/gm)) console.log(`     ${line[0]}`)
    }
  }),
)

mkdirSync(kept, { recursive: true })
writeFileSync(timesFile, JSON.stringify(times))
const sum = (key: 'passed' | 'failed' | 'skipped'): number =>
  outcomes.reduce((total, outcome) => total + outcome[key], 0)
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
process.exit(sum('failed') > 0 ? 1 : 0)
