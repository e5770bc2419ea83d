import { Slices, silentLogger } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../src/limits.ts'
import { SoapService } from '../../src/soap/service.ts'
import { makeComponents } from '../support/soap-server.ts'
import { phpEnvelope } from '../support/wire.ts'

const test = suite('provision: lists in slices')

/** A clock on which each look takes a millisecond: what works looks at it once for each row. */
function busyClock() {
  let now = 0
  return { now: () => now++ }
}

/** Turns of the event loop until something is done: how often others could have worked. `each` is told the turn. */
async function turnsUntil(done: Promise<unknown>, each: (turn: number) => void = () => undefined): Promise<number> {
  let turns = 0
  let over = false
  const end = (): void => {
    over = true
  }
  done.then(end, end)
  while (!over) {
    await new Promise((next) => setImmediate(next))
    each(++turns)
  }
  await done
  return turns
}

test(
  'a slice is as long as the limit says, and others work between two',
  deadline(5_000, async () => {
    const rest = new Slices({ clock: busyClock() }, { sliceMs: limits.sliceMs }).begin()
    const rowsOfTurns: number[] = []
    let rows = 0
    const work = async (): Promise<void> => {
      for (let n = 0; n < 100; n++) {
        rows++
        const pause = rest()
        if (pause) await pause
      }
    }
    await turnsUntil(work(), () => {
      rowsOfTurns.push(rows)
      rows = 0
    })
    // The first has what was done before any turn, too.
    const [, ...later] = rowsOfTurns
    assert.ok(Math.max(...later) <= limits.sliceMs + 1, rowsOfTurns.join())
    assert.ok(later.filter((count) => count > 0).length >= 80 / (limits.sliceMs + 1), rowsOfTurns.join())
  }),
)

test(
  'of many lists one is worked at in each turn',
  deadline(5_000, async () => {
    const slices = new Slices({ clock: busyClock() }, { sliceMs: limits.sliceMs })
    const workedIn: number[] = []
    let turn = 0
    const list = async (): Promise<void> => {
      const rest = slices.begin()
      let pause: Promise<void> | undefined
      while (!pause) pause = rest()
      await pause
      workedIn.push(turn)
    }
    await turnsUntil(Promise.all(Array.from({ length: 10 }, list)), (now) => {
      turn = now
    })
    assert.is(workedIn.length, 10)
    assert.is(new Set(workedIn).size, 10)
  }),
)

test(
  'a list of many accounts lets others work while it is made, in all of its parts',
  deadline(20_000, async () => {
    const { provisioning, directory } = await makeComponents()
    await directory.addDomain({ domain: 'example.com' })
    const count = 300
    for (let n = 0; n < count; n++) {
      await directory.addAccount({ username: `u${n}`, domain: 'example.com', password: 'pw', firstName: `F${n}` })
    }
    const slices = new Slices({ clock: busyClock() }, { sliceMs: limits.sliceMs })
    Object.assign(provisioning.slices, { begin: () => slices.begin() })
    const service = new SoapService({ ...provisioning, logger: silentLogger })
    const query = '<query><filter><domain>example.com</domain></filter></query>'
    const body = phpEnvelope(`<ns5:getAccounts>${query}</ns5:getAccounts>`)
    let answer = { status: 0, body: '' }
    const turns = await turnsUntil(
      service.answer(Buffer.from(body)).then((given) => {
        answer = given
      }),
    )
    assert.is(answer.status, 200)
    assert.is(answer.body.match(/<item><id>/g)?.length, count)
    assert.match(answer.body, `<total xsi:type="xsd:int">${count}</total>`)
    // Filtered, made into rows of the answer, written.
    assert.ok(turns >= (3 * count) / (limits.sliceMs + 1), `${turns} turns`)
  }),
)

test.run()
