import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { operations } from '../../src/operations/index.ts'
import { adminCaller } from '../../src/schema/caller.ts'
import type { Operation } from '../../src/schema/operation.ts'
import { makeComponents } from '../support/soap-server.ts'

const test = suite('provision: what is read at once')
const named = (name: string) => operations.find((operation) => operation.name === name) as Operation
const id = { username: 'alice', domain: 'example.com' }

async function make() {
  const made = await makeComponents()
  await made.directory.addDomain({ domain: 'example.com', customer: 7 })
  await made.directory.addAccount({ ...id, password: 'pw' })
  const { dispatcher } = made.provisioning
  const run = (name: string, args: object) =>
    dispatcher.run(named(name), adminCaller('admin'), args as never, { from: '', via: 'soap' })
  return { ...made, run }
}

for (const name of ['getAccount', 'getGroups', 'getCalls', 'getRejectMembers', 'getCreditHistory']) {
  test(
    `${name} reads account and domain in one round`,
    deadline(5_000, async () => {
      const { store, run } = await make()
      const waiting = new Map<string, () => void>()
      // Neither read ends before the other has begun.
      store.reg.before = (_, register) => {
        if (register !== 'acct/alice@example.com' && register !== 'domain/example.com') return undefined
        return new Promise((resolve) => {
          waiting.set(register, resolve)
          if (waiting.size === 2) for (const end of waiting.values()) end()
        })
      }
      await run(name, { sipId: id })
      assert.is(waiting.size, 2)
    }),
  )
}

test(
  'many who add accounts to a domain at once share what is read of it, and each is told whose it is',
  deadline(5_000, async () => {
    const { store, run } = await make()
    let reads = 0
    store.reg.before = async (operation, register) => {
      // As long as a round to the others takes: those who come meanwhile share the next.
      await new Promise((later) => setImmediate(later))
      if (operation === 'read' && register === 'domain/example.com') reads++
    }
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        run('addAccount', { account: { id: { username: `u${n}`, domain: 'example.com' }, password: 'pw' } }),
      ),
    )
    assert.ok(answers.every(({ value }) => (value as { customer: number }).customer === 7))
    // Near reads before, which the real store answers from a copy, are counted here too.
    assert.ok(reads < 20 + 10, `${reads} reads`)
  }),
)

test.run()
