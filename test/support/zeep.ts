/** The provisioning interface as a Python program sees it: zeep (SOAP) with the WSDL of the nodes. */
import { execFile, spawnSync } from 'node:child_process'
import { resolve } from 'node:path'

const PYTHON = '/usr/bin/python3'
/** A program that hangs says so, and not only the test that waits for it. */
const options = { timeout: 50_000 }

/** Says so when it is missing. */
export function zeepAvailable(): boolean {
  const found = spawnSync(PYTHON, ['-c', 'import zeep']).status === 0
  if (!found) console.log('SKIP zeep is not installed (Debian package python3-zeep)')
  return found
}

export interface Step {
  /** Index among the URLs. */
  node: number
  name: string
  arguments: Record<string, unknown>
  password?: string
}

export interface Answer {
  value?: unknown
  fault?: string
  code?: number
}

/** One step after another, as the administrator with this password. */
export function askZeep(
  password: string,
  urls: readonly string[],
  steps: readonly Step[],
): Promise<{ answers: Answer[] }> {
  return new Promise((done, fail) => {
    const script = resolve(import.meta.dirname, '../interop/zeep-ring.py')
    const child = execFile(PYTHON, [script, password, ...urls], options, (error, stdout, stderr) => {
      if (error) fail(new Error(`${error.message}\n${stderr}`))
      else done(JSON.parse(stdout))
    })
    child.stdin?.end(steps.map((step) => JSON.stringify(step)).join('\n'))
  })
}

/** What a script that drives zeep prints: one line of JSON. `script` from the root of the repository. */
export function runZeep(script: string, args: readonly string[]): Promise<unknown> {
  return new Promise((done, fail) => {
    execFile(PYTHON, [resolve(import.meta.dirname, '../..', script), ...args], (error, stdout, stderr) =>
      error ? fail(new Error(stderr)) : done(JSON.parse(stdout)),
    )
  })
}
