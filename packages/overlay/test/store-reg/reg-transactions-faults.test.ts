import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { regLimits } from '../../src/store/reg-limits.ts'
import type { TestNode } from '../ranges/ring.fixture.ts'
import { all, append, bodies, codeOf, keyOf, NAMES, ringOf } from './transactions.fixture.ts'

const test = suite('overlay: transactions and faults')

/** What a faulty network does with the calls of one node, from the n-th on. */
type Fault = 'request lost' | 'answer lost' | 'crash' | 'cut off'

/** Counts the calls of a node, and spoils the n-th (or, when cut off or crashed, all from there). */
function spoil(node: TestNode, nth: number, fault: Fault, onCrash: () => void): { calls: number } {
  const counter = { calls: 0 }
  const call = node.rpc.call.bind(node.rpc)
  node.rpc.call = (to, method, body, options) => {
    const mine = counter.calls++
    if (fault === 'crash' && mine === nth) onCrash()
    if (mine < nth || (mine > nth && (fault === 'request lost' || fault === 'answer lost')))
      return call(to, method, body, options)
    if (fault === 'answer lost') return call(to, method, body, options).then(() => Promise.reject(new Error('lost')))
    return Promise.reject(new Error('lost'))
  }
  return counter
}

for (const fault of ['request lost', 'answer lost', 'cut off', 'crash'] as const) {
  test(
    `whichever call fails (${fault}), it is all or nothing, and a repetition answers the same`,
    deadline(240_000, async () => {
      let done = 0
      let undone = 0
      for (let nth = 0, calls = 1; nth < calls; nth++) {
        const { ring, nodes } = await ringOf(100 + nth)
        const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
        await ring.run(b.reg.transact('first', all(NAMES, 'first')))
        let crashed: Promise<void> | undefined
        const counter = spoil(a, nth, fault, () => {
          crashed = ring.kill('a')
        })
        const call = a.rpc.call
        const attempt = a.reg.transact('op1', all(NAMES, 't1')).then(
          (results) => ({ code: 'none', results }),
          (error: { code: string }) => ({ code: error.code, results: [] as string[] }),
        )
        // Others come across it at once: a change that waits, and reads.
        const meanwhile = codeOf(b.reg.change(keyOf('m'), 'other', append('other')))
        const { code, results } = await ring.run(attempt)
        calls = counter.calls
        assert.ok(['none', 'STORE_UNAVAILABLE', 'STORE_UNKNOWN'].includes(code), code)
        await ring.run(meanwhile)
        await crashed
        // A transaction of a node that seems to live may be open until it is old; whoever wants to change something ends it.
        if (fault === 'cut off') await ring.clock.advance(regLimits.transactionPendingMs)
        const look = () => ({ keep: true, result: 0 }) as const
        for (const name of NAMES) await ring.run(b.reg.change(keyOf(name), 'look', look))
        const found = await bodies(ring, b)
        const has = found.map((body) => body?.includes('t1'))
        assert.equal(new Set(has).size, 1, `call ${nth}: ${JSON.stringify(found)}`)
        if (code === 'none') assert.ok(has[0], `call ${nth}: acknowledged and gone`)
        if (code === 'STORE_UNAVAILABLE') assert.not.ok(has[0], `call ${nth}: refused and there`)
        if (has[0]) done++
        else undone++
        // Nobody is left in the way.
        assert.is(await ring.run(codeOf(c.reg.change(keyOf('p'), 'next', append('next')))), 'none', `call ${nth}`)
        if (fault !== 'crash') a.rpc.call = call
        const again = await ring.run(c.reg.transact('op1', all(NAMES, 't1')))
        if (code === 'none') assert.equal(again, results, `call ${nth}`)
        const after = await bodies(ring, c)
        for (const body of after)
          assert.is(body?.filter((item) => item === 't1').length, 1, `call ${nth}: ${JSON.stringify(after)}`)
      }
      assert.ok(done > 3, `${done} times done`)
      if (fault === 'crash' || fault === 'cut off') assert.ok(undone > 3, `${undone} times undone`)
    }),
  )
}

test(
  'transactions on the same registers come one after the other or are refused; no reader sees a half',
  deadline(120_000, async () => {
    for (const seed of [31, 32, 33]) {
      const { ring, nodes } = await ringOf(seed)
      ring.network.links.lossRate = 0.02
      const names = ['x', 'm', 'p', 'q']
      const sure: string[] = []
      const maybe: string[] = []
      const acknowledged = new Map<string, string[]>()
      let running = nodes.length
      const writer = async (node: TestNode): Promise<void> => {
        for (let i = 0; i < 8; i++) {
          const item = `${node.id}${i}`
          const mine = names.filter((_, at) => (at + i + node.id.charCodeAt(0)) % 4 !== 0)
          acknowledged.set(item, mine)
          const code = await codeOf(node.reg.transact(item, all(mine, item)))
          if (code === 'none') sure.push(item)
          else if (code === 'STORE_UNKNOWN') maybe.push(item)
          else assert.is(code, 'STORE_UNAVAILABLE')
        }
        running--
      }
      const reader = async (node: TestNode): Promise<void> => {
        while (running > 0) {
          const before = [...sure]
          const seen = new Map<string, string[]>()
          for (const name of names) {
            const read = await node.reg.read<string[]>(keyOf(name), 'strict').catch(() => undefined)
            if (read) seen.set(name, read.body)
            // What was seen in one register must be in all that are read later.
            for (const [item, of] of acknowledged) {
              const first = of.find((one) => seen.get(one)?.includes(item))
              if (!first || !read || !of.includes(name)) continue
              assert.ok(read.body.includes(item), `${item} is in ${first} and not in ${name} (seed ${seed})`)
            }
            for (const item of before) {
              if (read && acknowledged.get(item)?.includes(name))
                assert.ok(read.body.includes(item), `${item} was acknowledged`)
            }
          }
        }
      }
      await ring.run(Promise.all([...nodes.map(writer), reader(nodes[2] as TestNode), reader(nodes[1] as TestNode)]))
      ring.network.links.lossRate = 0
      const found = await bodies(ring, nodes[0] as TestNode, names)
      for (const item of [...sure, ...maybe]) {
        const has = acknowledged
          .get(item)
          ?.map((name) => found[names.indexOf(name)]?.filter((one) => one === item).length ?? 0)
        assert.is(new Set(has).size, 1, `${item} in all or in none: ${has} (seed ${seed})`)
        if (sure.includes(item)) assert.is(has?.[0], 1)
      }
      const known = new Set([...sure, ...maybe])
      for (const body of found) for (const item of body ?? []) assert.ok(known.has(item), `${item} was refused`)
      assert.ok(sure.length >= 12, `${sure.length} of 24 (seed ${seed})`)
    }
  }),
)

test.run()
