/** linphonec (linphone-cli 5.1) with a configuration of its own, told what to do by its console; plays a tone and records what it hears. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '@thor-node/core/testing'
import { toneWav } from './wav.ts'

export interface LinphoneInit {
  /** Its directory is made below. */
  work: string
  user: string
  /** Its own. */
  address: string
  /** Of the node that it registers with. */
  edge: string
  hertz: number
  transport?: 'udp' | 'tcp' | 'tls'
  /** File with the certificate over TLS that it believes. @default any is believed */
  authority?: string
}

export interface Linphone {
  process: ChildProcess
  /** A line to its console. */
  say(line: string): void
  /** What the console showed. */
  output(): string
  /** Every message that it sent and received, with its head. */
  log(): string
  /** What it recorded into this file of its directory; the head is written when the call is over. */
  heard(name: string): Buffer
}

function configuration({ user, address, edge, transport = 'udp', authority }: LinphoneInit): string {
  const where = `<sip:${edge}:${transport === 'tls' ? 5061 : 5060};transport=${transport}>`
  const believes =
    authority === undefined ? ['verify_server_certs=0'] : ['verify_server_certs=1', `root_ca=${authority}`]
  return [
    '[sip]',
    'sip_port=5060',
    'sip_tcp_port=5060',
    'sip_tls_port=-1',
    `bind_address=${address}`,
    'use_ipv6=0',
    'default_proxy=0',
    'register_only_when_network_is_up=0',
    ...believes,
    // Its TLS library looks for names alone, and nodes are called by address here.
    'verify_server_cn=0',
    '[rtp]',
    'audio_rtp_port=7078',
    `bind_address=${address}`,
    '[auth_info_0]',
    `username=${user}`,
    'passwd=secret',
    'realm=thor.local',
    'domain=thor.local',
    '[proxy_0]',
    `reg_proxy=${where}`,
    `reg_route=${where.replace('>', ';lr>')}`,
    `reg_identity=sip:${user}@thor.local`,
    'reg_expires=120',
    'reg_sendregister=1',
    'publish=0',
    '[video]',
    'enabled=0',
    '',
  ].join('\n')
}

/** Answers whoever calls. */
export function startLinphone(init: LinphoneInit): Linphone {
  const home = join(init.work, init.user)
  mkdirSync(join(home, '.local/share/linphone'), { recursive: true })
  const [rc, log, tone] = ['rc', 'log', 'tone.wav'].map((name) => join(home, name)) as [string, string, string]
  writeFileSync(rc, configuration(init))
  writeFileSync(tone, toneWav(init.hertz, 30))
  const args = ['-a', '-d', '6', '-l', log, '-c', rc]
  const child = spawn('linphonec', args, { cwd: home, env: { ...process.env, HOME: home } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-100_000)
    })
  }
  const say = (line: string): void => void child.stdin.write(`${line}\n`)
  const read = (): string => (existsSync(log) ? readFileSync(log, 'latin1') : '')
  return {
    process: child,
    say,
    output: () => output,
    log: read,
    heard: (name) => (existsSync(join(home, name)) ? readFileSync(join(home, name)) : Buffer.alloc(0)),
  }
}

/** Waits until it is registered, and makes its sound files ready. */
export async function readyLinphone(
  phone: Linphone,
  { work, user }: Pick<LinphoneInit, 'work' | 'user'>,
): Promise<void> {
  const isRegistered = (): boolean => phone.log().includes('to [LinphoneRegistrationOk]')
  await eventually(isRegistered, 20_000, `linphone of ${user} registered`).catch((error) => {
    throw new Error(`${error.message}\n${phone.output()}\n${phone.log().slice(-3_000)}`)
  })
  for (const line of ['soundcard use files', `play ${join(work, user)}/tone.wav`]) phone.say(line)
}
