import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { coloured, plain } from '../../src/status/paint.ts'
import { renderMap } from '../../src/status/ring-map.ts'
import { moveLine, renderRange, renderRingShow } from '../../src/status/ring-show.ts'
import { renderRingSvg } from '../../src/status/ring-svg.ts'
import { fakeRange, fakeRing } from '../control/fake.ts'

const test = suite('status: the ring as a picture')

test('the map has a letter for each range: home, capital while it moves, ! without a majority', () => {
  const rows = renderMap(fakeRing, false).split('\n')
  assert.is(rows.length, 32)
  assert.ok(rows.every((row) => row.length === 128))
  assert.is(rows[0]?.slice(0, 6), 'aBA!ab')
  const many = renderMap({ homes: [0, 25, 26, 35, 36, 99, -1], moving: [1], closed: [] }, false)
  assert.is(many, 'aZ09**!')
})

test('on a terminal every cell is two ranges, in the colours of their homes', () => {
  const rows = renderMap(fakeRing, true).split('\n')
  assert.is(rows.length, 32)
  const cells = (rows[0] ?? '').split('\u001b[').filter((cell) => /^38;5;\d+;48;5;\d+m[▀▚]$/.test(cell))
  assert.is(cells.length, 64)
  assert.match(cells[0] ?? '', '38;5;39;48;5;39m▀')
  assert.match(cells[1] ?? '', '▚')
  assert.match(cells[3] ?? '', '38;5;196;')
})

test('bars mark the fair share, moves tell how far they are, and what is wrong is said', () => {
  const lines = renderRingShow(fakeRing, plain, { colours: false, map: false }).split('\n')
  assert.equal(lines.slice(0, 6), [
    'a n1  home   █████████████████████████████┃ 2048  even',
    '      copies █████████████████████████████┃ 4096  even',
    '      zone east, asked',
    'b n2  home   ███████████████████████······│ 1536  −25 %',
    '      copies █████████████████████████████┃ 4096  even',
    '      zone west, 7 copies being filled',
  ])
  const text = lines.join('\n')
  for (const part of [
    'n1,n2,n3 → n1,n2,n4 at 45 % (55 ranges left, 32 under way, about 1 min 15 s)',
    'and 9 ranges in 2 other groups',
    '2.5 MB copied since the nodes started',
    '1 range without a live majority: changes are refused there (! in the map).',
    '2 ranges lack a copy.',
    '4 ranges with all copies in one zone, though there are others.',
    'ZONE  NODES  HOMES  COPIES',
    'zone east, dead',
  ]) {
    assert.ok(text.includes(part), part)
  }
  const calm = { ...fakeRing, moves: [], more: { groups: 0, ranges: 0 }, thin: [], closed: [], oneZone: 0 }
  assert.match(renderRingShow(calm, plain, { colours: false, map: true }), /Every range is where it should be\.$/)
  assert.ok(renderRingShow(fakeRing, coloured, { colours: true, map: true }).includes('■'))
})

test('while it is waited for a new node or a dead one, nobody says that all is well', () => {
  const still = { ...fakeRing, moves: [], more: { groups: 0, ranges: 0 }, closed: [], oneZone: 0 }
  const show = (ring: typeof fakeRing): string => renderRingShow(ring, plain, { colours: false, map: false })
  const dead = show({ ...still, thin: [1, 2] })
  assert.match(dead, /2 ranges lack a copy\.\nCopies of n3 are replaced a minute after the death/)
  assert.not.match(dead, 'should be')
  const closed = show({ ...still, thin: [1, 2], closed: [1, 2] })
  assert.match(closed, 'opens when dead nodes come back')
  assert.not.match(closed, 'are replaced')
  const [first, ...others] = still.nodes
  const came = show({
    ...still,
    thin: [],
    nodes: [{ ...first, held: 0, homes: 0 } as (typeof fakeRing.nodes)[0], ...others],
  })
  assert.match(came, 'n1 holds nothing yet')
  assert.not.match(came, 'should be')
})

test('a move without a pace has no time', () => {
  const line = moveLine({ from: ['a'], to: ['a', 'b'], left: 1, open: 0, total: 1, etaSeconds: null })
  assert.is(line, 'a → a,b at 0 % (1 range left)')
})

test('one range: members with since, what they know, and that it was recovered', () => {
  const lines = renderRange({ ...fakeRange, name: 'alice@thor.local' }, plain).split('\n')
  assert.equal(lines, [
    'alice@thor.local is in range 175: epoch 7, being moved, home n1.',
    '',
    'MEMBER     STATE  SINCE  COPY       KNOWS EPOCH',
    'n1 (home)  alive      3  whole                7',
    'n2         dead       3  no answer            -  goes',
    'n4         alive      7  filling              6  joins',
    '',
    'Started anew without its majority by ada at 2026-11-23 12:00:00 UTC (epoch 5 → 1048600).',
  ])
})

test('the picture is whole, small, and harmless whatever a node is called', () => {
  const nasty = { ...fakeRing, nodes: fakeRing.nodes.map((node) => ({ ...node, name: '<script>"&' })) }
  const svg = renderRingSvg(nasty, 'r & d')
  assert.ok(svg.startsWith('<svg ') && svg.endsWith('</svg>\n'))
  assert.ok(svg.length < 160_000, `${svg.length} characters`)
  assert.not.match(svg, '<script>')
  assert.match(svg, '&lt;script&gt;&quot;&amp;')
  assert.is((svg.match(/M\d/g) ?? []).length, 4_096 + fakeRing.moving.length + fakeRing.closed.length)
  assert.match(svg, '4,096 ranges: 2 moving, 3 lack a copy, 1 closed')
})

test.run()
