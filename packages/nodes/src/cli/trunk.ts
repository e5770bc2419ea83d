import type { TrunkAddQuery, TrunkView } from '../control/trunk-contract.ts'
import { formatTime } from '../status/format.ts'
import type { Paint } from '../status/paint.ts'
import { renderTable } from '../status/table.ts'
import { type Console, type NodeOptions, nodeOf, show } from './console.ts'
import { wholeNumber, wholeNumberOrNone } from './parse.ts'
import { group, nodeVerb, type Verb } from './verb.ts'

const columns = ['TRUNK', 'TO', 'STATE', 'REGISTERED', 'NODE', 'NUMBERS', 'CALLS', 'AT MOST', 'PEER'].map((title) => ({
  title,
}))
const DEFAULTS = { expires: 600, probe: 10, failures: 3, successes: 2 } as const
/** Every number begins so. */
const ANY = 'any'

function stateOf({ up, probeMs }: TrunkView, paint: Paint): string {
  if (probeMs === 0) return 'not probed'
  if (up === null) return paint.dim('unknown')
  return up ? paint.green('up') : paint.red('down')
}

function registrationOf({ register, registration }: TrunkView, paint: Paint): string {
  if (!register) return '-'
  if (registration?.registered) return paint.green('yes')
  const { status = 0, reason = '' } = registration ?? {}
  return paint.red(status >= 300 ? `no: ${status} ${reason}` : 'no')
}

const numbersOf = ({ prefixes }: TrunkView): string =>
  prefixes.map((prefix) => (prefix === '' ? ANY : prefix)).join(' ') || '-'
const orAny = (limit: number): string => (limit === 0 ? 'any' : `${limit}`)

export function renderTrunks(trunks: readonly TrunkView[], paint: Paint): string {
  if (trunks.length === 0)
    return 'There are no trunks. Numbers outside are not reached; see: thor-node trunk add --help'
  const rows = trunks.map((trunk) => [
    paint.bold(trunk.name),
    trunk.target,
    stateOf(trunk, paint),
    registrationOf(trunk, paint),
    trunk.node ?? '-',
    numbersOf(trunk),
    `${trunk.calls}`,
    orAny(trunk.callsMax),
    trunk.peer ?? '-',
  ])
  return renderTable(columns, rows, paint)
}

function renderTrunk(trunk: TrunkView, paint: Paint): string {
  const lines: [string, string][] = [
    ['Trunk', trunk.name],
    ['To', trunk.target],
    ['Domain', trunk.domain],
    ['User', trunk.user ?? ''],
    ['Password', trunk.hasPassword ? 'set' : 'none'],
    ['State', stateOf(trunk, paint) + (trunk.upSince === null ? '' : `, since ${formatTime(trunk.upSince)} UTC`)],
    ['Registered', registrationOf(trunk, paint)],
    ['Node', trunk.node ?? ''],
    ['Addresses', trunk.addresses.join(' ')],
    ['Numbers', numbersOf(trunk)],
    ['From', trunk.from === 'trunk' ? 'that of the trunk' : 'that of the caller'],
    ['Calls out', `${trunk.calls}, at most ${orAny(trunk.callsMax)}`],
    ['Probed', trunk.probeMs === 0 ? 'never' : `every ${trunk.probeMs / 1_000} s`],
    ['Peer', trunk.peer ?? ''],
    ['Changed', `${formatTime(trunk.changedAt)} UTC`],
  ]
  return lines.map(([title, value]) => `${paint.dim(title.padEnd(12))}${value || '-'}`).join('\n')
}

interface AddOptions extends NodeOptions {
  to: string
  domain?: string
  user?: string
  password?: string
  register?: boolean
  expires?: number
  prefix?: string[]
  calls?: number
  callerId?: boolean
  probe?: number
  failures?: number
  successes?: number
  peer?: string
}

