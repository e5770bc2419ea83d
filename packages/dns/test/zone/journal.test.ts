/** Steps from serial to serial, as secondaries put them together again. */
import { SimRandom } from '@thor-node/core/testing'
import { Packet } from 'dns2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { JOURNAL_LIMITS } from '../../src/limits.ts'
import { transferMessages } from '../../src/server/transfer.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { readQuery } from '../../src/wire/query.ts'
import { formatRecord } from '../../src/wire/rdata.ts'
import { type Delta, Journal, serialOf } from '../../src/zone/journal.ts'
import { ZoneTree } from '../../src/zone/tree.ts'
import { queryBytes, record } from '../fixtures.ts'
import { refuses, stage } from '../records/stage.ts'

const test = suite('dns: journal')
const APEX = 'example.com'

const zone = (serial: number, lines: readonly string[], ns = 'ns1'): ZoneTree =>
  new ZoneTree(
    APEX,
    record(`${APEX} SOA ns.${APEX}. hostmaster.${APEX}. ${serial} 60 10 3600 5`),
    [`${APEX} NS ${ns}.${APEX}.`, ...lines].map((line) => record(line)),
  )
const content = (records: Iterable<Parameters<typeof formatRecord>[0]>): string[] =>
  [...records].map(formatRecord).sort()

/** As a secondary does it: what is not there cannot go. */
function applied(from: readonly string[], deltas: readonly Delta[]): string[] {
  const has = new Set(from)
  for (const { gone, added } of deltas) {
    for (const one of gone) assert.ok(has.delete(formatRecord(one)), `${formatRecord(one)} is not there`)
    for (const one of added) {
      assert.not(has.has(formatRecord(one)))
      has.add(formatRecord(one))
    }
  }
  return [...has].sort()
}

test('the steps from any serial that is known lead to what the zone is', () => {
  const random = new SimRandom(11)
  const journal = new Journal()
  const states: ZoneTree[] = []
  for (let serial = 4_294_967_280; states.length < 60; serial++) {
    const hosts = Array.from({ length: 30 }, (_, i) => i).filter(() => random.int(3) > 0)
    const made = zone(
      serial >>> 0,
      hosts.map((i) => `h${i}.${APEX} A 192.0.2.${random.int(2)}`),
    )
    const before = states.at(-1)
    if (before) journal.note(before, made)
    states.push(made)
  }
  const last = states.at(-1) as ZoneTree
  for (const state of states.slice(0, -1)) {
    const deltas = journal.since(last, serialOf(state.soa))
    assert.ok(deltas)
    assert.equal(applied(content(state.records()), deltas as Delta[]), content(last.records()))
  }
  assert.is(journal.since(last, 4_294_967_279), undefined)
  assert.is(
    journal.since(states[5] as ZoneTree, serialOf((states[4] as ZoneTree).soa)),
    undefined,
    'the journal is further',
  )
  journal.forget(APEX)
  assert.is(journal.since(last, serialOf((states[58] as ZoneTree).soa)), undefined)
})

test('a serial that stood for two states leads nowhere, the next one does', () => {
  const journal = new Journal()
  const [one, other, two, three] = [zone(1, []), zone(1, [], 'ns2'), zone(2, [], 'ns2'), zone(3, [], 'ns2')]
  journal.note(one, other)
  journal.note(other, two)
  assert.is(journal.since(two, 1), undefined)
  journal.note(two, three)
  assert.is(journal.since(three, 1), undefined)
  assert.is(journal.since(three, 2)?.length, 1)
})

