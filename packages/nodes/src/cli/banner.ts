/** What `join` says when the node is ready: where it listens, and what to do next. Pure. */
import { type Address, formatAddress } from '@thor-node/core'
import type { BannerFacts } from '../control/contract.ts'
import { count, formatTime } from '../status/format.ts'
import type { Paint } from '../status/paint.ts'

function sip({ sipUdp, sipTcp, sipTls, sipWs, sipWss }: BannerFacts): string {
  const same = sipUdp && sipTcp && formatAddress(sipUdp) === formatAddress(sipTcp)
  const parts: [Address | undefined, string][] = [
    [sipUdp, same ? 'UDP and TCP' : 'UDP'],
    [same ? undefined : sipTcp, 'TCP'],
    [sipTls, 'TLS'],
    [sipWs, 'WS'],
    [sipWss, 'WSS'],
  ]
  return parts.flatMap(([address, name]) => (address ? [`${formatAddress(address)} (${name})`] : [])).join(', ')
}

/** Quoted for a shell when it must be. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** `dir` is the data directory as it must be given to other commands; undefined when the default finds it. */
export function renderBanner(facts: BannerFacts, paint: Paint, dir?: string): string {
  const command = (text: string): string => paint.cyan(`npx thor-node ${text}${dir ? ` --data ${shellWord(dir)}` : ''}`)
  const row = (title: string, text: string): string => `  ${paint.dim(title.padEnd(9))}${text}`
  const proxy = facts.sipUdp ?? facts.sipTcp
  const what = facts.firstNode
    ? 'It is the first node of a new ring.'
    : `The ring has ${count(facts.nodes, 'live node')}.`
  const lines = [
    `${paint.bold(`Node ${facts.name} serves ${facts.domain}.`)} ${what} (thor-node ${facts.version})`,
    '',
    row('SIP', sip(facts) || 'off'),
    row(
      'SOAP',
      facts.soapUrl ? `${facts.soapUrl}   user ${facts.adminUser}, password: ${command('admin password')}` : 'off',
    ),
    row('DNS', facts.dns ? `${formatAddress(facts.dns)} (UDP and TCP)` : 'off'),
    row('Control', facts.controlPath),
    row('Data', facts.data),
    '',
    ...(facts.notes.length > 0 ? [...facts.notes.map((note) => paint.yellow(`  Note: ${note}`)), ''] : []),
    'Add an account:',
    `  ${command(`account add alice@${facts.domain}`)}`,
    'Point a phone at it:',
    `  user alice, domain ${facts.domain}, outbound proxy ${proxy ? formatAddress(proxy) : facts.domain}, and the password of the account`,
    ...(facts.invite && facts.inviteExpiresAt
      ? [
          `Join the next server (one node, until ${formatTime(facts.inviteExpiresAt)} UTC; more: ${command('invite')}):`,
          `  ${paint.cyan(`npx thor-node join ${facts.invite}`)}`,
        ]
      : ['Join the next server, with an invite, as soon as the ring answers:', `  ${command('invite')}`]),
    'Look at the ring:',
    `  ${command('status')}`,
  ]
  return lines.join('\n')
}
