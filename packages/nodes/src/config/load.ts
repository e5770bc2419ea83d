/**
 * From what was typed to a Config. Sources, the first that has a value wins: options of the command line, environment
 * variables `THOR_…`, one YAML file, the default.
 */
import { existsSync, readFileSync } from 'node:fs'
import { homedir, networkInterfaces } from 'node:os'
import { join, resolve } from 'node:path'
import { errorCode, errorMessage, ThorError } from '@thor-node/core'
import { isMap, isNode, LineCounter, parseDocument, type YAMLMap } from 'yaml'
import { nearest } from './nearest.ts'
import { type Config, type Field, fields, schema } from './schema.ts'

export interface Source {
  kind: 'option' | 'environment' | 'file' | 'default'
  /** `--sip-udp`, `THOR_SIP_UDP`, `/etc/thor.yaml line 7`, `default` */
  text: string
}

export interface LoadedConfig {
  config: Config
  /** By dotted name; each setting has one. */
  sources: Readonly<Record<string, Source>>
  /** The YAML file that was read. */
  file: string | undefined
}

/** What the outside looks like; tests give their own. */
export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>
  isRoot: boolean
  home: string
  /** First IPv4 address that is not loopback. */
  address: string | undefined
}

export function systemSurroundings(): Surroundings {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return {
    env: process.env,
    isRoot: process.getuid?.() === 0,
    home: homedir(),
    address: addresses.find((entry) => entry.family === 'IPv4' && !entry.internal)?.address,
  }
}

type Found = { value: unknown; source: Source }

/** Variables that are no settings. `THOR_TEST_…` is for test harnesses. */
const OTHER_VARIABLES = ['THOR_CONFIG']

const FILE_NAME = 'thor.yaml'

const expandHome = (path: string, home: string): string => resolve(path.replace(/^~(?=\/|$)/, home))

function unknownKey(what: string, where: string, known: readonly string[]): ThorError {
  const near = nearest(what, known)
  const remedy = near ? `Did you mean ${near}?` : 'See docs/CONFIG.md for the settings there are.'
  return new ThorError('CONFIG_UNKNOWN_KEY', `${what} (${where}) is not a setting. ${remedy}`)
}

function fromEnvironment(env: Surroundings['env'], found: Map<string, Found>): void {
  const byVariable = new Map(fields.map((field) => [field.variable, field]))
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('THOR_') || value === undefined) continue
    if (OTHER_VARIABLES.includes(variable) || variable.startsWith('THOR_TEST_')) continue
    const field = byVariable.get(variable)
    if (!field) throw unknownKey(variable, 'environment', [...byVariable.keys(), ...OTHER_VARIABLES])
    if (!found.has(field.name)) found.set(field.name, { value, source: { kind: 'environment', text: variable } })
  }
}

function fromFile(file: string, found: Map<string, Found>): void {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const why = errorCode(error) === 'ENOENT' ? 'there is no such file' : errorMessage(error)
    throw new ThorError('CONFIG_FILE', `cannot read the configuration file ${file}: ${why}.`, { cause: error })
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const broken = document.errors[0]
  if (broken)
    throw new ThorError('CONFIG_FILE', `${file} is not YAML: ${broken.message.split('\n')[0]?.replace(/:$/, '')}.`)
  if (document.contents === null) return
  if (!isMap(document.contents)) {
    throw new ThorError('CONFIG_FILE', `${file} must be a YAML map of settings, such as "domain: example.com".`)
  }

  const names = fields.map((field) => field.name)
  const values = document.toJS() as Record<string, unknown>
  const walk = (map: YAMLMap, above: string[]): void => {
    for (const { key, value } of map.items) {
      const path = [...above, String(key)]
      const name = path.join('.')
      const offset = isNode(key) ? key.range?.[0] : undefined
      const where = offset === undefined ? file : `${file} line ${lines.linePos(offset).line}`
      const inGroup = names.find((candidate) => candidate.startsWith(`${name}.`))
      if (!inGroup && !names.includes(name)) throw unknownKey(name, where, names)
      if (inGroup && isMap(value)) {
        walk(value, path)
        continue
      }
      const plain = path.reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], values)
      if (plain === null) continue
      if (inGroup) {
        throw new ThorError('CONFIG_INVALID', `${name} (${where}) is a group of settings. Write ${inGroup}, for one.`)
      }
      if (!found.has(name)) found.set(name, { value: plain, source: { kind: 'file', text: where } })
    }
  }
  walk(document.contents, [])
}

