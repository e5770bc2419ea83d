/** Trunks over the ring: only the home keeps one, others know how it is, and who takes over goes on. */
import { deriveKey, rangeOf, recordKey, Sealer, silentLogger } from '@thor-node/core'
import { deadline, eventually, SimClock, SimRandom } from '@thor-node/core/testing'
import { makeResponse, PeerLoad, type SipStack } from '@thor-node/sip'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TRUNKS_MAX } from '../../src/adapters/limits.ts'
import type { TrunkTold } from '../../src/adapters/trunk-states.ts'
import { TrunksService } from '../../src/adapters/trunks-service.ts'
import { MemoryRing } from '../support/memory-ring.ts'

const test = suite('nodes: trunks')

const trunk = {
  name: 'carrier',
  target: 'sip:carrier.example',
  domain: 'carrier.example',
  prefixes: ['+'],
  register: true,
  expires: 600,
  callsMax: 0,
  from: 'trunk' as const,
  probeMs: 10_000,
  failures: 3,
  successes: 2,
  peer: 'peer1',
}
const secret = { user: '3120999', password: 's3cret' }

type Agent = SipStack['agent']

class Scene {
  readonly clock = new SimClock()
  readonly ring = new MemoryRing({ clock: this.clock })
  /** `REGISTER 1`, `OPTIONS 1`; with the Expires of the Contact. */
  readonly asked: string[] = []
  status = 200
  learned: ReadonlyMap<string, readonly string[]> = new Map()
  readonly service: TrunksService

