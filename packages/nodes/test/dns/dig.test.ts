/** What a real resolver's tool makes of our answers (DN-06). */
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { deadline } from '@thor-node/core/testing'
import type { DnsServer } from '@thor-node/dns'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { dnsServer, threeNodes, zoneOf } from './fixtures.ts'

const dig = suite('dig')
const present = spawnSync('dig', ['-v']).error === undefined
if (!present) console.log('SKIP dig is not installed (Debian package dnsutils)')
const it = present ? dig : dig.skip

const HOST = '127.7.1.1'
let server: DnsServer
dig.before(async () => {
  server = dnsServer(zoneOf(threeNodes, ['thor.local', 'example.com']), HOST)
  await server.start()
})
dig.after(() => server.stop())

async function ask(...words: string[]): Promise<string> {
  const fixed = [`@${HOST}`, '-p', String(server.address?.port), '+tries=1', '+time=5', '+norec', '+nocookie']
  const { stdout } = await promisify(execFile)('dig', [...fixed, ...words])
  const checked = stdout.replace(/^.*reserved for Multicast DNS.*$/m, '')
  assert.not.match(checked, /Warning|malformed|bad packet|extra bytes/i)
  return stdout
}

const short = async (...words: string[]): Promise<string[]> => {
  return (await ask('+short', ...words)).trimEnd().split('\n').sort()
}

const transports: [string, string[]][] = [
  ['UDP', []],
  ['TCP', ['+tcp']],
]
for (const [transport, option] of transports) {
  const lookups: [name: string, type: string, expected: string[]][] = [
    ['thor.local', 'SOA', ['n1.thor.local. hostmaster.thor.local. 7 60 10 3600 5']],
    ['thor.local', 'NS', ['n1.thor.local.', 'n2.thor.local.']],
    ['thor.local', 'A', ['192.0.2.1', '192.0.2.2']],
    ['THOR.local', 'AAAA', ['2001:db8::3']],
    ['n2.thor.local', 'A', ['192.0.2.2']],
    ['n3.example.com', 'AAAA', ['2001:db8::3']],
    [
      '_sip._udp.thor.local',
      'SRV',
      ['10 100 5060 n1.thor.local.', '10 100 5060 n3.thor.local.', '10 200 5060 n2.thor.local.'],
    ],
    ['_sip._tcp.thor.local', 'SRV', ['10 100 5060 n1.thor.local.', '10 200 5062 n2.thor.local.']],
    ['_ngnpro._tcp.thor.local', 'SRV', ['10 100 9200 n1.thor.local.', '10 200 9200 n2.thor.local.']],
    [
      'thor.local',
      'NAPTR',
      ['10 10 "s" "SIP+D2U" "" _sip._udp.thor.local.', '10 20 "s" "SIP+D2T" "" _sip._tcp.thor.local.'],
    ],
    ['thor.local', 'ANY', ['"RFC8482" ""']],
  ]
  for (const [name, type, expected] of lookups) {
    it(
      `${type} of ${name} over ${transport}`,
      deadline(10_000, async () => {
        assert.equal(await short(...option, name, type), expected)
      }),
    )
  }

  const statuses: [what: string, words: string[], status: string, rest: RegExp][] = [
    ['an unknown type', ['thor.local', 'TYPE65280'], 'NOERROR', /ANSWER: 0, AUTHORITY: 1/],
    ['an unknown type of a node', ['n1.thor.local', 'TXT'], 'NOERROR', /flags: qr aa;.*AUTHORITY: 1/],
    ['an empty non-terminal', ['_udp.thor.local', 'SRV'], 'NOERROR', /AUTHORITY: 1/],
    ['an unknown name', ['nobody.thor.local', 'A'], 'NXDOMAIN', /thor\.local\.\s+5\s+IN\s+SOA/],
    ['a dot inside a label', ['a\\.b.thor.local', 'A'], 'NXDOMAIN', /a\\\.b\.thor\.local/],
    ['a foreign name', ['example.org', 'A'], 'REFUSED', /flags: qr;/],
    ['the root', ['.', 'NS'], 'REFUSED', /flags: qr;/],
    ['class CH', ['CH', 'version.bind', 'TXT'], 'REFUSED', /ANSWER: 0/],
    ['a zone transfer', ['+noall', '+comments', '+answer', 'thor.local', 'IXFR=1'], 'REFUSED', /ANSWER: 0/],
    ['an EDNS version of the future', ['+edns=1', '+noednsneg', 'thor.local', 'A'], 'BADVERS', /EDNS: version: 0/],
    ['an opcode of no use', ['+noedns', '+opcode=notify', 'thor.local', 'SOA'], 'NOTIMP', /opcode: NOTIFY/],
    ['DNSSEC asked for', ['+dnssec', 'thor.local', 'A'], 'NOERROR', /flags: do; udp: 1232/],
    [
      'no EDNS',
      ['+noedns', 'thor.local', 'A'],
      'NOERROR',
      /flags: qr aa; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 0/,
    ],
    ['a cookie', ['+cookie', 'thor.local', 'A'], 'NOERROR', /ANSWER: 2/],
    [
      'addresses with the services',
      ['_sip._tcp.thor.local', 'SRV'],
      'NOERROR',
      /n2\.thor\.local\.\s+5\s+IN\s+A\s+192\.0\.2\.2/,
    ],
  ]
  for (const [what, words, status, rest] of statuses) {
    it(
      `${what} is ${status} over ${transport}`,
      deadline(10_000, async () => {
        const output = await ask(...option, ...words)
        assert.match(output, `status: ${status},`)
        assert.match(output, rest)
      }),
    )
  }
}

it(
  'a long answer is truncated over UDP and complete over TCP',
  deadline(10_000, async () => {
    const nodes = Array.from({ length: 20 }, (_, i) => ({
      name: `node-with-a-long-name-${i}`,
      host: `192.0.2.${i}`,
      sipUdp: 5060,
    }))
    const big = dnsServer(zoneOf(nodes), '127.7.1.2')
    await big.start()
    try {
      const at = ['@127.7.1.2', '-p', String(big.address?.port)]
      const cut = await ask(...at, '+ignore', '+bufsize=600', '_sip._udp.thor.local', 'SRV')
      assert.match(cut, /flags: qr aa tc;/)
      assert.match(cut, /ANSWER: 0/)
      // dig asks again over TCP of its own accord.
      const whole = await ask(...at, '+bufsize=600', '_sip._udp.thor.local', 'SRV')
      assert.match(whole, /ANSWER: 20, AUTHORITY: 0, ADDITIONAL: 21/)
    } finally {
      await big.stop()
    }
  }),
)

dig.run()
