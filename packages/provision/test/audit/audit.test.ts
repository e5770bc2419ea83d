import { type RecordKey, silentLogger, ThorError } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Audit } from '../../src/audit/audit.ts'
import { limits } from '../../src/limits.ts'
import { memoryStore } from '../support/memory-store.ts'

const test = suite('provision: audit')

function make(spooled: RecordKey[]) {
  const { set } = memoryStore()
  const clock = new SimClock()
  const spool = async (key: RecordKey): Promise<void> => void spooled.push(key)
  const audit = new Audit({ set, clock, random: new SimRandom(3), logger: silentLogger, spool }, { node: 'n1' })
  const write = (operation: string): Promise<void> =>
    audit.write({
      ...{ who: 'admin', impersonate: 0, from: '', via: 'soap' as const },
      ...{ operation, args: '{}', outcome: 'done' },
    })
  return { set, clock, audit, write }
}

test(
  'a change is answered when its line is stored; lines of one moment share a record',
  deadline(5_000, async () => {
    const spooled: RecordKey[] = []
    const { set, audit, write } = make(spooled)
    await Promise.all([write('Sip.addAccount'), write('Sip.addAlias')])
    await write('Sip.deleteAlias')
    assert.is(spooled.length, 0)
    assert.ok(set.values.size <= 2)
    const lines = await audit.read({ count: 10 })
    const operations = lines.map(({ operation }) => operation).sort()
    assert.equal(operations, ['Sip.addAccount', 'Sip.addAlias', 'Sip.deleteAlias'])
  }),
)

test(
  'a range that does not answer soon, or has no quorum, keeps nobody waiting: the node keeps the line under the same name',
  deadline(5_000, async () => {
    const spooled: RecordKey[] = []
    const { set, clock, write } = make(spooled)
    const names: string[] = []
    set.put = (key) => {
      names.push(key.name)
      return new Promise(() => undefined)
    }
    const slow = write('Sip.addAccount')
    await clock.advance(limits.auditSoonMs)
    await slow
    set.put = async (key) => {
      names.push(key.name)
      throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
    }
    await write('Sip.addAccount')
    assert.equal(
      spooled.map(({ name }) => name),
      names,
    )
    assert.is(names.length, 2)
  }),
)

test.run()
