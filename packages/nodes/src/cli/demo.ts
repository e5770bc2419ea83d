import { Command } from 'commander'
import type { Console } from './console.ts'
import type { Verb } from './verb.ts'
import { examplesText } from './verb.ts'

export interface DemoOptions {
  /** Leave the data directories. */
  keep?: boolean
  json?: boolean
}

/** What `demo/index.ts` exports as `runDemo`. Returns the exit code: 0 only if all of it held. */
export type RunDemo = (console: Console, options: DemoOptions) => Promise<number>

export const demoVerb: Verb = (console) =>
  new Command('demo')
    .description(
      'Show it all on loopback addresses in under a minute: three nodes, two phones that talk, a node killed in mid-call, ' +
        'the call after it, the records at the end.',
    )
    .option('--keep', 'leave the data directories for a look')
    .option('--json', 'print the facts as JSON at the end')
    .addHelpText('after', examplesText('thor-node demo\nthor-node demo --keep'))
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('../demo/index.ts')
      process.exit(await runDemo(console, options))
    })
