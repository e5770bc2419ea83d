/** Third-party programs: found, or loudly missed. */
import { execFile, execFileSync } from 'node:child_process'

/** True when the program is on the PATH; else prints the SKIP line that the test runner repeats. */
export function available(program: string, debianPackage: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' })
    return true
  } catch {
    console.log(`SKIP ${program} is not installed (Debian package ${debianPackage})`)
    return false
  }
}

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program to its end, with a limit; a non-zero exit is a result, not an exception. */
export function run(
  program: string,
  args: readonly string[],
  options: { timeoutMs?: number; cwd?: string } = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { timeout: options.timeoutMs ?? 60_000, cwd: options.cwd, maxBuffer: 32 * 1024 * 1024 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}