  constructor() {
    const { clock } = this
    const random = new SimRandom(3)
    this.service = new TrunksService({
      ring: this.ring,
      clock,
      random,
      logger: silentLogger,
      sealer: new Sealer(deriveKey(new Uint8Array(32), 'test'), random),
      load: new PeerLoad({ clock }),
      peers: {
        learn: (addresses) => {
          this.learned = addresses
        },
      },
      stack: () => ({ agent: this.#agent(), isNode: () => true }),
    })
  }

  #agent(): Agent {
    const remote = { host: '192.0.2.7', port: 5060 }
    const via = { transport: 'UDP', host: '127.0.0.1', port: 5060 }
    const hop: Awaited<ReturnType<Agent['ask']>>['hop'] = {
      reliable: false,
      via,
      remote,
      transport: 'udp',
      send: async () => undefined,
    }
    return {
      ask: async (_uri, make) => {
        const request = make(hop)
        const expires = /expires=(\d+)/.exec(request.headers.get('Contact') ?? '')?.[1]
        this.asked.push(`${request.method} ${request.cseq.number} ${expires ?? ''}`.trim())
        return { response: makeResponse(request, this.status), hop }
      },
    }
  }

  get registered(): Promise<unknown> {
    return eventually(() => this.service.list()[0]?.registration?.registered, 2_000, 'to be registered')
  }
}

test(
  'the home registers and tells; the record keeps the password sealed, and no view shows it',
  deadline(5_000, async () => {
    const it = new Scene()
    it.ring.nodes.set('n2', {})
    await it.service.start()
    await it.service.records.put(trunk, secret)
    await it.service.refresh()
    await it.registered
    assert.equal(it.asked, ['REGISTER 1 600'])
    const stored = it.ring.reg.values.get('trunk/carrier')?.body as { password: Uint8Array }
    assert.not.match(Buffer.from(stored.password).toString('latin1'), /s3cret/)
    assert.not.match(JSON.stringify(it.service.list()), /s3cret|"password"/)
    assert.ok(it.ring.calls.includes('n2 trunk.state'))
    assert.is(it.service.list()[0]?.node, 'self')
    assert.equal(it.learned.get('peer1'), ['192.0.2.7'], 'its address counts as the peer’s')
    assert.is(it.service.trunks.named('carrier')?.credentials?.password, 's3cret')
    assert.is((await it.ring.soft.list('trunkstate/')).length, 1)
    await it.service.stop()
  }),
)

test(
  'who loses the range stops without a word; who gains it goes on with the next numbers of the same Call-ID',
  deadline(5_000, async () => {
    const it = new Scene()
    it.ring.nodes.set('n2', {})
    await it.service.start()
    await it.service.records.put({ ...trunk, probeMs: 0 }, secret)
    await it.service.refresh()
    await it.registered
    it.ring.lose(rangeOf('carrier'))
    await it.clock.advance(3_600_000)
    assert.equal(it.asked, ['REGISTER 1 600'])
    // Meanwhile the other has used some.
    await it.ring.reg.change(recordKey('trunkreg', 'carrier'), 'x', (current) => ({
      body: { ...(current?.body as object), cseq: 160, node: 'n2' },
      result: undefined,
    }))
    it.ring.foreignRanges.clear()
    it.ring.gain(rangeOf('carrier'))
    await eventually(() => it.asked.length === 2, 2_000, 'to register again')
    assert.is(it.asked[1], 'REGISTER 161 600')
    await it.service.stop()
    assert.is(it.asked.length, 2, 'another node goes on: nothing is taken back')
  }),
)

test(
  'what another home tells is known here, skipped when down, and outlived by its trunk',
  deadline(5_000, async () => {
    const it = new Scene()
    it.ring.nodes.set('n2', { name: 'n2' })
    it.ring.foreignRanges.add(rangeOf('carrier'))
    await it.service.start()
    await it.service.records.put(trunk, secret)
    await it.service.refresh()
    assert.is(it.service.list()[0]?.up, null)
    assert.is(it.service.trunks.for(['+3120'])?.length, 1, 'nobody knows: it is tried')
    const tell = (told: unknown): void => void it.ring.served.get('trunk.state')?.(told, 'n2')
    const health = { up: false, against: 0, since: 5 }
    const told: TrunkTold = { name: 'carrier', node: 'n2', at: it.clock.wall(), health, addresses: [] }
    tell([told])
    assert.equal(it.service.trunks.for(['+3120']), [])
    assert.equal([it.service.list()[0]?.up, it.service.list()[0]?.node], [false, 'n2'])
    tell([{ ...told, at: told.at - 1, health: { ...health, up: true } }])
    tell([{ ...told, node: 'n3', at: told.at + 1, health: { ...health, up: true } }])
    tell('nonsense')
    tell([null, 1, { name: 'carrier' }])
    assert.equal(it.service.trunks.for(['+3120']), [], 'older words, words of others and nonsense count nothing')
    assert.equal(it.service.alarms(), [], 'the home has the alarm')
    await it.clock.advance(60_000)
    assert.is(it.service.list()[0]?.up, null, 'nobody has said anything for long')
    await it.service.stop()
  }),
)

test(
  'alarms last as long as the trouble',
  deadline(5_000, async () => {
    const it = new Scene()
    it.status = 403
    await it.service.start()
    await it.service.records.put({ ...trunk, probeMs: 0 }, secret)
    await it.service.refresh()
    await eventually(() => it.service.alarms().length === 1, 2_000, 'an alarm')
    const [alarm] = it.service.alarms()
    assert.is(alarm?.kind, 'trunk-unregistered:carrier')
    assert.match(alarm?.text ?? '', /403 Forbidden/)
    it.status = 200
    await it.clock.advance(300_000)
    await it.registered
    assert.equal(it.service.alarms(), [])
    await it.service.stop()
    assert.match(it.asked.at(-1) ?? '', /REGISTER \d+ 0$/, 'the last node takes it back')
  }),
)

test(
  'a trunk that is removed is unregistered; one too many is refused',
  deadline(10_000, async () => {
    const it = new Scene()
    it.ring.nodes.set('n2', {})
    await it.service.start()
    await it.service.records.put({ ...trunk, probeMs: 0 }, secret)
    await it.service.refresh()
    await it.registered
    await it.service.records.remove('carrier')
    await it.service.refresh()
    await eventually(() => it.asked.at(-1)?.endsWith(' 0'), 2_000, 'to be taken back')
    const code = async (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => 'none',
        (error) => error.code,
      )
    assert.is(await code(it.service.records.remove('carrier')), 'NODE_TRUNK_UNKNOWN')
    assert.is(await code((async () => it.service.show('carrier'))()), 'NODE_TRUNK_UNKNOWN')
    for (let i = 0; i < TRUNKS_MAX; i++) {
      const name = `t${i}`
      it.ring.reg.put(recordKey('trunk', name), { ...trunk, name, register: false, changedAt: 1 })
    }
    it.ring.nodes.delete('n2')
    await it.service.records.refresh()
    assert.is(await code(it.service.records.put(trunk, {})), 'NODE_TRUNKS_FULL')
    await it.service.stop()
  }),
)

test.run()
