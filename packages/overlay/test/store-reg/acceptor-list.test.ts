import type { Disk } from '@thor-node/core'
import { deadline, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ConfigTable } from '../../src/ranges/config-table.ts'
import { listOwn } from '../../src/store/acceptor-list.ts'
import { AcceptorNames } from '../../src/store/acceptor-names.ts'
import { encodeRecord, recordKeyOf } from '../../src/store/acceptor-record.ts'
import { MemoryDisk } from '../../src/store/memory-disk.ts'
import type { ListAnswer } from '../../src/store/reg-messages.ts'

const test = suite('overlay: lists of registers on one disk')

const RANGES = 64

function scene() {
  const away = new Set<number>()
  const configs = {
    all: () => Array.from({ length: RANGES }, (_, range) => ({ range, epoch: 1 })),
    standing: (range: number) => (away.has(range) ? 'warming' : 'member'),
  } as unknown as ConfigTable
  const disk = new MemoryDisk()
  const names = new AcceptorNames()
  let seeks = 0
  const watched: Disk = {
    open: () => disk.open(),
    get: (key) => disk.get(key),
    batch: (operations) => disk.batch(operations),
    entries: (range) => {
      seeks++
      return disk.entries(range)
    },
    close: () => disk.close(),
  }
  const put = async (range: number, name: string, value: string | undefined = 'v'): Promise<void> => {
    const key = recordKeyOf(range, name)
    names.note(key)
    const state = {
      promised: [1, 1, 'n1'] as [number, number, string],
      accepted: [1, 1, 'n1'] as [number, number, string],
      value: value === undefined ? undefined : Buffer.from(value),
    }
    await disk.batch([{ type: 'put', key, value: encodeRecord(key, state) }])
    names.note(key)
  }
  const remove = (range: number, name: string) => disk.batch([{ type: 'del', key: recordKeyOf(range, name) }])
  const list = async (prefix: string, others = new AcceptorNames()): Promise<string[]> => {
    const found: string[] = []
    let after: string | undefined
    do {
      const answer: ListAnswer = await listOwn({ configs, disk: watched, names: others }, { prefix, after })
      for (const [range, name] of answer.entries) found.push(`${range} ${name}`)
      after = answer.next
    } while (after !== undefined)
    return found
  }
  return { away, disk, names, put, remove, list, seeks: () => seeks }
}

test(
  'a kind with few keys is looked for once; what comes and goes later is known',
  deadline(10_000, async () => {
    const it = scene()
    await it.disk.open()
    for (let range = 0; range < RANGES; range++) await it.put(range, `acct/u${range}`)
    await it.put(3, 'domain/b.example')
    await it.put(40, 'domain/a.example')
    assert.equal(await it.list('domain/', it.names), ['3 domain/b.example', '40 domain/a.example'])
    assert.ok(it.seeks() >= RANGES)
    const before = it.seeks()
    await it.put(1, 'domain/c.example')
    await it.remove(3, 'domain/b.example')
    it.away.add(40)
    assert.equal(await it.list('domain/', it.names), ['1 domain/c.example'])
    it.away.clear()
    assert.equal(await it.list('domain/a', it.names), ['40 domain/a.example'])
    assert.is(it.seeks(), before)
  }),
)

test(
  'with writes while it is learned, it says what the disk says',
  deadline(30_000, async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const it = scene()
      const random = new SimRandom(seed)
      await it.disk.open()
      const some = async (): Promise<void> => {
        const range = random.int(RANGES)
        const name = `${random.int(3) === 0 ? 'domain/' : 'acct/'}${random.int(8)}`
        if (random.int(4) === 0) await it.remove(range, name)
        else await it.put(range, name, random.int(5) === 0 ? undefined : 'v')
      }
      for (let n = 0; n < 50; n++) await some()
      const writing = Promise.all(Array.from({ length: 40 }, some))
      await Promise.all([it.list('domain/', it.names), writing, it.list('domain/', it.names)])
      for (let n = 0; n < 20; n++) await some()
      for (const prefix of ['domain/', 'acct/', 'domain/1']) {
        const known = await it.list(prefix, it.names)
        assert.equal(known, await it.list(prefix), `seed ${seed}: ${prefix}`)
      }
    }
  }),
)

test.run()
