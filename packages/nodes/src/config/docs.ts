/** docs/CONFIG.md, from the schema. */
import { type Field, fields } from './schema.ts'

const head = `# Settings

Generated from the schema in \`packages/nodes/src/config/schema.ts\`; do not edit by hand.

A node runs without any. What is set comes from, the first that has it wins:

1. options of \`thor-node join\`: \`--sip-udp 5080\`
2. environment variables: \`THOR_SIP_UDP=5080\`
3. one YAML file: \`--config FILE\`, else \`THOR_CONFIG\`, else \`thor.yaml\` in the data directory when there is one
4. the default

\`\`\`yaml
domain: example.com
sip:
  udp: 5080
media:
  ports: 40000-50000
  silence: 90s
\`\`\`

\`thor-node config check\` prints every setting with its value and where it comes from; it takes the same options. A name that is
not a setting is an error, in the file and among the variables that begin with \`THOR_\` (but \`THOR_TEST_…\` are left alone).

Ports: 0 means any free one. Durations: \`500ms\`, \`60s\`, \`2m\`, \`24h\`, \`7d\`; a plain number means seconds.
`

function section(field: Field): string {
  const { name, meta, option, variable, fallback } = field
  return [
    `### ${name}`,
    '',
    meta.doc,
    '',
    `- Default: ${fallback === undefined ? meta.computed : `\`${fallback}\``}`,
    `- Must be ${meta.expect}`,
    `- \`${option}\`, \`${variable}\``,
  ].join('\n')
}

export function renderDocs(): string {
  return `${[head, ...fields.map(section)].join('\n\n').replace(/\n{3,}/g, '\n\n')}\n`
}
