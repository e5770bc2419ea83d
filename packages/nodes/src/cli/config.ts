import { fields, loadConfig, showSetting } from '../config.ts'
import { renderTable } from '../status/table.ts'
import { addSettings, type SettingOptions, settingsOf } from './settings.ts'
import { group, nodeVerb, type Verb } from './verb.ts'

const check: Verb = (console) =>
  addSettings(
    nodeVerb(
      'check',
      'Check the settings and print them all, each with where it comes from. Takes the options of "join".',
      `thor-node config check
     thor-node config check --config /etc/thor.yaml
     THOR_SIP_UDP=5080 thor-node config check --json`,
    ),
  ).action((options: SettingOptions) => {
    const loaded = loadConfig(settingsOf(options), console.around)
    if (options.json) {
      const settings = Object.fromEntries(
        fields.map((field) => [
          field.name,
          { value: showSetting(loaded.config, field) || null, source: loaded.sources[field.name] },
        ]),
      )
      return console.print(JSON.stringify({ file: loaded.file ?? null, settings }, null, 2))
    }
    const rows = fields.map((field) => {
      const source = loaded.sources[field.name]
      const from = source?.kind === 'default' ? console.paint.dim('default') : (source?.text ?? '')
      return [field.name, showSetting(loaded.config, field) || '-', from]
    })
    const columns = [{ title: 'SETTING' }, { title: 'VALUE' }, { title: 'FROM' }]
    console.print(`${renderTable(columns, rows, console.paint)}\n\nThe settings are valid.`)
  })

export const configVerb: Verb = (console) =>
  group('config', 'Settings of a node.', [check(console)], 'thor-node config check')
