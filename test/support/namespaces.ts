/** Network namespaces of Linux, for tests that cut, lose and translate packets without touching the machine's own network. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { eventually } from '@thor-node/core/testing'

export interface Namespace {
  readonly pid: number
  /** What stands before the command line of whoever lives there; it ends with this process, however that ends. */
  readonly enter: string[]
  run(command: readonly string[], input?: string): void
  /** Lines for `ip -batch`. */
  ip(lines: readonly string[]): void
  end(): Promise<void>
}

export function canIsolate(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  try {
    for (const program of ['nsenter', 'setpriv', 'unshare', 'nft', 'ip'])
      execFileSync('which', [program], { stdio: 'ignore' })
    execFileSync('unshare', ['-n', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A namespace lives as long as the `cat` in it, which ends when this process does, however it ends. */
export async function makeNamespace(): Promise<Namespace> {
  const holder = spawn('unshare', ['-n', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] })
  await once(holder, 'spawn')
  const own = readlinkSync('/proc/self/ns/net')
  await eventually(() => readlinkSync(`/proc/${holder.pid}/ns/net`) !== own, 5_000, 'a network namespace')
  const pid = holder.pid as number
  const enter = ['nsenter', '-t', String(pid), '-n', 'setpriv', '--pdeathsig', 'KILL']
  const run: Namespace['run'] = (command, input = '') => {
    const [program = '', ...rest] = [...enter, ...command]
    execFileSync(program, rest, { input, stdio: ['pipe', 'ignore', 'inherit'] })
  }
  return {
    pid,
    enter,
    run,
    ip: (lines) => run(['ip', '-batch', '-'], `${lines.join('\n')}\n`),
    async end() {
      if (holder.exitCode !== null || holder.signalCode !== null) return
      const gone = once(holder, 'exit')
      holder.stdin?.end()
      await gone
    },
  }
}
