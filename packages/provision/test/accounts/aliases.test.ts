import { errorCode, Sealer, silentLogger, ThorError } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AccountDirectory } from '../../src/index.ts'
import { limits } from '../../src/limits.ts'
import { memoryStore } from '../support/memory-store.ts'

const test = suite('provision: aliases')

const ALICE = 'alice@example.com'

async function made(...users: string[]) {
  const store = memoryStore()
  const random = new SimRandom(1)
  const sealer = new Sealer(Buffer.alloc(32, 7), random)
  const directory = new AccountDirectory({ store, sealer, clock: new SimClock(), random, logger: silentLogger })
  await directory.addDomain({ domain: 'example.com' })
  for (const username of users) await directory.addAccount({ username, domain: 'example.com', password: 'secret' })
  return { directory, store }
}

const codeOf = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => errorCode(error),
  )

/** What aliases say of accounts, and what accounts say of aliases. */
async function bothWays(directory: AccountDirectory): Promise<[string[], string[]]> {
  const exist = (await directory.aliases()).map(({ aor, target }) => `${aor} of ${target}`)
  const accounts = await directory.accounts()
  const listed = accounts.flatMap(({ aor, aliases }) => aliases.map((alias) => `${alias} of ${aor}`))
  return [exist.sort(), listed.sort()]
}

test(
  'at whatever step the store fails, an alias exists if and only if its account lists it',
  deadline(5_000, async () => {
    for (let at = 1; at <= 12; at++) {
      const { directory, store } = await made('alice', 'bob')
      let operation = 0
      store.reg.before = () => {
        operation += 1
        if (operation >= at) throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
      }
      const attempt = async () => {
        await directory.addAlias({ aor: 'one@example.com', target: 'alice@example.com' })
        await directory.updateAlias({ aor: 'one@example.com', target: 'bob@example.com' })
        await directory.deleteAlias('one@example.com')
      }
      await attempt().catch(() => undefined)
      store.reg.before = () => undefined
      const [exist, listed] = await bothWays(directory)
      assert.equal(exist, listed, `failed at ${at}`)
      await codeOf(directory.deleteAccount('alice@example.com'))
      await codeOf(directory.deleteAccount('bob@example.com'))
      assert.equal([...store.reg.values.keys()], ['domain/example.com'], `failed at ${at}`)
    }
  }),
)

test(
  'an account with many aliases is deleted with all of them, wherever it has to begin again',
  deadline(10_000, async () => {
    const count = 2 * limits.aliasesAtOnce + 3
    for (let at = 1; at <= 7; at++) {
      const { directory, store } = await made('alice')
      for (let i = 0; i < count; i++) await directory.addAlias({ aor: `a${i}@example.com`, target: ALICE })
      const { etag } = await directory.getAccount(ALICE)
      let operation = 0
      store.reg.before = () => {
        operation += 1
        if (operation === at) throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
      }
      const outcome = await codeOf(directory.deleteAccount(ALICE, { etag }))
      store.reg.before = () => undefined
      const [exist, listed] = await bothWays(directory)
      assert.equal(exist, listed, `failed at ${at}`)
      if (outcome) await directory.deleteAccount(ALICE)
      assert.equal([...store.reg.values.keys()], ['domain/example.com'])
    }
  }),
)

test(
  'an alias that is moved by others meanwhile is moved from where it is then; an etag forbids that',
  deadline(5_000, async () => {
    const { directory, store } = await made('alice', 'bob', 'carol')
    const aor = 'sales@example.com'
    await directory.addAlias({ aor, target: ALICE })
    const overtaken = async (run: () => Promise<unknown>, by: string): Promise<string | undefined> => {
      store.reg.before = async (operation) => {
        if (operation !== 'change') return
        store.reg.before = () => undefined
        await directory.updateAlias({ aor, target: by })
      }
      return codeOf(run())
    }
    assert.is(
      await overtaken(() => directory.updateAlias({ aor, target: 'carol@example.com' }), 'bob@example.com'),
      undefined,
    )
    assert.equal(await bothWays(directory), [[`${aor} of carol@example.com`], [`${aor} of carol@example.com`]])
    const { etag } = await directory.getAlias(aor)
    assert.is(await overtaken(() => directory.deleteAlias(aor, { etag }), ALICE), 'PROVISION_CONFLICT')
    assert.equal(await bothWays(directory), [[`${aor} of ${ALICE}`], [`${aor} of ${ALICE}`]])
    assert.is(await overtaken(() => directory.deleteAlias(aor), 'bob@example.com'), undefined)
    assert.equal(await bothWays(directory), [[], []])
    assert.is(await codeOf(directory.addAlias({ aor, target: aor })), 'PROVISION_ACCOUNT_UNKNOWN')
    await directory.addAlias({ aor, target: ALICE })
    assert.is(await codeOf(directory.updateAlias({ aor, target: aor })), 'PROVISION_ACCOUNT_UNKNOWN')
  }),
)

test.run()
