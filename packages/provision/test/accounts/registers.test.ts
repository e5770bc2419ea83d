import { errorCode, ThorError } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Registers } from '../../src/accounts/registers.ts'
import { limits } from '../../src/limits.ts'
import { memoryStore } from '../support/memory-store.ts'

const test = suite('provision: registers')

const codeOf = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => errorCode(error),
  )

test(
  'what is unknown stays so when the repetition finds nobody to ask, and not when it is refused',
  deadline(5_000, async () => {
    const store = memoryStore()
    const registers = new Registers({ store, clock: new SimClock(), random: new SimRandom(1) })
    const add = () => registers.change('acct', 'a@b.c', () => ({ body: 1, result: null }))
    for (const second of ['STORE_UNAVAILABLE', 'PROVISION_CONFLICT']) {
      let asked = 0
      store.reg.before = () => {
        asked++
        if (asked === 1) throw new ThorError('STORE_UNKNOWN', 'no answer')
        throw new ThorError(second, 'no')
      }
      assert.is(await codeOf(add()), second === 'STORE_UNAVAILABLE' ? 'STORE_UNKNOWN' : second)
      assert.is(asked, 2)
    }
  }),
)

test(
  'what no quorum can tell is not asked for again',
  deadline(5_000, async () => {
    const store = memoryStore()
    const registers = new Registers({ store, clock: new SimClock(), random: new SimRandom(1) })
    let asked = 0
    store.reg.before = () => {
      asked++
      throw new ThorError('STORE_UNKNOWN', 'no answer', { cause: new ThorError('STORE_UNAVAILABLE', 'nobody there') })
    }
    assert.is(await codeOf(registers.change('acct', 'a@b.c', () => ({ body: 1, result: null }))), 'STORE_UNKNOWN')
    assert.is(asked, 1)
  }),
)

test(
  'what is known: strictly in time, else a copy, else what was seen last, else what is answered at last',
  deadline(5_000, async () => {
    const store = memoryStore()
    const clock = new SimClock()
    const registers = new Registers({ store, clock, random: new SimRandom(1) })
    const put = (body: number) => registers.change('domain', 'a', () => ({ body, result: null }))
    const body = async (name = 'a') => (await registers.known<number>('domain', name))?.body
    await put(1)
    assert.is(await body(), 1)
    await put(2)
    assert.is(await body(), 2)

    // Reads that never come, the strict ones first.
    const read = store.reg.read.bind(store.reg)
    const never = new Set(['strict'])
    store.reg.read = (key, mode) => (never.has(mode) ? new Promise(() => undefined) : read(key, mode))
    await put(3)
    const copy = body()
    await clock.advance(limits.knownMs)
    assert.is(await copy, 3, 'a copy')

    never.add('near')
    const seen = body()
    await clock.advance(limits.knownMs)
    await clock.advance(limits.knownMs)
    assert.is(await seen, 2, 'what a quorum said last')

    // Without any of them it takes as long as it takes.
    let answer: (() => void) | undefined
    store.reg.read = (key, mode) =>
      new Promise((resolve) => {
        if (mode === 'strict') answer = () => resolve(read(key, mode))
      })
    const late = registers.known<number>('domain', 'b')
    await clock.advance(limits.knownMs)
    await clock.advance(limits.knownMs)
    answer?.()
    assert.is(await late, undefined)
  }),
)

test(
  'so many are remembered of those that were read',
  deadline(10_000, async () => {
    const store = memoryStore()
    const registers = new Registers({ store, clock: new SimClock(), random: new SimRandom(1) })
    for (let index = 0; index <= limits.knownMax; index++) {
      await registers.change('domain', `d${index}`, () => ({ body: index, result: null }))
      await registers.known('domain', `d${index}`)
    }
    store.reg.before = () => {
      throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
    }
    assert.is(await codeOf(registers.known('domain', 'd0')), 'STORE_UNAVAILABLE')
    assert.is((await registers.known<number>('domain', `d${limits.knownMax}`))?.body, limits.knownMax)
  }),
)

test(
  'transactions with one block of numbers wait for each other, whatever becomes of them; others do not wait',
  deadline(5_000, async () => {
    const store = memoryStore()
    const registers = new Registers({ store, clock: new SimClock(), random: new SimRandom(1) })
    const under: string[] = []
    const order: string[] = []
    let fail = 'acct/2'
    store.reg.before = async (_, names) => {
      const own = names.split(' ').find((name) => name.startsWith('acct/')) as string
      order.push(own)
      if (names.includes('dnsblock/')) under.push(own)
      assert.ok(under.length <= 1, under.join())
      await new Promise((resolve) => setImmediate(resolve))
      if (names.includes('dnsblock/')) under.pop()
      if (own === fail) throw new ThorError('STORE_UNAVAILABLE', 'no')
    }
    const add = (account: string, block?: string): Promise<string | undefined> => {
      const fn = () => ({ body: 1, result: null })
      const changes = [{ kind: 'acct' as const, name: account, fn }]
      const number = block === undefined ? [] : [{ kind: 'dnsblock' as const, name: block, fn }]
      return codeOf(registers.transactAll([...changes, ...number]))
    }
    const codes = await Promise.all([add('1', 'x'), add('2', 'x'), add('3', 'x'), add('4')])
    assert.equal(codes, [undefined, 'STORE_UNAVAILABLE', undefined, undefined])
    assert.is(order.indexOf('acct/4') < order.indexOf('acct/2'), true, "it is in nobody's way")
    fail = ''
    assert.is(await add('5', 'x'), undefined)
  }),
)

test.run()