function fromDefaults(around: Surroundings, found: Map<string, Found>): void {
  const computed: Record<string, string> = {
    data: defaultData(around),
    address: around.address ?? '127.0.0.1',
  }
  for (const { name, fallback } of fields) {
    const value = computed[name] ?? fallback
    if (!found.has(name) && value !== undefined)
      found.set(name, { value, source: { kind: 'default', text: 'default' } })
  }
}

function defaultData(around: Surroundings): string {
  return around.isRoot ? '/var/lib/thor-node' : join(around.home, '.local/share/thor-node')
}

function show(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : JSON.stringify(value)
}

/**
 * @param options by dotted name of the setting; undefined values are not there. `config` names the file.
 * @throws ThorError `CONFIG_INVALID`, `CONFIG_UNKNOWN_KEY`, `CONFIG_FILE`; the message names setting, value, source and remedy
 */
export function loadConfig(
  options: Readonly<Record<string, unknown>> = {},
  around: Surroundings = systemSurroundings(),
): LoadedConfig {
  const found = new Map<string, Found>()
  for (const [name, value] of Object.entries(options)) {
    if (name === 'config' || value === undefined) continue
    const field = fields.find((candidate) => candidate.name === name)
    if (!field)
      throw unknownKey(
        name,
        'option',
        fields.map((known) => known.name),
      )
    found.set(name, { value, source: { kind: 'option', text: field.option } })
  }
  fromEnvironment(around.env, found)

  const named = options.config ?? around.env.THOR_CONFIG
  const dataSoFar = expandHome(String(found.get('data')?.value ?? defaultData(around)), around.home)
  const implied = join(dataSoFar, FILE_NAME)
  const file = named ? expandHome(String(named), around.home) : existsSync(implied) ? implied : undefined
  if (file) fromFile(file, found)
  fromDefaults(around, found)

  const raw: Record<string, Record<string, unknown>> = {}
  for (const [name, { value }] of found) {
    const [head, tail] = name.split('.') as [string, string?]
    if (tail === undefined) Object.assign(raw, { [head]: value })
    else raw[head] = { ...raw[head], [tail]: value }
  }
  const parsed = schema.safeParse(raw)
  if (!parsed.success) {
    const sentences = parsed.error.issues.map((issue) => {
      const name = issue.path.join('.')
      const { value, source } = found.get(name) as Found
      return `${name} is ${show(value)} (${source.text}), but must be ${issue.message}.`
    })
    throw new ThorError('CONFIG_INVALID', sentences.join('\n'))
  }

  const config = parsed.data
  config.data = expandHome(config.data, around.home)
  const { sip } = config
  sip.tlsCertificates = expandHome(sip.tlsCertificates ?? join(config.data, 'tls'), around.home)
  if (sip.tlsCa !== undefined) sip.tlsCa = expandHome(sip.tlsCa, around.home)
  if (file === implied && !named && config.data !== dataSoFar) {
    throw new ThorError(
      'CONFIG_INVALID',
      `data is ${show(config.data)} (${found.get('data')?.source.text}), but that file was found in the data directory ` +
        `${dataSoFar}. Take the line out, or name the file with --config.`,
    )
  }
  if (config.sip.expiresMin > config.sip.expiresMax) {
    throw new ThorError('CONFIG_INVALID', 'sip.expiresMin is longer than sip.expiresMax. Make it the same or shorter.')
  }
  const sources: Record<string, Source> = {}
  for (const { name } of fields) sources[name] = found.get(name)?.source ?? { kind: 'default', text: 'default' }
  return { config, sources, file }
}

/** The value of a setting as it would be typed; empty when it has none. */
export function showSetting(config: Config, field: Field): string {
  const value = field.path.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], config)
  if (value === undefined) return ''
  return field.meta.show ? field.meta.show(value) : String(value)
}