async function add(console: Console, name: string, options: AddOptions): Promise<void> {
  const { to, domain, user, password, peer } = options
  const query: TrunkAddQuery = {
    name,
    target: /^sips?:/i.test(to) ? to : `sip:${to}`,
    register: options.register ?? false,
    expiresSeconds: options.expires ?? DEFAULTS.expires,
    prefixes: (options.prefix ?? []).map((prefix) => (prefix === ANY ? '' : prefix)),
    callsMax: options.calls ?? 0,
    from: options.callerId || user === undefined ? 'caller' : 'trunk',
    probeSeconds: options.probe ?? DEFAULTS.probe,
    failures: options.failures ?? DEFAULTS.failures,
    successes: options.successes ?? DEFAULTS.successes,
    ...(domain !== undefined && { domain }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(peer !== undefined && { peer }),
  }
  const result = await nodeOf(console, options).trunkAdd(query)
  show(console, options, result, ({ trunk }) => `All nodes know the trunk ${trunk}. See: thor-node trunk list`)
}

const TEACH = `
A call from an account to a number that nobody has here goes out by the trunk with the longest prefix that fits, as it was
dialled. The account needs the right to: the group free-pstn (account add --group free-pstn, or addToGroup over SOAP).
One node registers and looks after the trunk; when it dies another goes on within seconds. Calls that come in are those
of a trusted peer: add it first (thor-node peer add) and name it with --peer.
`

const addVerb: Verb = (console) =>
  nodeVerb(
    'add <name>',
    'Add a carrier or gateway for the whole ring. A trunk of that name is replaced.',
    `thor-node trunk add carrier --to 'sip:carrier.example;transport=tcp' --user 3120999 --password s3cret --register --prefix +
     thor-node trunk add gateway --to 192.0.2.7:5080 --prefix 00 0800 --calls 30 --caller-id --peer gateway`,
  )
    .requiredOption('--to <uri>', 'where it is: a SIP URI, or host and port; located by DNS (NAPTR, SRV)')
    .option('--domain <domain>', 'of addresses at the carrier; default: the host of --to')
    .option('--user <user>', 'as which it registers and answers challenges')
    .option('--password <password>', 'kept sealed, never shown')
    .option('--register', 'register with the carrier')
    .option('--expires <seconds>', `registration to ask for; default ${DEFAULTS.expires}`, wholeNumber)
    .option('--prefix <prefix...>', 'with what the numbers begin that it takes: +, +31, 00; "any" for all')
    .option('--calls <number>', 'calls out at once, over all nodes; default: any number', wholeNumber)
    .option('--caller-id', 'From is the caller, not the user of the trunk; P-Asserted-Identity always is')
    .option('--probe <seconds>', `OPTIONS so often, 0 never; default ${DEFAULTS.probe}`, wholeNumberOrNone)
    .option('--failures <number>', `unanswered ones before it is down; default ${DEFAULTS.failures}`, wholeNumber)
    .option('--successes <number>', `answered ones before it is up again; default ${DEFAULTS.successes}`, wholeNumber)
    .option('--peer <peer>', 'trusted peer that calls in from the addresses of this trunk')
    .addHelpText('after', TEACH)
    .action((name: string, options: AddOptions) => add(console, name, options))

export const trunkVerb: Verb = (console) => {
  const list = nodeVerb(
    'list',
    'List the trunks: which is up, which is registered, and by which node.',
    'thor-node trunk list',
  ).action(async (options: NodeOptions) => {
    const result = await nodeOf(console, options).trunkList()
    show(console, options, result, ({ trunks }) => renderTrunks(trunks, console.paint))
  })
  const showOne = nodeVerb('show <name>', 'Show one trunk.', 'thor-node trunk show carrier').action(
    async (name: string, options: NodeOptions) => {
      const trunk = await nodeOf(console, options).trunkShow({ name })
      show(console, options, trunk, (result) => renderTrunk(result, console.paint))
    },
  )
  const remove = nodeVerb(
    'remove <name>',
    'Remove a trunk; its registration is taken back.',
    'thor-node trunk remove carrier',
  ).action(async (name: string, options: NodeOptions) => {
    const result = await nodeOf(console, options).trunkRemove({ name })
    show(console, options, result, ({ removed }) => `Removed ${removed}.`)
  })
  return group(
    'trunk',
    'Trunks: carriers and gateways by which numbers outside are reached.',
    [addVerb(console), list, showOne, remove],
    'thor-node trunk add carrier --to carrier.example --user 3120999 --password s3cret --register --prefix +\nthor-node trunk list',
  )
}
