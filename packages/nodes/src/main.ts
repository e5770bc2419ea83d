import { systemConsole } from './cli/console.ts'
import { runProgram } from './cli/program.ts'

/** The whole command. `argv` is as in process.argv; sets the exit code of the process. */
export async function main(argv: readonly string[]): Promise<void> {
  // Whoever read what is printed may have gone (`| head`): that ends neither a command nor a node.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  process.exitCode = await runProgram(argv, systemConsole())
}
