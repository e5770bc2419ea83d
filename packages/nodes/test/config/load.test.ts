import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fields, loadConfig, type Surroundings, showSetting } from '../../src/config.ts'

const load = suite('loadConfig')

let home: string
load.before(() => {
  home = mkdtempSync(join(tmpdir(), 'thor-config-'))
})
load.after(() => rmSync(home, { recursive: true }))

const around = (env: Surroundings['env'] = {}): Surroundings => ({ env, isRoot: false, home, address: '192.0.2.9' })

function file(text: string, name = 'thor-test.yaml'): string {
  const path = join(home, name)
  writeFileSync(path, text)
  return path
}

function failure(run: () => unknown): { code: string; message: string } {
  try {
    run()
  } catch (error) {
    return error as { code: string; message: string }
  }
  return assert.unreachable('it was accepted') as never
}

load('a node runs without any setting', () => {
  const { config, sources, file: read } = loadConfig({}, around())
  assert.is(config.data, join(home, '.local/share/thor-node'))
  assert.is(config.domain, 'thor.local')
  assert.is(config.address, '192.0.2.9')
  assert.is(config.name, undefined)
  assert.equal(config.media, { ports: { from: 40000, to: 60000 }, silence: 60_000 })
  assert.equal(config.sip.algorithms, ['MD5', 'SHA-256'])
  assert.is(read, undefined)
  assert.ok(Object.values(sources).every((source) => source.kind === 'default'))
})

load('root keeps its things below /var/lib, and a machine without a network uses loopback', () => {
  const { config } = loadConfig({}, { env: {}, isRoot: true, home: '/root', address: undefined })
  assert.is(config.data, '/var/lib/thor-node')
  assert.is(config.address, '127.0.0.1')
})

load('a dial plan: prefixes are text, since YAML would drop their zeros', () => {
  const { config } = loadConfig(
    {},
    around({
      THOR_CONFIG: file('dial: { country: 31, area: "20", national: "0", nationalDigits: 9, keep: [112, "0800*"] }\n'),
    }),
  )
  const plan = { country: '31', area: '20', international: '00', national: '0', nationalDigits: 9 }
  assert.equal(config.dial, { ...plan, keep: ['112', '0800*'] })
  for (const wrong of ['international: 00', 'country: nl', 'national: "0x"', 'keep: ["*"]']) {
    const { message } = failure(() => loadConfig({}, around({ THOR_CONFIG: file(`dial: { ${wrong} }\n`) })))
    assert.match(message, new RegExp(wrong.split(':')[0] as string), wrong)
  }
})

load('options win over the environment, that over the file, that over the default', () => {
  const config = file('sip: { udp: 5001, tcp: 5001 }\nzone: east\ndns:\n  port: 5001\nsoap:\n  port: 5001\n')
  const env = { THOR_SIP_UDP: '5002', THOR_DNS_PORT: '5002', THOR_CONFIG: config, PATH: '/bin' }
  const loaded = loadConfig({ 'sip.udp': '5003', name: undefined }, around(env))
  const seen = ['sip.udp', 'dns.port', 'soap.port', 'cluster.port', 'zone'].map((name) => {
    const field = fields.find((candidate) => candidate.name === name)!
    return [name, showSetting(loaded.config, field), loaded.sources[name]?.text]
  })
  assert.equal(seen, [
    ['sip.udp', '5003', '--sip-udp'],
    ['dns.port', '5002', 'THOR_DNS_PORT'],
    ['soap.port', '5001', `${config} line 6`],
    ['cluster.port', '7400', 'default'],
    ['zone', 'east', `${config} line 2`],
  ])
})

load('thor.yaml in the data directory is read when it is there, and a named file instead of it', () => {
  const data = join(home, 'data')
  mkdirSync(data)
  file('domain: implied.example', 'data/thor.yaml')
  assert.is(loadConfig({ data }, around()).config.domain, 'implied.example')
  assert.is(loadConfig({ data: '~/data' }, around()).config.domain, 'implied.example')
  const named = file('domain: named.example')
  assert.is(loadConfig({ data, config: named }, around()).config.domain, 'named.example')
})

load('a file found in the data directory cannot say that the data is elsewhere', () => {
  mkdirSync(join(home, '.local/share/thor-node'), { recursive: true })
  const path = file('data: /elsewhere', '.local/share/thor-node/thor.yaml')
  const { code, message } = failure(() => loadConfig({}, around()))
  rmSync(path)
  assert.is(code, 'CONFIG_INVALID')
  assert.match(message, /name the file with --config/)
})

load('an empty file and empty values are no settings', () => {
  assert.is(loadConfig({ config: file('# nothing yet\n') }, around()).config.domain, 'thor.local')
  assert.is(loadConfig({ config: file('domain:\nsip:\n  udp:\n') }, around()).config.sip.udp, 5060)
})

