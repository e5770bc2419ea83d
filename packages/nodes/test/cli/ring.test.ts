import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ThorError } from '@thor-node/core'
import { deadline, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LeaveProgress } from '../../src/leave-progress.ts'
import { FakeOperations } from '../control/fake.ts'
import { run, type TestConsole, testConsole } from './fixtures.ts'

const test = suite('verbs of the ring')

let operations: FakeOperations
let console: TestConsole
test.before.each(() => {
  operations = new FakeOperations()
  console = testConsole(operations)
})

test('ring show draws a map, or not, or a picture, or JSON', async () => {
  const whole = await run(console, 'ring', 'show')
  assert.is(whole.code, 0)
  assert.match(whole.out.split('\n')[0] ?? '', /^[abAB!]{128}$/)
  const bare = await run(console, 'ring', 'show', '--no-map')
  assert.match(bare.out, /^a n1 {2}home/)
  const json = JSON.parse((await run(console, 'ring', 'show', '--json')).out)
  assert.is(json.homes.length, 4_096)
  const folder = mkdtempSync(join(tmpdir(), 'thor-ring-'))
  try {
    const file = join(folder, 'ring.svg')
    assert.is((await run(console, 'ring', 'show', '--svg', file)).out, `Drawn into ${file}.`)
    assert.match(readFileSync(file, 'utf8'), '<svg')
    const { code, errors } = await run(console, 'ring', 'show', '--svg', join(folder, 'no', 'x.svg'))
    assert.is(code, 1)
    assert.match(errors, 'cannot write')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('ring show takes a range or whatever is placed in one', async () => {
  await run(console, 'ring', 'show', '175')
  const { out } = await run(console, 'ring', 'show', 'alice@thor.local')
  await run(console, 'ring', 'show', '4999999')
  assert.equal(
    operations.asked.map(([, query]) => query),
    [{ range: 175 }, { name: 'alice@thor.local' }, { name: '4999999' }],
  )
  assert.match(out, 'alice@thor.local is in range 175: epoch 7')
})

test('ring verify adds its parts up; 0 when all are equal', async () => {
  const { code, out } = await run(console, 'ring', 'verify')
  assert.is(code, 0)
  assert.is(operations.asked.length, 32)
  assert.equal(out.split('\n'), [
    '4,096 ranges compared, at every member, records of all three kinds.',
    '  equal          4096',
    '  differing      0',
    '  not reachable  0',
  ])
})

test('ring verify names what differs and ends with 1; with --repair it says so', async () => {
  const digests = (reg: string) => ({ reg, set: 's', soft: 't' })
  const members = [
    { name: 'n1', digests: digests('aaaabbbbcccc') },
    { name: 'n2', digests: digests('ddddeeeeffff') },
    { name: 'n3', digests: null },
  ]
  operations.verified.set(256, { equal: 127, differing: [{ range: 300, kinds: ['reg'], members }], repaired: [301] })
  operations.verified.set(128, { equal: 127, unreachable: [{ range: 130, members: ['n3'] }] })
  const { code, out } = await run(console, 'ring', 'verify', '--repair')
  assert.is(code, 1)
  assert.ok(operations.asked.every(([, query]) => (query as { repair?: boolean }).repair))
  for (const part of [
    '  equal          4094',
    '    of them repaired now: 301',
    '  differing      1',
    '  not reachable  1',
    '  range 300: n1 reg aaaabbbb, n2 reg ddddeeee, n3 no answer',
    'No answer from n3: for those ranges nothing is proved.',
  ]) {
    assert.ok(out.includes(part), part)
  }
  const json = JSON.parse((await run(console, 'ring', 'verify', '--json')).out)
  assert.is(json.differing[0].range, 300)
})

test('ring verify ends with 75 when nothing differs and not everything could be compared; a terminal sees progress', async () => {
  operations.verified.set(0, { equal: 127, busy: [7] })
  console.terminal = true
  const { code, out } = await run(console, 'ring', 'verify')
  assert.is(code, 75)
  assert.match(out, 'Ranges that changed at every look, or are being moved: 7.')
  assert.is(console.sketched.length, 32)
  assert.is(console.sketched.at(-1), '4096 of 4096 ranges compared')
})

test('drain says what is left; --undo takes it back', async () => {
  operations.callsHere = 2
  const { code, out } = await run(console, 'drain')
  assert.is(code, 0)
  assert.match(out, 'This node takes no new work: home of nothing, 2 calls still pass through it.')
  assert.is((await run(console, 'drain', '--undo')).out, 'This node takes work again.')
  assert.equal(
    operations.asked.map(([, query]) => query),
    [{ start: true }, { undo: true }],
  )
})

test(
  'drain --wait looks every second until no call is left, or until the time is over, and then ends with 1',
  deadline(5_000, async () => {
    const wait = async (calls: number): Promise<{ code: number; out: string }> => {
      operations.callsHere = calls
      console = testConsole(operations)
      const running = run(console, 'drain', '--wait', '5s')
      for (let second = 0; second < 8; second++) {
        await settle()
        await console.clock.advance(1_000)
      }
      return running
    }
    const short = await wait(3)
    assert.is(short.code, 0)
    assert.match(short.out, /2 calls left\n1 call left\n0 calls left\n.*no call passes through it/)
    const long = await wait(60)
    assert.is(long.code, 1)
    assert.match(long.out, 'calls still pass through it')
  }),
)

test('recover only tells without --yes, and ends with 1; with it, it says who and what', async () => {
  const lost = ['n2', 'n3'].map((name) => ({ name, deadForSeconds: 90 }))
  const base = { epoch: 7, lost }
  operations.losses = [
    { ...base, range: 5, survivors: ['n1'], start: 'n1', copy: 'whole' },
    { ...base, range: 9, survivors: ['n1'], start: 'n1', copy: 'whole' },
    { ...base, range: 11, survivors: [], start: 'n4', copy: 'none' },
  ]
  const rehearsal = await run(console, 'recover', '--accept-loss', 'all-lost', '--by', 'ada')
  assert.is(rehearsal.code, 1)
  assert.equal(operations.asked, [['recover', { range: 'all-lost', accept: false, by: 'ada' }]])
  for (const part of [
    '2 ranges (5, 9)',
    'gone: n2 (for 1 min 30 s) and n3 (for 1 min 30 s)',
    'left: n1. n1 starts with its copy.',
    'Lost: whatever only n2 and n3 acknowledged',
    '1 range (11)',
    'n4 starts with NOTHING',
    'Otherwise add --yes.',
  ]) {
    assert.ok(rehearsal.out.includes(part), part)
  }
  console = testConsole(operations)
  const deed = await run(console, 'recover', '--accept-loss', 'all-lost', '--yes')
  assert.is(deed.code, 0)
  assert.match(deed.out, '3 ranges started anew, on record under audit/recover/ in each.')
  const query = operations.asked.at(-1)?.[1] as { accept: boolean; by: string }
  assert.ok(query.accept && query.by.length > 0)
})

test('recover says when nothing is lost, why it refuses, and what it takes', async () => {
  assert.match((await run(console, 'recover', '--accept-loss', 'all-lost')).out, 'there is nothing to recover')
  operations.recover = async () => {
    throw new ThorError('RANGES_NOT_LOST', 'range 5 has a majority that answers')
  }
  const { code, errors } = await run(console, 'recover', '--accept-loss', '5', '--yes')
  assert.is(code, 1)
  assert.match(errors, 'range 5 has a majority that answers')
  for (const wrong of ['4096', 'some', '-1']) {
    assert.is((await run(console, 'recover', '--accept-loss', wrong)).code, 2, wrong)
  }
  assert.is((await run(console, 'recover')).code, 2)
})

test('leave says that a node has left when it has, not when its process ended before', async () => {
  const data = mkdtempSync(join(tmpdir(), 'thor-leave-'))
  try {
    const operations = new FakeOperations()
    const console = testConsole(operations)
    let asked = 0
    operations.leave = async () => {
      if (asked++ % 2 === 1) throw new ThorError('CONTROL_NOT_RUNNING', 'gone')
      return { rangesHeld: 12, rangesTotal: 40, bytesSent: 0, etaSeconds: 65 }
    }
    const leave = async (): ReturnType<typeof run> => {
      const ends = run(console, 'leave', '--data', data)
      await settle()
      await console.clock.advance(1_000)
      return ends
    }
    const died = await leave()
    assert.is(died.code, 1)
    assert.match(died.errors, /ended, or does not answer any more, before it had left: it is still a member/)
    assert.not.match(died.out, 'can be deleted')
    writeFileSync(join(data, 'identity.left'), '')
    const left = await leave()
    assert.is(left.code, 0)
    assert.match(left.out, /12 of 40 ranges to hand over.*\nThis node has left the ring/)
  } finally {
    rmSync(data, { recursive: true })
  }
})

test('leave tells how far it is, and how long it will take at that pace', () => {
  const progress = new LeaveProgress({ held: 100, bytesSent: 5_000, at: 0 })
  assert.equal(progress.look({ held: 100, bytesSent: 5_000, at: 500 }), {
    rangesHeld: 100,
    rangesTotal: 100,
    bytesSent: 0,
    etaSeconds: null,
  })
  const later = progress.look({ held: 25, bytesSent: 905_000, at: 30_000 })
  assert.equal(later, { rangesHeld: 25, rangesTotal: 100, bytesSent: 900_000, etaSeconds: 10 })
})

test.run()
