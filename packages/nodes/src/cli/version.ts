import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { examplesText, type Verb } from './verb.ts'

/** Of this package, as its package.json says. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

export const versionVerb: Verb = (console) =>
  new Command('version')
    .description('Print the version of thor-node and of Node.js.')
    .option('--json', 'print JSON')
    .addHelpText('after', examplesText('thor-node version'))
    .action((options: { json?: boolean }) => {
      const versions = { version: packageVersion(), node: process.versions.node }
      console.print(options.json ? JSON.stringify(versions) : `thor-node ${versions.version}, Node.js ${versions.node}`)
    })
