import { readFileSync } from 'node:fs'
import { ThorError } from '@thor-node/core'
import type { CheckView, RecordView, ZoneView } from '../control/dns-contract.ts'
import { formatTime } from '../status/format.ts'
import type { Paint } from '../status/paint.ts'
import { renderTable } from '../status/table.ts'
import { type Console, type NodeOptions, nodeOf, show } from './console.ts'
import { wholeNumber, wholeNumberOrNone } from './parse.ts'
import { group, nodeVerb, type Verb } from './verb.ts'

const titles = (...names: string[]): { title: string }[] => names.map((title) => ({ title }))

function renderZones(zones: readonly ZoneView[], paint: Paint): string {
  if (zones.length === 0) return 'There are no zones but those of the SIP domains. See: thor-node dns add --help'
  const rows = zones.map(({ zone, serial, records, nameservers, changedAt }) => [
    paint.bold(zone),
    `${serial}`,
    `${records}`,
    nameservers.join(' ') || 'the nodes',
    `${formatTime(changedAt)} UTC`,
  ])
  return renderTable(titles('ZONE', 'SERIAL', 'RECORDS', 'NAME SERVERS', 'CHANGED'), rows, paint)
}

function renderRecords(records: readonly RecordView[], paint: Paint): string {
  if (records.length === 0) return 'The zone has no records yet. See: thor-node dns set --help'
  const rows = records.map(({ id, name, ttl, type, priority, value }) => [
    `${id}`,
    paint.bold(name),
    `${ttl}`,
    type,
    type === 'MX' || type === 'SRV' ? `${priority} ${value}` : value,
  ])
  return renderTable(titles('ID', 'NAME', 'TTL', 'TYPE', 'VALUE'), rows, paint)
}

function renderCheck({ delegate, findings }: CheckView, paint: Paint): string {
  const lines = findings.map(({ ok, text }) => `${ok ? paint.green('ok') : paint.red('no')}  ${text}`)
  return [...lines, '', 'To be written into the zone above:', ...delegate.map((line) => `  ${line}`)].join('\n')
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    throw new ThorError('DNS_INVALID_VALUE', `${file} cannot be read`, { cause })
  }
}

interface ZoneOptions extends NodeOptions {
  email?: string
  nameserver?: string[]
  ttl?: number
  priority?: number
}

const add = (console: Console) =>
  nodeVerb(
    'add <zone>',
    'Add a zone; all nodes answer for it at once.',
    'thor-node dns add example.com --email admin@example.com',
  )
    .option('--email <address>', 'of the person in charge; default: hostmaster of the zone')
    .option('--nameserver <name...>', 'name servers; default: the nodes of the ring')
    .option('--ttl <seconds>', 'of records that say nothing else', wholeNumber)
    .action(async (zone: string, options: ZoneOptions) => {
      const { email, nameserver: nameservers, ttl } = options
      const query = { zone, ...(email && { email }), ...(nameservers && { nameservers }), ...(ttl && { ttl }) }
      const result = await nodeOf(console, options).dnsAdd(query)
      show(
        console,
        options,
        result,
        (done) => `All nodes answer for ${done.zone}. See: thor-node dns check ${done.zone}`,
      )
    })

const set = (console: Console) =>
  nodeVerb(
    'set <zone> <name> <type> <value...>',
    'Add a record. The name is relative to the zone, @ for the zone itself.',
    `thor-node dns set example.com www A 192.0.2.1
     thor-node dns set example.com @ MX 10 mail.example.com.
     thor-node dns set example.com @ TXT '"v=spf1 mx -all"'`,
  )
    .option('--ttl <seconds>', 'default: that of the zone', wholeNumberOrNone)
    .option('--priority <number>', 'of MX and SRV, where it is not the first word of the value', wholeNumberOrNone)
    .action(async (zone: string, name: string, type: string, words: string[], options: ZoneOptions) => {
      const { ttl, priority } = options
      const more = { ...(ttl !== undefined && { ttl }), ...(priority !== undefined && { priority }) }
      const result = await nodeOf(console, options).dnsSet({ zone, name, type, value: words.join(' '), ...more })
      show(
        console,
        options,
        result,
        ({ record }) => `Record ${record.id}: ${record.name} ${record.type} ${record.value}`,
      )
    })

const exportVerb = (console: Console) =>
  nodeVerb(
    'export <zone>',
    'Print a zone as a zone file.',
    'thor-node dns export example.com > example.com.zone',
  ).action(async (zone: string, options: NodeOptions) => {
    const result = await nodeOf(console, options).dnsShow({ zone })
    show(console, options, result, ({ file }) => file.trimEnd())
  })

const importVerb = (console: Console) =>
  nodeVerb(
    'import <zone> <file>',
    'Read a zone file (- for standard input) in the place of the records that are there.',
    'thor-node dns import example.com example.com.zone',
  ).action(async (zone: string, file: string, options: NodeOptions) => {
    const result = await nodeOf(console, options).dnsImport({ zone, text: readText(file) })
    show(console, options, result, (done) => `${done.zone} has ${done.records} records.`)
  })

export const dnsVerb: Verb = (console) => {
  const list = nodeVerb('list', 'List the zones of the ring.', 'thor-node dns list').action(
    async (options: NodeOptions) => {
      const result = await nodeOf(console, options).dnsList()
      show(console, options, result, ({ zones }) => renderZones(zones, console.paint))
    },
  )
  const showOne = nodeVerb(
    'show <zone>',
    'Show the records of a zone, with their ids.',
    'thor-node dns show example.com',
  ).action(async (zone: string, options: NodeOptions) => {
    const result = await nodeOf(console, options).dnsShow({ zone })
    show(console, options, result, ({ records }) => renderRecords(records, console.paint))
  })
  const remove = nodeVerb(
    'remove <zone>',
    'Remove a zone with all its records.',
    'thor-node dns remove example.com',
  ).action(async (zone: string, options: NodeOptions) => {
    const result = await nodeOf(console, options).dnsRemove({ zone })
    show(console, options, result, ({ removed }) => `Removed ${removed}.`)
  })
  const unset = nodeVerb('unset <id>', 'Remove a record, by its id.', 'thor-node dns unset 16385').action(
    async (id: string, options: NodeOptions) => {
      const result = await nodeOf(console, options).dnsUnset({ id: wholeNumber(id) })
      show(console, options, result, ({ removed }) => `Removed record ${removed}.`)
    },
  )
  const template = nodeVerb(
    'template <zone>',
    "Add what leads phones of a customer's domain to the nodes: NAPTR and SRV.",
    'thor-node dns template customer.example',
  ).action(async (zone: string, options: NodeOptions) => {
    const result = await nodeOf(console, options).dnsTemplate({ zone })
    show(console, options, result, ({ added }) => `Added ${added.length} records.`)
  })
  const check = nodeVerb(
    'check <domain>',
    'Is a domain delegated to the nodes, and do they answer?',
    'thor-node dns check example.com',
  ).action(async (domain: string, options: NodeOptions) => {
    const result = await nodeOf(console, options).dnsCheck({ domain })
    show(console, options, result, (found) => renderCheck(found, console.paint))
    if (result.findings.some(({ ok }) => !ok)) console.exitWith(1)
  })
  return group(
    'dns',
    'Zones and their records, which every node answers for.',
    [
      list,
      add(console),
      showOne,
      set(console),
      unset,
      exportVerb(console),
      importVerb(console),
      template,
      check,
      remove,
    ],
    'thor-node dns add example.com\nthor-node dns set example.com www A 192.0.2.1\nthor-node dns check example.com',
  )
}
