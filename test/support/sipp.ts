/** sipp (SIPp 3.6) with a scenario of `test/interop/sipp` and a CSV of accounts. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const scenarios = resolve(import.meta.dirname, '../interop/sipp')

export interface SippInit {
  scenario: string
  /** Local address. */
  address: string
  port?: number
  /** Address of a node; absent for one that waits to be called. */
  proxy?: string
  /** Lines of `[field0];[field1];…`; each is used in turn. */
  rows?: readonly (readonly string[])[]
  calls: number
  /** Calls started per second; default 20. */
  rate?: number
  /** Of `<pause/>`. */
  holdMs?: number
  tcp?: boolean
  more?: readonly string[]
  /** What stands before its command line: `nsenter …`. */
  prefix?: readonly string[]
}

export interface SippResult {
  /** 0 = every call went as the scenario says. */
  code: number | null
  output: string
}

export interface SippRun {
  process: ChildProcess
  done: Promise<SippResult>
  stop(): Promise<void>
}

/** The [authentication] keyword for one account. */
export const sippCredentials = (user: string, password: string): string =>
  `[authentication username=${user} password=${password}]`

export function startSipp(init: SippInit): SippRun {
  const dir = mkdtempSync(join(tmpdir(), 'thor-sipp-'))
  const args = [
    ...(init.proxy ? [`${init.proxy}:5060`] : []),
    ...['-sf', join(scenarios, `${init.scenario}.xml`), '-i', init.address, '-m', String(init.calls), '-nostdin'],
    ...[
      '-t',
      init.tcp ? 't1' : 'u1',
      '-timeout',
      '60s',
      '-timeout_error',
      '-trace_err',
      '-error_file',
      join(dir, 'errors'),
    ],
    ...(init.port ? ['-p', String(init.port)] : []),
    ...(init.proxy ? ['-r', String(init.rate ?? 20), '-d', String(init.holdMs ?? 0)] : []),
    ...(init.more ?? []),
  ]
  if (init.rows) {
    const file = join(dir, 'rows.csv')
    writeFileSync(file, `SEQUENTIAL\n${init.rows.map((row) => row.join(';')).join('\n')}\n`)
    args.push('-inf', file)
  }
  const [program = '', ...rest] = [...(init.prefix ?? []), 'sipp', ...args]
  const child = spawn(program, rest, {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TERM: 'dumb' },
  })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-20_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const done = new Promise<SippResult>((ended) => {
    child.once('close', (code) => {
      rmSync(dir, { recursive: true, force: true })
      ended({ code, output })
    })
  })
  return {
    process: child,
    done,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await done
    },
  }
}
