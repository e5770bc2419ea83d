/** baresip with a configuration of its own, that plays a tone and records what it hears. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '@thor-node/core/testing'
import { toneWav } from './wav.ts'

export interface BaresipInit {
  /** Its directory is made below. */
  work: string
  user: string
  /** Its own. */
  address: string
  /** Of the node that it registers with. */
  edge: string
  /** Of a second one: two flows of one device (RFC 5626). */
  edge2?: string
  hertz: number
  /** Over TLS baresip 1.0 takes any certificate. */
  transport?: 'udp' | 'tcp' | 'tls'
  commands?: string[]
  /** Modules besides those for a plain call, and lines of its configuration. */
  modules?: readonly string[]
  settings?: readonly string[]
  /** Whom it knows: lines of its contacts file. */
  contacts?: readonly string[]
  /** More of its command line: `-s` shows messages. */
  options?: readonly string[]
  /** Asked for its domain, instead of an edge that it is told. */
  dnsServer?: string
  /** @default 127.0.0.1 */
  interface?: string
  /** What stands before its command line: `nsenter …`. */
  prefix?: readonly string[]
}

export interface Baresip {
  process: ChildProcess
  output(): string
  /** What it heard, once the call is over. */
  heard(): Buffer
}

export function startBaresip(init: BaresipInit): Baresip {
  const { work, user, address, edge, hertz, transport = 'udp', commands = [] } = init
  const home = join(work, user)
  mkdirSync(home)
  const tone = join(home, 'tone.wav')
  writeFileSync(tone, toneWav(hertz, 20))
  const param = transport === 'udp' ? '' : `;transport=${transport}`
  const uri = (host: string): string => `"sip:${host}:${transport === 'tls' ? 5061 : 5060}${param}"`
  const flows = init.edge2 === undefined ? '' : `;outbound2=${uri(init.edge2)};sipnat=outbound`
  const outbound = init.dnsServer === undefined ? `;outbound=${uri(edge)}${flows}` : ''
  const account = `<sip:${user}@thor.local${param}>;auth_user=${user};auth_pass=secret${outbound};regint=120`
  writeFileSync(join(home, 'accounts'), `${account};answermode=auto;audio_source=aufile,${tone}\n`)
  writeFileSync(join(home, 'contacts'), (init.contacts ?? []).map((line) => `${line}\n`).join(''))
  // Flows belong to an instance, which has a UUID.
  const own = [...(flows === '' ? [] : ['uuid']), ...(init.modules ?? [])]
  const modules = [...own, 'account', 'g711', 'aufile', 'sndfile', 'stdio'].map((name) => `module ${name}.so`)
  const settings = [
    'module_path /usr/lib/baresip/modules',
    ...modules,
    'module_app menu.so',
    `sip_listen ${address}:5060`,
    `net_interface ${init.interface ?? '127.0.0.1'}`,
    `audio_source aufile,${tone}`,
    `audio_player aufile,${join(home, 'played.wav')}`,
    'audio_alert aufile,/dev/null',
    `snd_path ${home}`,
    'rtp_ports 20000-20100',
    ...(init.dnsServer === undefined ? [] : [`dns_server ${init.dnsServer}`]),
    ...(init.settings ?? []),
  ]
  writeFileSync(join(home, 'config'), `${settings.join('\n')}\n`)
  const given = commands.flatMap((command) => ['-e', command])
  const [program = '', ...args] = [...(init.prefix ?? []), 'baresip', '-f', home, ...(init.options ?? []), ...given]
  const child = spawn(program, args, { cwd: home })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-100_000)
    })
  }
  return {
    process: child,
    output: () => output,
    heard() {
      const file = readdirSync(home).find((name) => name.endsWith('-dec.wav'))
      return file === undefined ? Buffer.alloc(0) : readFileSync(join(home, file))
    },
  }
}

/** Waits for so many 200 OK to its REGISTERs: one of each flow. */
export const isRegistered = (phone: Baresip, times = 1): Promise<unknown> =>
  eventually(() => [...phone.output().matchAll(/200 OK/g)].length >= times, 20_000, 'baresip registered')
