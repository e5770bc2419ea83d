import { errorCode, silentLogger, ThorError } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Admins, KeptCopies } from '../../src/index.ts'
import { limits } from '../../src/limits.ts'
import { memoryStore } from '../support/memory-store.ts'

const test = suite('provision: admins')

function make() {
  const store = memoryStore()
  const clock = new SimClock()
  const components = { store, clock, random: new SimRandom(2), logger: silentLogger }
  const admins = new Admins(components, { costLog2: 4 })
  return { store, clock, admins, other: new Admins(components, { costLog2: 4 }) }
}

const codeOf = (promise: Promise<unknown>): Promise<string | undefined> => promise.then(() => undefined, errorCode)

test(
  'only the right password of a known name passes',
  deadline(5_000, async () => {
    const { admins, store } = make()
    await admins.createAdmin('admin', 'right')
    assert.is(await admins.verifyAdmin('admin', 'right'), true)
    assert.is(await admins.verifyAdmin('admin', 'wrong'), false)
    assert.is(await admins.verifyAdmin('admin', ''), false)
    assert.is(await admins.verifyAdmin('nobody', 'right'), false)
    assert.is(await admins.verifyAdmin('nobody', ''), false)
    assert.is(await admins.verifyAdmin('admin', 'x'.repeat(1_000_000)), false)
    assert.is(store.reg.values.get('admin/admin')?.bytes.includes('right'), false)
    assert.is(await codeOf(admins.createAdmin('admin', 'again')), 'PROVISION_ADMIN_EXISTS')
    assert.is(await codeOf(admins.setAdminPassword('nobody', 'x')), 'PROVISION_ADMIN_UNKNOWN')
    assert.is(await admins.hasAdmin('admin'), true)
    assert.is(await admins.hasAdmin('nobody'), false)
  }),
)

test(
  'a right password is remembered for ten seconds, and forgotten at once where it is changed',
  deadline(5_000, async () => {
    const { admins, other, clock, store } = make()
    await admins.createAdmin('admin', 'old')
    assert.is(await admins.verifyAdmin('admin', 'old'), true)
    assert.is(await other.verifyAdmin('admin', 'old'), true)
    store.reg.before = () => {
      throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
    }
    assert.is(await admins.verifyAdmin('admin', 'old'), true)
    assert.is(await codeOf(admins.verifyAdmin('admin', 'new')), 'STORE_UNAVAILABLE')
    store.reg.before = () => undefined
    await admins.setAdminPassword('admin', 'new')
    assert.is(await admins.verifyAdmin('admin', 'old'), false)
    assert.is(await admins.verifyAdmin('admin', 'new'), true)
    assert.is(await other.verifyAdmin('admin', 'old'), true)
    await clock.advance(limits.verifiedMs)
    assert.is(await other.verifyAdmin('admin', 'old'), false)
  }),
)

test(
  'without a quorum a password that was right goes on for fifteen minutes, and no other one',
  deadline(5_000, async () => {
    const { admins, clock, store } = make()
    await admins.createAdmin('admin', 'right')
    assert.is(await admins.verifyAdmin('admin', 'right'), true)
    let asked = 0
    store.reg.before = () => {
      asked++
      throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
    }
    await clock.advance(limits.verifiedMs)
    assert.is(await admins.verifyAdmin('admin', 'right'), true)
    assert.is(await admins.verifyAdmin('admin', 'right'), true)
    assert.is(asked, 1, 'nobody is kept waiting again at once')
    assert.is(await codeOf(admins.verifyAdmin('admin', 'wrong')), 'STORE_UNAVAILABLE')
    await clock.advance(limits.verifiedKeptMs - limits.verifiedMs)
    assert.is(await codeOf(admins.verifyAdmin('admin', 'right')), 'STORE_UNAVAILABLE')
    store.reg.before = () => undefined
    await admins.setAdminPassword('admin', 'new')
    assert.is(await admins.verifyAdmin('admin', 'right'), false)
  }),
)

test(
  'where an administrator never logged in, a copy that is younger than fifteen minutes says who that is',
  deadline(5_000, async () => {
    const { admins, other, clock, store } = make()
    const directory = { seeDomains: async () => undefined }
    const copies = new KeptCopies({ admins: other, directory, clock, logger: silentLogger })
    await admins.createAdmin('admin', 'right')
    await copies.start()
    await clock.advance(0)
    store.reg.before = () => {
      throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
    }
    assert.is(await other.verifyAdmin('admin', 'wrong'), false)
    assert.is(await other.verifyAdmin('admin', 'right'), true)
    assert.is(await codeOf(admins.verifyAdmin('admin', 'right')), 'STORE_UNAVAILABLE', 'no copy here')
    await clock.advance(limits.verifiedKeptMs)
    assert.is(await codeOf(other.verifyAdmin('admin', 'right')), 'STORE_UNAVAILABLE')
    store.reg.before = () => undefined
    await admins.setAdminPassword('admin', 'new')
    await clock.advance(limits.copiesMs)
    store.reg.before = () => {
      throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
    }
    assert.is(await other.verifyAdmin('admin', 'right'), false, 'copies are taken again')
    assert.is(await other.verifyAdmin('admin', 'new'), true)
    await copies.stop()
  }),
)

test(
  'a password that is still the one on record is not worked out again, however many come with it at once',
  deadline(5_000, async () => {
    const { admins, clock } = make()
    await admins.createAdmin('admin', 'right')
    assert.is(await admins.verifyAdmin('admin', 'right'), true)
    await clock.advance(limits.verifiedMs + 1)
    const more = limits.scryptMax + limits.scryptQueueMax + 10
    const all = await Promise.all(Array.from({ length: more }, () => admins.verifyAdmin('admin', 'right')))
    assert.ok(all.every((right) => right))
    await admins.setAdminPassword('admin', 'other')
    assert.is(await admins.verifyAdmin('admin', 'right'), false)
  }),
)

test(
  'however many come at once with one name and password, it is worked out once',
  deadline(10_000, async () => {
    const { admins, other } = make()
    await admins.createAdmin('admin', 'right')
    const more = limits.scryptMax + limits.scryptQueueMax + 10
    const all = (password: string) =>
      Promise.all(Array.from({ length: more }, () => codeOf(other.verifyAdmin('admin', password).then(assert.ok))))
    assert.is((await all('right')).filter(Boolean).length, 0)
    assert.is((await all('wrong')).filter((code) => code === 'PROVISION_BUSY').length, 0)
    assert.is(await admins.verifyAdmin('admin', 'wrong'), false)
  }),
)

test(
  'more checks than can wait are refused',
  deadline(10_000, async () => {
    const { admins } = make()
    await admins.createAdmin('admin', 'right')
    const count = limits.scryptMax + limits.scryptQueueMax + 10
    const outcomes = await Promise.all(
      Array.from({ length: count }, (_, index) => codeOf(admins.verifyAdmin('admin', `wrong ${index}`))),
    )
    assert.is(outcomes.filter((code) => code === 'PROVISION_BUSY').length, 10)
    assert.is(outcomes.filter((code) => code === undefined).length, count - 10)
    assert.is(await admins.verifyAdmin('admin', 'right'), true)
  }),
)

test.run()
