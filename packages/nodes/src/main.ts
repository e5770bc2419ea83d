import { systemConsole } from './cli/console.ts'
import { runProgram } from './cli/program.ts'

/** The whole command. `argv` is as in process.argv; sets the exit code of the process. */
export async function main(argv: readonly string[]): Promise<void> {
  process.exitCode = await runProgram(argv, systemConsole())
}
