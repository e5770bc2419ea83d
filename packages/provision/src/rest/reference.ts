import { faults } from '../errors.ts'
import { operations } from '../operations/index.ts'
import { type Operation, type PortName, ports } from '../schema/operation.ts'
import { arrays, isArray, isStruct, membersOf, type StructName, structs, type TypeName } from '../schema/types.ts'

/** What the reference page and the page of the node say of types and operations, without a markup of its own. */
export const whoText: Record<Operation['who'], string> = {
  admin: 'administrators',
  operator: 'administrators, resellers, customers',
  user: 'also the user of the account',
  anyone: 'who knows the password of the account',
}

export const typeText = (type: TypeName): string => (isArray(type) ? `${typeText(arrays[type])}[]` : type)

export const inputText = ({ input }: Operation): string =>
  Object.entries(input)
    .map(([name, type]) => `${name}: ${typeText(type)}`)
    .join(', ')

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '\\<')

/** The page `docs/API.md`, from the table of operations. */
export function writeReference(): string {
  const out = [
    '# Operations',
    '',
    'Every operation of the provisioning interface: over SOAP (NGNPro) by port and name, over REST by method and path below',
    '`/api/v1`, on the command line with `thor-node api Port.name`. Written from the table that the programs use; after a change',
    'of it run `npx node test/tidy/api.ts`.',
    '',
    'Over REST the parts of a path are arguments: an account is `user@domain`. Of the rest, GET takes members of queries in the query',
    'string (`?domain=example.com&sort=-changeDate&start=0&count=20`), others take JSON. Errors are problem details (RFC 9457) with',
    'the `code` of [ERRORS.md](ERRORS.md); SOAP faults carry the number of NGNPro.',
  ]
  for (const port of ports) out.push('', `## ${port}`, '', ...portTable(port))
  out.push('', '## Types', '', 'Members marked *key* are needed; those marked *told* are ignored when they are sent.')
  for (const name of Object.keys(structs) as StructName[]) out.push('', `### ${name}`, '', ...typeTable(name))
  return `${out.join('\n')}\n`
}

function portTable(port: PortName): string[] {
  const rows = operations
    .filter((operation) => operation.port === port)
    .map((operation) => {
      const { name, rest, output, doc, who } = operation
      const codes = operation.faults.map((code) => faults[code].number)
      const result = output ? typeText(output) : '–'
      const refused = [...new Set(codes)].join(', ') || '–'
      const rights = who === 'operator' ? '' : ` For ${whoText[who]}.`
      return `| \`${name}\`(${cell(inputText(operation))}) | ${result} | \`${rest.method} ${rest.path}\` | ${cell(doc)}${rights} | ${refused} |`
    })
  return ['| Operation | Result | REST | | Faults |', '|---|---|---|---|---|', ...rows]
}

function typeTable(name: StructName): string[] {
  const rows = membersOf(name).map(({ name: member, type, doc = '', key, read, values }) => {
    const marks = [...(key ? ['*key*'] : []), ...(read ? ['*told*'] : [])].join(' ')
    const choice = values ? [`one of ${values.join(', ')}`] : []
    const text = [...(doc ? [doc] : []), ...choice].join('; ')
    return `| \`${member}\` | ${isStruct(type) || isArray(type) ? typeText(type) : type} | ${cell([marks, text].filter(Boolean).join(' '))} |`
  })
  return ['| Member | Type | |', '|---|---|---|', ...rows]
}
