/** Every setting of the schema as an option of the command line. */
import { type Command, Option } from 'commander'
import { type Field, fields } from '../config.ts'
import type { NodeOptions } from './console.ts'

/** As commander gives them: `sip.recordRoute` is `sipRecordRoute`. */
export type SettingOptions = NodeOptions & Record<string, unknown>

const attributeOf = (field: Field): string => new Option(field.option).attributeName()

function describe(field: Field): string {
  const first = field.meta.doc.replace(/\.$/, '').split(/(?<=\w)\. /)[0]
  return field.meta.computed ? `${first} (${field.meta.computed})` : `${first} (${field.fallback})`
}

/** Adds those that the command does not have yet, the important ones first; and `--log` for `--log-format`. */
export function addSettings(command: Command): Command {
  const taken = new Set(command.options.map((option) => option.long))
  const missing = fields.filter((field) => !taken.has(field.option))
  const option = (field: Field, heading: string): Option =>
    new Option(`${field.option} <${field.meta.unit ?? 'value'}>`, describe(field)).helpGroup(heading)
  for (const field of missing) if (field.meta.important) command.addOption(option(field, 'Settings:'))
  for (const field of missing) if (!field.meta.important) command.addOption(option(field, 'More settings:'))
  return command.addOption(new Option('--log <format>', 'Same as --log-format').helpGroup('Settings:'))
}

/** What was given, by the name of the setting. */
export function settingsOf(options: SettingOptions): Record<string, unknown> {
  const given = Object.fromEntries(fields.map((field) => [field.name, options[attributeOf(field)]]))
  return { ...given, 'log.format': options.logFormat ?? options.log, config: options.config }
}