const accepted: [name: string, text: unknown, value: unknown][] = [
  ['media.silence', '2m', 120_000],
  ['media.silence', 90, 90_000],
  ['media.silence', '1.5s', 1_500],
  ['sip.t1', '250ms', 250],
  ['sip.algorithms', 'md5', ['MD5']],
  ['sip.algorithms', ['MD5', 'SHA-256'], ['MD5', 'SHA-256']],
  ['sip.udp', 0, 0],
  ['address', '2001:db8::1', '2001:db8::1'],
  ['address6', '::1', '::1'],
  ['sip.tls', 'off', 'off'],
  ['sip.wss', '5443', 5443],
  ['sip.wsOrigins', 'https://a.example, https://b.example', ['https://a.example', 'https://b.example']],
  ['sip.dnsServers', '192.0.2.53, [2001:db8::53]:5353', ['192.0.2.53', '[2001:db8::53]:5353']],
  ['domain', 'Example.COM.', 'example.com'],
  ['weight', '0.5', 0.5],
  ['media.ports', '1000 - 1010', { from: 1000, to: 1010 }],
]
for (const [name, text, value] of accepted) {
  load(`${name} takes ${JSON.stringify(text)}`, () => {
    const { config } = loadConfig({ [name]: text }, around())
    const got = name.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], config)
    assert.equal(got, value)
  })
}

const refused: [name: string, text: unknown, expected: RegExp][] = [
  ['sip.udp', '70000', /^sip\.udp is "70000" \(--sip-udp\), but must be a port number from 0 to 65535/],
  ['sip.udp', '5060.5', /must be a port number/],
  ['media.silence', 'soon', /^media\.silence is "soon" \(--media-silence\), but must be a duration like 500ms/],
  ['media.silence', '10ms', /from 1s to 1d/],
  ['media.ports', '5000-4000', /two port numbers like 40000-60000/],
  ['sip.algorithms', 'MD5, MD5', /one or more of SHA-512-256, SHA-256, MD5/],
  ['sip.algorithms', 'SHA-1', /one or more of SHA-512-256, SHA-256, MD5/],
  ['sip.recordRoute', 'both', /one of address, domain/],
  ['address', '0.0.0.0', /one literal IPv4 or IPv6 address/],
  ['address6', '192.0.2.1', /one literal IPv6 address/],
  ['sip.tls', '70000', /or off/],
  ['sip.wsOrigins', 'phone.example', /origins like/],
  ['sip.dnsServers', 'dns.example', /addresses like/],
  ['address', 'localhost', /one literal IPv4 or IPv6 address/],
  ['domain', 'under_score.example', /a domain name/],
  ['name', '-n1', /a host label/],
  ['data', '', /the path of a directory/],
  ['weight', '0', /a number from 0\.1 to 100/],
  ['log.level', 'loud', /one of debug, info, warn, error/],
]
for (const [name, text, expected] of refused) {
  load(`${name} refuses ${JSON.stringify(text)}`, () => {
    const { code, message } = failure(() => loadConfig({ [name]: text }, around()))
    assert.is(code, 'CONFIG_INVALID')
    assert.match(message, expected)
  })
}

load('every wrong setting is named, with the line of the file', () => {
  const config = file('sip:\n  udp: many\n  tcp: -1\n')
  const { message } = failure(() => loadConfig({ config }, around({ THOR_SOAP_PORT: 'x' })))
  const lines = message.split('\n')
  assert.is(lines.length, 3)
  assert.match(message, `sip.udp is "many" (${config} line 2)`)
  assert.match(message, `sip.tcp is -1 (${config} line 3)`)
  assert.match(message, 'soap.port is "x" (THOR_SOAP_PORT)')
})

const unknown: [what: string, run: () => unknown, expected: RegExp][] = [
  [
    'a key of the file',
    () => loadConfig({ config: file('domian: example.com') }, around()),
    /^domian \(.* line 1\).*Did you mean domain\?/,
  ],
  [
    'a key of a group',
    () => loadConfig({ config: file('sip:\n  upd: 1') }, around()),
    /^sip\.upd \(.* line 2\).*Did you mean sip\.udp\?/,
  ],
  ['a group', () => loadConfig({ config: file('medai:\n  silence: 1') }, around()), /^medai \(.*is not a setting/],
  [
    'a variable',
    () => loadConfig({}, around({ THOR_SIP_UPD: '1' })),
    /^THOR_SIP_UPD \(environment\).*Did you mean THOR_SIP_UDP\?/,
  ],
]
for (const [what, run, expected] of unknown) {
  load(`${what} that is not known is refused, with the nearest name`, () => {
    const { code, message } = failure(run)
    assert.is(code, 'CONFIG_UNKNOWN_KEY')
    assert.match(message, expected)
  })
}

load('variables of test harnesses are left alone', () => {
  loadConfig({}, around({ THOR_TEST_KEEP: '1' }))
})

const files: [what: string, text: string | undefined, expected: RegExp][] = [
  ['is missing', undefined, /there is no such file/],
  ['is not YAML', 'a: [', /is not YAML: .* at line \d+, column \d+\.$/],
  ['is a list', '- domain', /must be a YAML map/],
  ['gives a group one value', 'sip: 5060', /sip \(.* line 1\) is a group of settings\. Write sip\.udp/],
]
for (const [what, text, expected] of files) {
  load(`a file that ${what} is refused`, () => {
    const config = text === undefined ? join(home, 'none.yaml') : file(text)
    assert.match(failure(() => loadConfig({ config }, around())).message, expected)
  })
}

load('settings that contradict each other are refused', () => {
  const { message } = failure(() => loadConfig({ 'sip.expiresMin': '1h', 'sip.expiresMax': '60s' }, around()))
  assert.match(message, /sip\.expiresMin is longer/)
})

load.run()
