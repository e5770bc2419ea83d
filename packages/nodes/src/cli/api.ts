import { operations, typeText } from '@thor-node/provision'
import { InvalidArgumentError } from 'commander'
import { renderTable } from '../status/table.ts'
import { type Console, type NodeOptions, nodeOf } from './console.ts'
import { nodeVerb, type Verb } from './verb.ts'

/** `name=value` words: JSON where it is JSON, text otherwise; `a.b=c` sets a member. */
export function argumentsOf(words: readonly string[]): Record<string, unknown> {
  const [only] = words
  if (words.length === 1 && only?.trimStart().startsWith('{')) {
    const parsed = jsonOrText(only)
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>
  }
  const out: Record<string, unknown> = {}
  for (const word of words) {
    const at = word.indexOf('=')
    if (at <= 0) throw new InvalidArgumentError(`"${word}" is not name=value`)
    place(out, word.slice(0, at).split('.'), jsonOrText(word.slice(at + 1)))
  }
  return out
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function place(out: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path
  if (name === '__proto__') throw new InvalidArgumentError('that is no name')
  if (rest.length === 0) {
    out[name] = value
    return
  }
  const inner = (typeof out[name] === 'object' && out[name] !== null ? out[name] : {}) as Record<string, unknown>
  out[name] = inner
  place(inner, rest, value)
}

function list(console: Console, about: string | undefined): void {
  const found = operations.filter(({ port, name }) =>
    `${port}.${name}`.toLowerCase().includes((about ?? '').toLowerCase()),
  )
  const rows = found.map(({ port, name, input, doc }) => [
    console.paint.bold(`${port}.${name}`),
    Object.entries(input)
      .map(([argument, type]) => `${argument}:${typeText(type)}`)
      .join(' '),
    doc,
  ])
  console.print(renderTable([{ title: 'OPERATION' }, { title: 'ARGUMENTS' }, { title: '' }], rows, console.paint))
}

export const apiVerb: Verb = (console) =>
  nodeVerb(
    'api <operation> [arguments...]',
    'Run any operation of the provisioning interface, with all rights. "api list" names them; docs/API.md tells them.',
    `thor-node api list account
     thor-node api Sip.getAccount sipId=alice@thor.local
     thor-node api Sip.setCallDiversions sipId=alice@thor.local diversions.FUNC=sip:bob@thor.local
     thor-node api Dns.addRecord '{"record": {"zone": "example.com", "name": "www", "type": "A", "value": "192.0.2.1"}}'`,
  ).action(async (operation: string, words: string[], options: NodeOptions) => {
    if (operation === 'list') return list(console, words[0])
    const { value } = await nodeOf(console, options).apiCall({ operation, args: argumentsOf(words) })
    if (value !== null || options.json) console.print(JSON.stringify(value, null, 2))
    else console.print('Done.')
  })
