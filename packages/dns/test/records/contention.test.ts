/** Numbers that share a register, put at several nodes at once. */
import { ThorError } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EnumDirectory } from '../../src/enum/directory.ts'
import { REGISTER_LIMITS } from '../../src/limits.ts'
import { MemoryReg } from '../memory-reg.ts'
import { refuses } from './stage.ts'

const test = suite('dns: numbers put at once')
const TREE = 'e164.arpa'
const numberOf = (index: number) => ({ tld: TREE, number: `312080051${String(index).padStart(2, '0')}` })
const mappings = [{ type: 'sip', mapto: 'sip:a@b.example' }]
const isBlock = (name: string): boolean => name.startsWith('dnsblock/')

async function scene(nodes: number) {
  const reg = new MemoryReg()
  const clock = new SimClock(Date.UTC(2026, 5, 1))
  const directories = Array.from(
    { length: nodes },
    (_, seed) => new EnumDirectory({ store: { reg }, clock, random: new SimRandom(seed + 1) }),
  )
  const first = directories[0] as EnumDirectory
  await first.addRange({ prefix: '3120', tld: TREE, minDigits: 11, maxDigits: 11 })
  return { reg, clock, directories, first }
}

test(
  'thirty writers at three nodes put numbers of one block, though each register has one proposer at a time who gets through',
  deadline(10_000, async () => {
    const { reg, clock, directories, first } = await scene(3)
    let busy = false
    let running = 0
    let most = 0
    // As the ring: who meets another loses, looks again for two seconds, and then is told that nothing changed.
    reg.before = async (operation, name) => {
      if (operation !== 'change' || !isBlock(name)) return
      most = Math.max(most, ++running)
      const until = clock.now() + 2_000
      try {
        while (busy) {
          if (clock.now() >= until) throw new ThorError('STORE_UNAVAILABLE', 'no quorum; nothing changed')
          await new Promise<void>((done) => void clock.after(40, done))
        }
        busy = true
        await new Promise<void>((done) => void clock.after(150, done))
        busy = false
      } finally {
        running--
      }
    }
    const writers = Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        (directories[index % 3] as EnumDirectory).addNumber({ ...numberOf(index), mappings }),
      ),
    )
    let over = false
    const done = writers.finally(() => {
      over = true
    })
    for (let turns = 0; !over && turns < 2_000; turns++) await clock.advance(10)
    assert.is((await done).length, 30)
    assert.is((await first.numbers({ tld: TREE })).length, 30)
    assert.ok(most <= 3, `${most} of one node at once: they wait for each other`)
  }),
)

test(
  'as many changes of one register wait as may; one more is refused, and changes of others go on',
  deadline(10_000, async () => {
    const { reg, first } = await scene(1)
    let open = (): void => undefined
    const gate = new Promise<void>((done) => {
      open = done
    })
    reg.before = (operation, name) => (operation === 'change' && name.includes('312080051') ? gate : undefined)
    const put = (index: number, mapto = 'sip:a@b.example') =>
      first.putBlock([first.make(numberOf(index), range, { mappings: [{ type: 'sip', mapto }] })])
    const range = (await first.ranges())[0] as Awaited<ReturnType<typeof first.ranges>>[number]
    const waiting = Array.from({ length: REGISTER_LIMITS.waitingMax }, (_, index) => put(index % 100))
    await refuses(put(1), 'STORE_UNAVAILABLE', /wait already/)
    await first.addNumber({ tld: TREE, number: '31208005200', mappings })
    open()
    await Promise.all(waiting)
    await put(1, 'sip:again@b.example')
    assert.is((await first.getNumber(numberOf(1))).body.mappings[0]?.mapto, 'sip:again@b.example')
  }),
)

test.run()
