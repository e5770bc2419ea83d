import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { count, formatBytes, formatSeconds } from '../../src/status/format.ts'
import { coloured, paintFor, plain, width } from '../../src/status/paint.ts'
import { renderStatus, ringSentence, showPorts } from '../../src/status/render.ts'
import { type RingNode, renderRing } from '../../src/status/ring.ts'
import { renderTable } from '../../src/status/table.ts'
import { fakeStatus } from '../control/fake.ts'

const render = suite('status/render')

const node = (name: string, change: Partial<RingNode> = {}): RingNode => ({
  name,
  state: 'alive',
  serving: true,
  rangesHeld: 4096,
  rangesHome: 1365,
  ...change,
})

render('three nodes stand on a circle around what the service does', () => {
  const nodes = [node('n1', { rangesHome: 2050 }), node('n2', { state: 'dead' }), node('n3', { state: 'suspect' })]
  const picture = renderRing(nodes, 4096, ['thor.local', '2 calls'], plain)
  assert.equal(picture.split('\n'), [
    '                              ● n1',
    '                          home of 2050',
    '',
    '                           thor.local',
    '                             2 calls',
    '',
    '         ◐ n3                                      ✕ n2',
    ' suspect, home of 1365                             dead',
  ])
})

render('one node stands alone, and none is only the middle', () => {
  assert.match(renderRing([node('n1')], 4096, ['d'], plain), /^ +● n1\n +home of 1365\n/)
  assert.is(renderRing([], 4096, ['d'], plain), 'd')
})

render('no picture is wider than 64 columns, and every node is in it', () => {
  for (let amount = 1; amount <= 12; amount++) {
    const nodes = Array.from({ length: amount }, (_, i) => node(`node-${i}`, { serving: i % 2 === 0 }))
    const picture = renderRing(nodes, 4096, ['a.domain.example', '2 calls, 4 phones'], coloured)
    for (const line of picture.split('\n')) assert.ok(width(line) <= 64 + 12, line)
    for (const { name } of nodes) assert.match(picture, name)
  }
})

render('many nodes are bars of held and home ranges', () => {
  const nodes = Array.from({ length: 9 }, (_, i) => node(`n${i}`, { rangesHeld: 2048, rangesHome: 1024 }))
  nodes[8] = node('n8', { state: 'dead' })
  const lines = renderRing(nodes, 4096, [], plain).split('\n')
  assert.is(lines[0], `● n0  ${'█'.repeat(6)}${'▒'.repeat(6)}${'·'.repeat(12)}  holds 2048, home of 1024`)
  assert.is(lines[8], `✕ n8  ${'·'.repeat(24)}  dead`)
})

render('a healthy ring is said to be so', () => {
  const status = { ...fakeStatus, ring: { ranges: 4096, underReplicated: 0, closed: 0, changing: 0 } }
  assert.is(ringSentence(status, plain), 'Ring: 2 live nodes, all 4096 ranges fully replicated.')
})

render('nodes are shown also when accounts cannot be counted', () => {
  const status = { ...fakeStatus, totals: { ...fakeStatus.totals, accounts: null } }
  assert.match(renderStatus(status, plain), /^thor.local: accounts out of reach, 1 registration, 0 calls\nRing: /)
})

render('ranges that refuse changes are not only short of a copy', () => {
  const status = { ...fakeStatus, ring: { ranges: 4096, underReplicated: 9, closed: 4, changing: 0 } }
  const sentence = 'Ring: 2 live nodes, 9 of 4096 ranges lack a replica, 4 have no live majority and refuse changes.'
  assert.is(ringSentence(status, plain), sentence)
})

render('colours change nothing but the colours', () => {
  const sequences = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g')
  const text = renderStatus(fakeStatus, coloured, { ring: true })
  assert.ok(sequences.test(text))
  assert.is(text.replace(sequences, ''), renderStatus(fakeStatus, plain, { ring: true }))
})

render('colours are for terminals, and not with NO_COLOR', () => {
  assert.is(paintFor({ isTTY: true }, {}), coloured)
  assert.is(paintFor({ isTTY: true }, { NO_COLOR: '' }), coloured)
  assert.is(paintFor({ isTTY: true }, { NO_COLOR: '1' }), plain)
  assert.is(paintFor({}, {}), plain)
})

render('ports of UDP and TCP are told apart when they differ', () => {
  assert.is(showPorts({ services: { host: 'x', cluster: 1 } }), '')
  assert.is(showPorts({ services: { host: 'x', cluster: 1, sipUdp: 5060 } }), 'sip 5060/udp')
  assert.is(
    showPorts({ services: { host: 'x', cluster: 1, sipUdp: 1, sipTcp: 2, dns: 3 } }),
    'sip 1/udp, sip 2/tcp, dns 3',
  )
})

render('tables fit their widest cell and end without blanks', () => {
  const text = renderTable(
    [{ title: 'A' }, { title: 'B', align: 'right' }],
    [
      ['x', '10'],
      ['long', ''],
    ],
    plain,
  )
  assert.is(text, 'A      B\nx     10\nlong')
})

const durations: [seconds: number, text: string][] = [
  [0, '0 s'],
  [59.9, '59 s'],
  [60, '1 min'],
  [61, '1 min 1 s'],
  [3_600, '1 h 0 min'],
  [86_399, '23 h 59 min'],
  [90_000, '1 d 1 h'],
]
for (const [seconds, text] of durations) {
  render(`${seconds} seconds are ${text}`, () => assert.is(formatSeconds(seconds), text))
}

const sizes: [bytes: number, text: string][] = [
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [123_456, '123 kB'],
  [5_500_000_000, '5.5 GB'],
]
for (const [bytes, text] of sizes) {
  render(`${bytes} octets are ${text}`, () => assert.is(formatBytes(bytes), text))
}

render('one is one and two are many', () => {
  assert.equal(
    [count(1, 'node'), count(2_000, 'node'), count(0, 'entry', 'entries')],
    ['1 node', '2,000 nodes', '0 entries'],
  )
})

render('what is wrong with a node is said right under the state of the ring', () => {
  const alarms = [{ kind: 'full-disk', text: 'the disk is full', since: 1 }]
  const nodes = fakeStatus.nodes.map((one, index) => (index === 1 ? { ...one, alarms } : one))
  const lines = renderStatus({ ...fakeStatus, nodes }, plain).split('\n')
  assert.is(lines[2], `! ${nodes[1]?.name}: the disk is full`)
  assert.is(lines[3], '')
  assert.not.match(renderStatus(fakeStatus, plain), '! ')
})

render.run()
