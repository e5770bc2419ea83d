/** SIP-18: one account is traced at one node, sipp calls it by another, its phone is at a third: all messages come, in order. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { type Cluster, type ClusterNode, ports, startCluster } from '../support/cluster.ts'
import { available, run } from '../support/programs.ts'
import { sippCredentials, startSipp } from '../support/sipp.ts'
import { askZeep, zeepAvailable } from '../support/zeep.ts'

const net = '127.94.1'
const clients = '127.94.2'
const domain = 'thor.local'
const bin = resolve(import.meta.dirname, '../../bin/thor-node.js')
const has = { sipp: available('sipp', 'sip-tester'), zeep: zeepAvailable(), tshark: available('tshark', 'tshark') }

const test = suite('interop: trace')
const when = (...needs: (keyof typeof has)[]) => (needs.every((need) => has[need]) ? test : test.skip)

interface Line {
  node: string
  at: number
  seq: number
  direction: string
  local: string
  remote: string
  callId: string
  text: string
}

let cluster: Cluster
let folder = ''
const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode
const first = ({ text }: Line): string => text.split('\r\n', 1)[0] as string

/** `thor-node trace`, until it is interrupted. */
function trace(at: number, ...words: string[]) {
  const child = spawn(process.execPath, [bin, 'trace', ...words, '--data', node(at).data], { stdio: 'pipe' })
  const told = { out: '', err: '', delays: [] as number[] }
  child.stderr.on('data', (chunk) => {
    told.err += chunk
  })
  child.stdout.on('data', (chunk) => {
    told.out += chunk
    for (const [, time] of `${chunk}`.matchAll(/"at":([\d.]+)/g)) told.delays.push(Date.now() - Number(time))
  })
  const ended = new Promise<number | null>((done) => child.once('exit', done))
  const stop = async (): Promise<number | null> => {
    child.kill('SIGINT')
    return ended
  }
  return { told, stop, begun: () => eventually(() => told.err.includes('is traced'), 20_000, 'the trace to begin') }
}

/** sipp calls `to` as alice, by the second node. */
async function call(to: string): Promise<void> {
  const rows = [['alice', domain, sippCredentials('alice', 'secret'), to]]
  const at = { address: `${clients}.10`, port: 5060, proxy: node(2).address }
  const { code, output } = await startSipp({ scenario: 'uac', ...at, rows, calls: 1 }).done
  assert.equal(code, 0, output)
}

async function device(user: string, host: string): Promise<ReturnType<typeof startSipp>> {
  const here = { address: host, port: 5060 }
  const rows = [[user, domain, sippCredentials(user, 'secret'), `${host}:5060`]]
  const done = await startSipp({ scenario: 'register', ...here, proxy: node(3).address, rows, calls: 1 }).done
  assert.equal(done.code, 0, done.output)
  return startSipp({ scenario: 'uas', ...here, calls: 1 })
}

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'thor-trace-'))
  cluster = await startCluster({ net, nodes: 3 })
  await cluster.settled()
  for (const user of ['alice', 'bob', 'carol']) {
    await node(1).operations.accountAdd({ aor: `${user}@${domain}`, password: 'secret' })
  }
  const alias = { id: { username: '+31201234511', domain }, target: { username: 'bob', domain } }
  await node(1).operations.apiCall({ operation: 'Sip.addAlias', args: { alias } })
})
test.after(async () => {
  await cluster?.stop()
  if (folder) rmSync(folder, { recursive: true, force: true })
})

