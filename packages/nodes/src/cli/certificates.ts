import type { CertificateView } from '../control/contract.ts'
import { formatTime } from '../status/format.ts'
import type { Paint } from '../status/paint.ts'
import { type Column, renderTable } from '../status/table.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { nodeVerb, type Verb } from './verb.ts'

const columns: Column[] = [{ title: 'CERTIFICATE' }, { title: 'HOSTS' }, { title: 'UNTIL (UTC)' }, { title: '' }]

function row({ name, hosts, notAfter, selfSigned, fallback }: CertificateView): string[] {
  const marks = [...(selfSigned ? ['self-signed'] : []), ...(fallback ? ['for unknown names'] : [])]
  return [name, hosts.join(' '), formatTime(notAfter), marks.join(', ')]
}

const render = (certificates: readonly CertificateView[], note: string | null, paint: Paint): string =>
  [renderTable(columns, certificates.map(row), paint), ...(note ? [paint.yellow(note)] : [])].join('\n')

export const certificatesVerb: Verb = (console) =>
  nodeVerb(
    'certificates',
    'Show the TLS certificates of this node; files that changed are taken within ten seconds, or at once.',
    `thor-node certificates
     thor-node certificates --reload`,
  )
    .option('--reload', 'look at the files now; no connection is lost')
    .action(async (options: NodeOptions & { reload?: boolean }) => {
      const result = await nodeOf(console, options).certificates({ ...(options.reload && { reload: true }) })
      show(console, options, result, ({ certificates, note }) => render(certificates, note, console.paint))
    })
