/** dig against every node (SIP-12). */
import assert from 'node:assert/strict'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { type Cluster, ports, startCluster } from '../support/cluster.ts'
import { available, run } from '../support/programs.ts'

const net = '127.23.1'
const test = suite('interop: dns')
const onlyWithDig = available('dig', 'bind9-dnsutils') ? test : test.skip
let cluster: Cluster

interface Answer {
  status: string
  flags: string[]
  /** The answer section, one line each with single spaces; TTL left out. */
  answers: string[]
  authority: string[]
  text: string
}

async function dig(number: number, ...question: string[]): Promise<Answer> {
  const server = [`@${net}.${number}`, '-p', String(ports.dns), '+tries=1', '+time=3', '+norecurse']
  const { code, stdout } = await run('dig', [...server, ...question])
  assert.equal(code, 0, stdout)
  assert.doesNotMatch(stdout, /;; (WARNING|Warning|Got bad packet)/, stdout)
  const section = (name: string): string[] =>
    (new RegExp(`;; ${name} SECTION:\\n((?:[^;\\n].*\\n)*)`).exec(stdout)?.[1] ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [owner, , kind, ...rest] = line.split(/\s+/)
        return [owner, kind, ...rest].join(' ')
      })
      .sort()
  return {
    status: /status: (\w+)/.exec(stdout)?.[1] ?? '',
    flags: (/flags: ([^;]*)/.exec(stdout)?.[1] ?? '').trim().split(' '),
    answers: section('ANSWER'),
    authority: section('AUTHORITY'),
    text: stdout,
  }
}

test.before(async () => {
  cluster = await startCluster({ net, nodes: 3, options: ['--domain', 'voice.example'] })
  await cluster.settled()
})
test.after(() => cluster?.stop())

onlyWithDig(
  'DN-01: every node answers SOA, NS, A, SRV and NAPTR with all nodes, with authority, over UDP and TCP',
  deadline(60_000, async () => {
    for (const number of [1, 2, 3]) {
      for (const way of ['+notcp', '+tcp']) {
        const ask = async (...question: string[]): Promise<string[]> => {
          const answer = await dig(number, way, ...question)
          assert.equal(answer.status, 'NOERROR', answer.text)
          assert.ok(answer.flags.includes('aa') && answer.flags.includes('qr'), answer.text)
          return answer.answers
        }
        const [soa, ...more] = await ask('voice.example', 'SOA')
        assert.match(
          soa ?? '',
          /^voice\.example\. IN SOA n1\.voice\.example\. hostmaster\.voice\.example\. \d+ 60 10 3600 5$/,
        )
        assert.deepEqual(more, [])
        assert.deepEqual(
          await ask('voice.example', 'NS'),
          [1, 2, 3].map((n) => `voice.example. IN NS n${n}.voice.example.`),
        )
        assert.deepEqual(
          await ask('voice.example', 'A'),
          [1, 2, 3].map((n) => `voice.example. IN A ${net}.${n}`),
        )
        assert.deepEqual(await ask('n2.voice.example', 'A'), [`n2.voice.example. IN A ${net}.2`])
        for (const kind of ['udp', 'tcp']) {
          const owner = `_sip._${kind}.voice.example`
          const srv = await ask(owner, 'SRV')
          assert.deepEqual(
            srv.map((line) => line.replace(/SRV (\d+) \d+ /, 'SRV $1 w ')).sort(),
            [1, 2, 3].map((n) => `${owner}. IN SRV ${srv[0]?.split(' ')[3]} w ${5060} n${n}.voice.example.`),
          )
        }
        assert.deepEqual(await ask('voice.example', 'NAPTR'), [
          'voice.example. IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.voice.example.',
          'voice.example. IN NAPTR 10 20 "s" "SIP+D2T" "" _sip._tcp.voice.example.',
          'voice.example. IN NAPTR 10 30 "s" "SIPS+D2T" "" _sips._tcp.voice.example.',
        ])
        assert.deepEqual(
          await ask('Voice.EXAMPLE', 'A'),
          [1, 2, 3].map((n) => `Voice.EXAMPLE. IN A ${net}.${n}`),
        )
      }
    }
  }),
)

onlyWithDig(
  'unknown names, types and foreign domains have their own answers',
  deadline(30_000, async () => {
    for (const number of [1, 2, 3]) {
      const name = await dig(number, 'nothing.voice.example', 'A')
      assert.equal(name.status, 'NXDOMAIN')
      assert.match(name.authority[0] ?? '', /SOA/)
      const type = await dig(number, 'voice.example', 'MX')
      assert.deepEqual([type.status, type.answers], ['NOERROR', []])
      assert.match(type.authority[0] ?? '', /SOA/)
      assert.equal((await dig(number, 'voice.example', 'TYPE65280')).status, 'NOERROR')
      const between = await dig(number, '_udp.voice.example', 'SRV')
      assert.deepEqual([between.status, between.answers], ['NOERROR', []], 'an empty name between is not NXDOMAIN')
      const foreign = await dig(number, 'example.org', 'A')
      assert.equal(foreign.status, 'REFUSED')
      assert.equal((await dig(number, '+noedns', 'voice.example', 'A')).answers.length, 3)
      assert.equal((await dig(number, '+bufsize=512', '+ignore', 'voice.example', 'ANY')).status, 'NOERROR')
    }
  }),
)

onlyWithDig(
  'a domain that is added at one node is served by all',
  deadline(30_000, async () => {
    const { password } = (await cluster.nodes[0]?.operations.adminPassword({})) ?? { password: '' }
    const envelope = `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Header><auth xmlns=""><username>admin</username>
<password>${password}</password><admin>true</admin></auth></Header><Body><op:addDomain xmlns:op="urn:AGProjects:NGNPro:Sip">
<domain xmlns=""><domain>second.example</domain></domain></op:addDomain></Body></Envelope>`
    const headers = { 'Content-Type': 'text/xml', SOAPAction: '""' }
    const response = await fetch(`http://${net}.1:${ports.soap}/`, { method: 'POST', body: envelope, headers })
    assert.equal(response.status, 200, await response.text())
    for (const number of [1, 2, 3]) {
      const served = async (): Promise<boolean> => (await dig(number, 'second.example', 'A')).answers.length === 3
      await eventually(served, 10_000, `node ${number} to serve the new domain`)
    }
  }),
)

onlyWithDig(
  'a node that is killed disappears from every survivor, and is back when it is back',
  deadline(60_000, async () => {
    const dead = cluster.nodes[1]
    assert.ok(dead)
    await cluster.kill(dead)
    for (const number of [1, 3]) {
      const gone = async (): Promise<boolean> => (await dig(number, 'voice.example', 'A')).answers.length === 2
      await eventually(gone, 15_000, `node ${number} to leave node 2 out`)
      const texts = [
        await dig(number, 'voice.example', 'NS'),
        await dig(number, '_sip._udp.voice.example', 'SRV'),
        await dig(number, '_sip._tcp.voice.example', 'SRV'),
      ]
      for (const { answers, text } of texts) {
        assert.equal(answers.length, 2, text)
        assert.doesNotMatch(text, /n2\.voice\.example/)
      }
      assert.equal((await dig(number, 'n2.voice.example', 'A')).status, 'NXDOMAIN')
    }
    await cluster.restart(dead)
    for (const number of [1, 2, 3]) {
      const back = async (): Promise<boolean> => (await dig(number, 'voice.example', 'A')).answers.length === 3
      await eventually(back, 20_000, `node ${number} to name node 2 again`)
    }
  }),
)

test.run()
