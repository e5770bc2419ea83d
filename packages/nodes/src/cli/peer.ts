import type { PeerAddQuery, PeerView } from '../control/guard-contract.ts'
import type { Paint } from '../status/paint.ts'
import { renderTable } from '../status/table.ts'
import { type Console, type NodeOptions, nodeOf, show } from './console.ts'
import { wholeNumber } from './parse.ts'
import { group, nodeVerb, type Verb } from './verb.ts'

const columns = ['PEER', 'FROM', 'CALLS', 'AT MOST', 'PER SECOND', 'RELAYS', 'NUMBERS IN', 'PAID BY'].map((title) => ({
  title,
}))
const orAny = (limit: number): string => (limit === 0 ? 'any' : `${limit}`)

export function renderPeers(peers: readonly PeerView[], paint: Paint): string {
  if (peers.length === 0) return 'Nobody is trusted without digest.'
  const rows = peers.map(({ name, prefixes, tlsNames, calls, callsMax, callsPerSecond, relay, domain, account }) => [
    paint.bold(name),
    [...prefixes, ...tlsNames].join(' '),
    `${calls}`,
    orAny(callsMax),
    orAny(callsPerSecond),
    relay ? 'yes' : 'no',
    domain ?? '-',
    account ?? '-',
  ])
  return renderTable(columns, rows, paint)
}

interface AddOptions extends NodeOptions {
  from?: string[]
  tls?: string[]
  calls?: number
  perSecond?: number
  relay?: boolean
  domain?: string
  account?: string
}

async function add(console: Console, name: string, options: AddOptions): Promise<void> {
  const query: PeerAddQuery = {
    name,
    prefixes: options.from ?? [],
    tlsNames: options.tls ?? [],
    callsMax: options.calls ?? 0,
    callsPerSecond: options.perSecond ?? 0,
    relay: options.relay ?? false,
    ...(options.domain !== undefined && { domain: options.domain }),
    ...(options.account !== undefined && { account: options.account }),
  }
  const result = await nodeOf(console, options).peerAdd(query)
  show(console, options, result, ({ peer }) => `${peer} is trusted by all nodes.`)
}

export const peerVerb: Verb = (console) => {
  const list = nodeVerb(
    'list',
    'List the trusted peers, with the calls that they have now.',
    'thor-node peer list',
  ).action(async (options: NodeOptions) => {
    const result = await nodeOf(console, options).peerList()
    show(console, options, result, ({ peers }) => renderPeers(peers, console.paint))
  })
  const addVerb = nodeVerb(
    'add <name>',
    'Trust a gateway or another service on all nodes: what it sends needs no digest, and From may be anybody. A peer of that ' +
      'name is replaced.',
    `thor-node peer add trunk1 --from 192.0.2.7 198.51.100.0/24 --calls 100 --per-second 10 --domain example.com
     thor-node peer add carrier --tls sbc.carrier.example --relay`,
  )
    .option('--from <prefix...>', 'its addresses: 192.0.2.7, 198.51.100.0/24, 2001:db8::/32')
    .option('--tls <name...>', 'domains that its verified TLS certificate stands for')
    .option('--calls <number>', 'calls at once, over all nodes', wholeNumber)
    .option('--per-second <number>', 'calls begun per second, over all nodes', wholeNumber)
    .option('--relay', 'it may reach domains that are not served here')
    .option('--domain <domain>', 'whose domain the numbers that it dials are of')
    .option('--account <aor>', 'the account that its calls are billed to')
    .action((name: string, options: AddOptions) => add(console, name, options))
  const remove = nodeVerb('remove <name>', 'Trust a peer no more.', 'thor-node peer remove trunk1').action(
    async (name: string, options: NodeOptions) => {
      const result = await nodeOf(console, options).peerRemove({ name })
      show(console, options, result, () => `${name} is not trusted any more.`)
    },
  )
  return group('peer', 'Trusted peers: gateways that need no digest.', [list, addVerb, remove], 'thor-node peer list')
}
