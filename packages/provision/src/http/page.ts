import { escapeText } from '@thor-node/core'
import { operations } from '../operations/index.ts'

/** What a browser shows at the address of the interface: enough to know where one is and how to go on. */
export function humanPage(url: string): string {
  const endpoint = escapeText(url)
  const names = operations.map(({ port, name }) => `<li><code>${port}.${name}</code></li>`).join('')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>thor-node provisioning</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em}</style></head>
<body><h1>thor-node provisioning</h1>
<p>This is the NGNPro SOAP interface of a thor-node. POST SOAP 1.1 requests to <code>${endpoint}</code>; the description is at
<a href="wsdl"><code>${endpoint}wsdl</code></a>. Every request carries an <code>auth</code> header with the name and password
of an administrator.</p>
<h2>Operations</h2><ul>${names}</ul></body></html>
`
}
