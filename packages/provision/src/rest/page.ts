import { escapeText } from '@thor-node/core'
import { operations } from '../operations/index.ts'
import { ports } from '../schema/operation.ts'
import { shapeOf } from './parameters.ts'
import { typeText, whoText } from './reference.ts'

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color-scheme:light dark}
code{font-size:.9em}summary{cursor:pointer}details{margin:.3em 0}table{border-collapse:collapse}td{padding:0 1em .2em 0;vertical-align:top}`

/** The page of REST for people, without scripts: every operation with what it takes and gives. */
export function restPage(base: string): string {
  const sections = ports.map((port) => {
    const own = operations.filter((operation) => operation.port === port)
    const items = own.map((operation) => {
      const { rest, name, doc, output, who } = operation
      const { parameters, body } = shapeOf(operation)
      const rows = parameters.map(
        (one) =>
          `<tr><td><code>${escapeText(one.name)}</code></td><td>${one.in}</td><td>${escapeText(one.doc ?? '')}</td></tr>`,
      )
      const taken =
        body.kind === 'whole'
          ? typeText(operation.input[body.argument] as never)
          : body.kind === 'none'
            ? ''
            : `{ ${body.arguments.join(', ')} }`
      const lines = [
        `<p>${escapeText(doc)} For ${whoText[who]}. SOAP: <code>${port}.${name}</code></p>`,
        rows.length > 0 ? `<table>${rows.join('')}</table>` : '',
        taken === '' ? '' : `<p>Body: <code>${escapeText(taken)}</code></p>`,
        output ? `<p>Answer: <code>${escapeText(typeText(output))}</code></p>` : '',
      ]
      return `<details><summary><code>${rest.method} ${escapeText(rest.path)}</code></summary>${lines.join('')}</details>`
    })
    return `<h2>${port}</h2>${items.join('\n')}`
  })
  const example = `curl -u admin ${base}/api/v1/sip/accounts?domain=example.com`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>thor-node REST</title><style>${STYLE}</style></head>
<body><h1>Provisioning over REST</h1>
<p>Paths are below <code>/api/v1</code>. The description for programs is <a href="/api/openapi.json">OpenAPI 3.1</a>; SOAP is at
<a href="/wsdl">/wsdl</a>. Log in with a token (<code>thor-node token add</code>) or a name and password:</p>
<pre>${escapeText(example)}</pre>
${sections.join('\n')}</body></html>
`
}