when('sipp', 'zeep')(
  'SIP-18: by its number, entering at another node than its phone is at, seen at a third; nobody else’s messages',
  deadline(120_000, async () => {
    const lines = trace(1, `bob@${domain}`, '--json')
    await lines.begun()
    const other = await device('carol', `${clients}.12`)
    await call('carol')
    await other.done
    const uas = await device('bob', `${clients}.11`)
    await call('0031201234511')
    assert.equal((await uas.done).code, 0)
    const read = (): Line[] =>
      lines.told.out.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
    const ended = (): boolean =>
      read().filter((line) => /^SIP\/2.0 200/.test(first(line)) && /CSeq: \d+ BYE/i.test(line.text)).length >= 2
    await eventually(ended, 20_000, 'the end of the call').catch((error) => {
      throw new Error(`${error.message}\n${lines.told.out.slice(-3_000)}${lines.told.err}`)
    })
    assert.equal(await lines.stop(), 0, lines.told.err)
    const all = read()
    assert.deepEqual([...new Set(all.map((line) => line.node))].sort(), ['n2', 'n3'])
    assert.ok(
      all.every(({ text }) => !text.includes('carol')),
      'nobody else’s',
    )
    assert.ok(
      all.every(({ text }) => !/response="[0-9a-f]/.test(text)),
      'what could be guessed at',
    )
    for (const [index, { at }] of all.entries()) assert.ok(at >= (all[index - 1]?.at ?? 0), 'in order')
    // Both ends of the call: in at the second node, out of the third, and the answer back.
    const { callId } = all.find(({ text }) => text.startsWith('INVITE')) as Line
    const seen = all
      .filter((line) => line.callId === callId)
      .map((line) => `${line.node} ${line.direction} ${first(line)}`)
    const at = (pattern: RegExp): number => seen.findIndex((line) => pattern.test(line))
    const [second, third] = ['n2', 'n3']
    const path = [
      new RegExp(`^${second} in INVITE sip:0031201234511`),
      new RegExp(`^${third} out INVITE sip:bob@${clients}\\.11`),
      new RegExp(`^${third} in SIP/2\\.0 200`),
      new RegExp(`^${second} out SIP/2\\.0 200`),
    ].map(at)
    assert.ok(
      path.every((index) => index >= 0),
      seen.join('\n'),
    )
    assert.deepEqual(
      path,
      [...path].sort((a, b) => a - b),
      seen.join('\n'),
    )
    console.log(`${all.length} messages, shown after ${Math.round(Math.max(...lines.told.delays))} ms at most`)

    const { answers } = await askZeep(
      (await node(1).operations.adminPassword({})).password,
      [`http://${node(1).address}:${ports.soap}/`],
      [{ node: 0, name: 'getSipTrace', arguments: { filter: { callId } } }],
    )
    assert.equal(answers[0]?.fault, undefined)
    assert.deepEqual(JSON.parse(`${answers[0]?.value}`), [], 'what was kept ended with the trace')
  }),
)

when('sipp', 'tshark')(
  'SIP-18: a picture and a capture file that tshark reads; a portal reads the messages of a call while it is traced',
  deadline(120_000, async () => {
    const pcap = join(folder, 'bob.pcap')
    const picture = trace(3, `bob@${domain}`, '--ladder', '--pcap', pcap)
    await picture.begun()
    const uas = await device('bob', `${clients}.11`)
    await call('bob')
    assert.equal((await uas.done).code, 0)
    await eventually(() => /200 OK \(BYE\)/.test(picture.told.out), 20_000, 'the end of the call')
    const kept = await node(2).operations.apiCall({
      operation: 'Platform.getSipTraceMessages',
      args: { sipId: { username: 'bob', domain }, after: '' },
    })
    const { callId } = (JSON.parse(`${kept.value}`) as { messages: Line[] }).messages.find(({ text }) =>
      text.startsWith('INVITE'),
    ) as Line
    const args = { filter: { callId, nodeIp: node(3).address } }
    const { value } = await node(1).operations.apiCall({ operation: 'Sip.getSipTrace', args })
    const rows = JSON.parse(`${value}`) as Record<string, string>[]
    assert.ok(rows.length >= 4)
    assert.ok(
      rows.some((row) => row.method === 'INVITE' && row.direction === 'out' && row.to_ip === `udp:${clients}.11:5060`),
    )
    assert.ok(rows.some(({ status }) => status === '200 OK'))
    assert.equal(await picture.stop(), 0, picture.told.err)
    assert.match(picture.told.out, /\|-+ INVITE -+>\|/)
    assert.match(picture.told.out, /\|<-+ 200 OK \(INVITE\) -+\|/)
    assert.ok(existsSync(pcap))
    assert.equal(readFileSync(pcap).readUInt32LE(0), 0xa1b2c3d4)
    const { stdout, stderr } = await run('tshark', [
      '-r',
      pcap,
      '-d',
      'udp.port==5060,sip',
      '-Y',
      'sip.Method == "INVITE"',
    ])
    assert.match(stdout, /INVITE sip:bob/, stderr)
  }),
)

test.run()