test('more changes, records or zones than the limits are told as whole zones', () => {
  const journal = new Journal()
  let before = zone(0, [])
  for (let serial = 1; serial <= JOURNAL_LIMITS.deltasMax + 1; serial++) {
    const made = zone(serial, [`h${serial}.${APEX} A 192.0.2.1`])
    journal.note(before, made)
    before = made
  }
  assert.is(journal.since(before, 0), undefined)
  assert.is(journal.since(before, 1)?.length, JOURNAL_LIMITS.deltasMax)
  const many = Array.from({ length: JOURNAL_LIMITS.recordsMax }, (_, i) => `m${i}.${APEX} A 192.0.2.1`)
  const large = zone(1_000, many)
  journal.note(before, large)
  assert.is(journal.since(large, serialOf(before.soa)), undefined)
  for (let n = 0; n < JOURNAL_LIMITS.zonesMax; n++) {
    const soa = (serial: number) => record(`z${n}.test SOA ns.test. h.test. ${serial} 60 10 3600 5`)
    journal.note(new ZoneTree(`z${n}.test`, soa(1), []), new ZoneTree(`z${n}.test`, soa(2), []))
  }
  const since = (n: number) =>
    journal.since({ apex: `z${n}.test`, soa: record(`z${n}.test SOA ns.test. h.test. 2 60 10 3600 5`) }, 1)
  assert.ok(since(JOURNAL_LIMITS.zonesMax - 1))
  assert.ok(since(JOURNAL_LIMITS.zonesMax / 50))
  journal.note(large, zone(1_001, many))
  assert.is(since(0), undefined, 'the oldest made room')
})

/** An IXFR query of who has a serial. */
function ixfr(serial: number): Buffer {
  const bytes = queryBytes(APEX, TYPE.IXFR)
  bytes.writeUInt16BE(1, 8)
  const data = record(`${APEX} SOA ns.${APEX}. hostmaster.${APEX}. ${serial} 60 10 3600 5`).data
  const head = Buffer.from([0xc0, 12, 0, TYPE.SOA, 0, 1, 0, 0, 0, 0, data.length >>> 8, data.length & 0xff])
  return Buffer.concat([bytes, head, data])
}

test('IXFR tells what changed, that nothing did, or everything', async () => {
  const { zones, served, settle } = await stage()
  await zones.addZone({ name: APEX })
  for (const host of ['a', 'b']) await zones.addRecord({ zone: APEX, name: host, type: 'A', value: '192.0.2.1' })
  await settle()
  const first = (await zones.getZone(APEX)).body.serial
  const [a] = await zones.records({ zone: APEX, name: 'a' })
  await zones.updateRecord({ id: a?.id as number, value: '192.0.2.2' })
  await settle()
  await zones.addRecord({ zone: APEX, name: 'c', type: 'A', value: '192.0.2.3' })
  await settle()
  const told = (serial: number): string[] => {
    const query = readQuery(ixfr(serial))
    const at = served.zones.get(APEX)
    assert.ok(query && at)
    const messages = [...transferMessages(query, at, (from) => served.journal.since(at, from))]
    return messages
      .flatMap((message) => Packet.parse(message).answers)
      .map((one) => {
        const { name, type, address, serial: told } = one as unknown as Record<string, string>
        return Number(type) === TYPE.SOA ? `SOA ${Number(told) - first}` : `${name} ${address ?? ''}`.trim()
      })
  }
  assert.equal(told(first), [
    ...['SOA 2', 'SOA 0', 'a.example.com 192.0.2.1', 'SOA 1', 'a.example.com 192.0.2.2'],
    ...['SOA 1', 'SOA 2', 'c.example.com 192.0.2.3', 'SOA 2'],
  ])
  assert.equal(told(first + 1), ['SOA 2', 'SOA 1', 'SOA 2', 'c.example.com 192.0.2.3', 'SOA 2'])
  for (const latest of [first + 2, first + 3]) assert.equal(told(latest), ['SOA 2'], 'nothing new')
  assert.is(told(first - 100).length, 6, 'all of it')
  await zones.deleteZone(APEX)
  await settle()
  await refuses(zones.getZone(APEX), 'DNS_ZONE_UNKNOWN')
  assert.is(served.journal.since({ apex: APEX, soa: record(`${APEX} SOA a. b. 1 1 1 1 1`) }, first), undefined)
  await served.stop()
})

test('an IXFR that is cut anywhere is no IXFR from a serial', () => {
  const whole = ixfr(7)
  assert.is(readQuery(whole)?.has, 7)
  for (let cut = 12; cut < whole.length; cut++) assert.is(readQuery(whole.subarray(0, cut))?.has, undefined)
})

test.run()
