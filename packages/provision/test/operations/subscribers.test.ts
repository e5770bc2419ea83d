import { errorCode, ThorError } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../src/limits.ts'
import { asker } from '../support/soap-ask.ts'
import { makeComponents } from '../support/soap-server.ts'

const test = suite('provision: subscribers')
const codeOf = (promise: Promise<unknown>): Promise<string | undefined> => promise.then(() => undefined, errorCode)
const sipId = { username: 'alice', domain: 'example.com' }

const subscriber = {
  account: { id: sipId, password: 'pw', groups: ['free-pstn'] },
  aliases: [
    { username: 'sales', domain: 'example.com' },
    { username: 'info', domain: 'example.com' },
  ],
  voicemail: { email: 'a@example.com', password: '1234' },
  numbers: [{ number: '31201234567', tld: 'e164.arpa' }],
  diversions: { FNOA: '<voice-mailbox>' },
  balance: 12.5,
}

async function make() {
  const made = await makeComponents()
  const ask = asker(made)
  await ask('Sip.addDomain', { domain: { domain: 'example.com' } })
  await ask('Enum.addRange', { range: { id: { prefix: '3120', tld: 'e164.arpa' } } })
  /** Registers that hold anything of the subscriber. */
  const traces = async () => [
    ...[...made.store.reg.values.keys()].filter(
      (name) => /@example\.com/.test(name) && !name.startsWith('bal/') && !name.startsWith('counter/'),
    ),
    ...(await made.provisioning.records.numbers.numbers()).map(({ number }) => number),
  ]
  const bal = async () => (await made.provisioning.balances.of('alice@example.com'))?.bal ?? 0
  return { ...made, ask, traces, bal }
}

test(
  'one call makes all of it, another takes all of it away',
  deadline(5_000, async () => {
    const { ask, traces, bal } = await make()
    const made = await ask('Platform.addSubscriber', { subscriber })
    assert.equal(made.aliases, subscriber.aliases)
    assert.is(made.balance, 12.5)
    assert.equal((await traces()).sort(), [
      '31201234567',
      'acct/alice@example.com',
      'acct/info@example.com',
      'acct/sales@example.com',
      'prefs/alice@example.com',
      'voicemail/alice@example.com',
    ])
    const number = await ask('Enum.getNumber', { enumId: subscriber.numbers[0] })
    assert.is(number.mappings[0].mapto, 'sip:alice@example.com')
    // The deletion finds what was added later, too.
    await ask('Sip.addPhonebookEntry', { sipId, entry: { uri: 'sip:x@example.com' } })
    await ask('Platform.deleteSubscriber', { sipId })
    assert.equal(await traces(), [])
    assert.is(await bal(), 0)
    await ask('Platform.addSubscriber', { subscriber: { account: subscriber.account } })
    assert.equal((await ask('Sip.getCreditHistory', { sipId })).entries, [], 'money of the account before is not told')
  }),
)

test(
  'what stands in the way of one part leaves nothing of the others',
  deadline(5_000, async () => {
    const cases: [code: string, before: (ask: ReturnType<typeof asker>) => Promise<unknown>, kept: number][] = [
      [
        'PROVISION_ALIAS_EXISTS',
        (ask) => ask('Sip.addAccount', { account: { id: { username: 'info', domain: 'example.com' }, password: 'x' } }),
        1,
      ],
      ['PROVISION_NUMBER_EXISTS', (ask) => ask('Enum.addNumber', { number: { id: subscriber.numbers[0] } }), 1],
      ['PROVISION_ACCOUNT_EXISTS', (ask) => ask('Sip.addAccount', { account: { id: sipId, password: 'x' } }), 1],
    ]
    for (const [code, before, kept] of cases) {
      const { ask, traces, bal } = await make()
      await before(ask)
      assert.is(await codeOf(ask('Platform.addSubscriber', { subscriber })), code)
      assert.is((await traces()).length, kept, code)
      assert.is(await bal(), 0)
    }
    const { ask, traces } = await make()
    const names = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ username: `a${index}`, domain: 'example.com' }))
    const many = { ...subscriber, aliases: names(limits.aliasesAtOnce) }
    assert.is(await codeOf(ask('Platform.addSubscriber', { subscriber: many })), 'PROVISION_INVALID_VALUE')
    const foreign = { ...subscriber, aliases: [{ username: 'a', domain: 'other.example' }] }
    assert.is(await codeOf(ask('Platform.addSubscriber', { subscriber: foreign })), 'PROVISION_DOMAIN_UNKNOWN')
    assert.equal(await traces(), [])
    const fits = { ...subscriber, aliases: names(limits.aliasesAtOnce - 1) }
    await ask('Platform.addSubscriber', { subscriber: fits })
    await ask('Platform.deleteSubscriber', { sipId })
    assert.equal(await traces(), [])
  }),
)

/** Lets the store fail at step 0, 1, 2 … of a call until it passes; returns how many steps it has. */
async function ladder(
  run: (made: Awaited<ReturnType<typeof make>>) => Promise<void>,
  after: boolean,
  check: (made: Awaited<ReturnType<typeof make>>, passed: boolean) => Promise<void>,
  prepare: (made: Awaited<ReturnType<typeof make>>) => Promise<void>,
): Promise<number> {
  for (let failing = 0; ; failing++) {
    const made = await make()
    await prepare(made)
    let step = 0
    const fail = () => {
      if (step++ === failing) throw new ThorError('STORE_UNAVAILABLE', 'injected')
    }
    if (after) made.store.reg.after = fail
    else made.store.reg.before = fail
    made.store.set.before = after ? () => undefined : fail
    const passed = await run(made).then(
      () => true,
      () => false,
    )
    made.store.reg.before = () => undefined
    made.store.reg.after = () => undefined
    made.store.set.before = () => undefined
    await check(made, passed)
    if (step <= failing) return failing
  }
}

test(
  'whatever step fails, a subscriber is whole or not there',
  deadline(30_000, async () => {
    for (const after of [false, true]) {
      const whole = 6
      const added = await ladder(
        async ({ ask }) => void (await ask('Platform.addSubscriber', { subscriber })),
        after,
        async ({ traces, bal }, passed) => {
          const count = (await traces()).length
          assert.ok(count === whole || (count === 0 && !passed), `${count} registers after a failure`)
          assert.is(await bal(), count === 0 ? 0 : 125_000)
        },
        async () => undefined,
      )
      assert.ok(added >= (after ? 2 : 5), `${added} steps of adding`)
      const deleted = await ladder(
        async ({ ask }) => void (await ask('Platform.deleteSubscriber', { sipId })),
        after,
        async ({ traces, bal }, passed) => {
          const count = (await traces()).length
          assert.ok(count === 0 || (count === whole && !passed), `${count} registers after a failure`)
          assert.is(await bal(), count === 0 ? 0 : 125_000)
        },
        async ({ ask }) => void (await ask('Platform.addSubscriber', { subscriber })),
      )
      assert.ok(deleted >= (after ? 1 : 5), `${deleted} steps of deleting`)
    }
  }),
)

test.run()
