import { Command } from 'commander'
import type { Console } from './console.ts'

/** One file per verb makes one of these. */
export type Verb = (console: Console) => Command

/**
 * A verb that talks to a running node: with `--data`, `--json` and examples at the end of its help.
 *
 * @param usage the name and its arguments: `calls [account]`
 */
export function nodeVerb(usage: string, summary: string, examples: string): Command {
  const [name, ...args] = usage.split(' ')
  const command = new Command(name).description(summary)
  for (const arg of args) command.argument(arg)
  return command
    .option('--data <dir>', 'data directory of the node to ask (THOR_DATA)')
    .option('--config <file>', 'YAML file that names it (THOR_CONFIG)')
    .option('--json', 'print JSON')
    .addHelpText('after', examplesText(examples))
}

/** A verb that is only a name for verbs below it. */
export function group(name: string, summary: string, verbs: readonly Command[], examples: string): Command {
  const command = new Command(name).description(summary).addHelpText('after', examplesText(examples))
  for (const verb of verbs) command.addCommand(verb)
  return command
}

export function examplesText(examples: string): string {
  return `\nExamples:\n${examples.trim().replace(/^ */gm, '  ')}\n`
}
