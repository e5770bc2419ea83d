import { SimClock } from '@thor-node/core/testing'
import type { Console } from '../../src/cli/console.ts'
import { runProgram } from '../../src/cli/program.ts'
import type { ControlClient } from '../../src/control/client.ts'
import { plain } from '../../src/status/paint.ts'
import type { FakeOperations } from '../control/fake.ts'

export interface TestConsole extends Console {
  clock: SimClock
  out: string[]
  errors: string[]
  /** Data directories that were connected to. */
  connected: string[]
  sketched: string[]
  unread: boolean
}

export function testConsole(operations: FakeOperations, env: Record<string, string> = {}): TestConsole {
  const out: string[] = []
  const errors: string[] = []
  const connected: string[] = []
  const sketched: string[] = []
  let exitCode = 0
  return {
    sketched,
    sketch: (text) => void sketched.push(text),
    exitWith(code) {
      exitCode = code
    },
    get exitCode() {
      return exitCode
    },
    out,
    errors,
    connected,
    print: (text) => void out.push(text),
    complain: (text) => void errors.push(text),
    paint: plain,
    terminal: false,
    unread: false,
    around: { env, isRoot: false, home: '/home/test', address: '192.0.2.1' },
    clock: new SimClock(),
    hold: () => () => undefined,
    connect(data) {
      connected.push(data)
      return operations as unknown as ControlClient
    },
  }
}

export async function run(
  console: TestConsole,
  ...words: string[]
): Promise<{ code: number; out: string; errors: string }> {
  console.out.length = 0
  console.errors.length = 0
  const code = await runProgram(['node', 'thor-node', ...words], console)
  return { code, out: console.out.join('\n'), errors: console.errors.join('\n') }
}
