/** Zones that do not fit into one register. */
import { ThorError } from '@thor-node/core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ZONE_LIMITS } from '../../src/limits.ts'
import { refuses, stage } from './stage.ts'

const test = suite('dns: large zones')

test('a large zone is in pages, changes like a small one, and is full at some point', async () => {
  const { zones, reg, ask, settle, served } = await stage()
  await zones.addZone({ name: 'example.com' })
  const records = Array.from({ length: ZONE_LIMITS.recordsMax - 1 }, (_, i) => ({
    name: `h${i}`,
    type: 'A',
    value: '192.0.2.1',
  }))
  await zones.replaceRecords('example.com', records)
  const pages = () => [...reg.values.keys()].filter((name) => name.startsWith('dnspage/'))
  const before = pages()
  assert.ok(before.length >= ZONE_LIMITS.recordsMax / ZONE_LIMITS.pageRecords)
  for (const { body } of reg.values.values()) assert.ok(JSON.stringify(body).length < 128 * 1024)
  const found = await zones.records({ zone: 'example.com' })
  assert.equal([found.length, new Set(found.map(({ id }) => id)).size], [records.length, records.length])
  await settle()
  assert.equal(ask('h15998.example.com', 'A'), ['h15998.example.com. 3600 IN A 192.0.2.1'])
  const { body, etag } = await zones.getZone('example.com')

  await refuses(zones.addRecord({ zone: 'example.com', name: 'h5', type: 'CNAME', value: 'x' }), 'DNS_RECORD_EXISTS')
  const last = await zones.addRecord({ zone: 'example.com', name: 'h5', type: 'A', value: '192.0.2.2' })
  assert.is((await zones.getZone('example.com')).body.serial, body.serial + 1)
  assert.is(pages().filter((page) => !before.includes(page)).length, 1, 'one other page was written')
  assert.is(pages().length, before.length, 'and the one before is gone')
  await refuses(zones.updateZone({ name: 'example.com', ttl: 60 }, { etag }), 'DNS_CONFLICT')
  await refuses(zones.addRecord({ zone: 'example.com', name: 'more', type: 'A', value: '192.0.2.1' }), 'DNS_ZONE_FULL')
  await settle()
  assert.is(ask('h5.example.com', 'A').length, 2)
  await zones.updateRecord({ id: last.id, name: 'moved' })
  assert.equal([(await zones.getRecord(last.id)).name, (await zones.zones())[0]?.count], ['moved.example.com', 16_000])
  await zones.deleteRecord(last.id)
  await refuses(zones.getRecord(last.id), 'DNS_RECORD_UNKNOWN')
  await settle()
  assert.equal([ask('moved.example.com', 'A'), ask('h5.example.com', 'A').length], [['NXDOMAIN'], 1])

  // Others change it at the same time: nothing is lost.
  const free = found.slice(0, 6)
  await Promise.all(free.map(({ id }) => zones.deleteRecord(id)))
  await Promise.all(
    free.map((_, n) => zones.addRecord({ zone: 'example.com', name: `n${n}`, type: 'A', value: '192.0.2.3' })),
  )
  assert.is((await zones.records({ zone: 'example.com', name: 'n' })).length, 6)
  await settle()
  for (const n of free.keys()) assert.is(ask(`n${n}.example.com`, 'A').length, 1)
  await zones.deleteZone('example.com')
  assert.equal(pages(), [])
  await served.stop()
})

test('a change of a large zone that fails at any step leaves it as it was', async () => {
  for (let failing = 0; ; failing++) {
    const { zones, reg, served } = await stage()
    await zones.addZone({ name: 'example.com' })
    const many = (from: number) =>
      Array.from({ length: 450 }, (_, i) => ({ name: `h${from + i}`, type: 'A', value: '192.0.2.1' }))
    await zones.replaceRecords('example.com', many(0))
    let step = 0
    reg.before = () => {
      if (step++ === failing) throw new ThorError('STORE_UNAVAILABLE', 'injected')
    }
    const passed = await zones.replaceRecords('example.com', many(5_000)).then(
      () => true,
      () => false,
    )
    reg.before = () => undefined
    const names = (await zones.records({ zone: 'example.com' })).map(({ name }) => name)
    assert.is(names.length, 450)
    const isNew = names.includes('h5449.example.com')
    assert.is(names.includes('h0.example.com'), !isNew, 'all of one state')
    if (passed) assert.ok(isNew)
    await served.stop()
    if (step <= failing) break
  }
})

test('records of one name that do not fit into a register are refused', async () => {
  const { zones, served } = await stage()
  await zones.addZone({ name: 'example.com' })
  const texts = Array.from({ length: 150 }, (_, i) => ({ name: 'x', type: 'TXT', value: `${i}${'y'.repeat(1_500)}` }))
  await refuses(zones.replaceRecords('example.com', texts), 'DNS_ZONE_FULL', /x\.example\.com/)
  await zones.replaceRecords('example.com', texts.slice(0, 50))
  assert.is((await zones.records({ zone: 'example.com' })).length, 50)
  await served.stop()
})

test.run()
