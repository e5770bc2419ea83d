/** Which region counts: that of the account, of the node, of the ring, of the settings. */
import { recordKey, silentLogger } from '@thor-node/core'
import { deadline, eventually, SimClock } from '@thor-node/core/testing'
import type { EmergencyRegion } from '@thor-node/sip'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EmergencyService } from '../../src/adapters/emergency-service.ts'
import { MemoryRing } from '../support/memory-ring.ts'

const test = suite('nodes: emergency regions')

async function scene(configured: EmergencyRegion) {
  const clock = new SimClock()
  const ring = new MemoryRing({ clock })
  const service = new EmergencyService({ ring, clock, logger: silentLogger }, { site: 'North', configured })
  await service.start()
  const set = (region: string, numbers: string[], gateways: string[]): void => {
    ring.reg.put(recordKey('emergency', region), { region, numbers, gateways, changedAt: 0 })
    ring.reg.tell(`emergency/${region}`)
  }
  return { service, set }
}

const gatewaysOf = (service: EmergencyService, name?: string): string => service.regionOf(name)?.gateways.join() ?? ''

test(
  'SIP-20: of the account, of the node, of the ring, of the settings; a change counts at once',
  deadline(5_000, async () => {
    const { service, set } = await scene({ numbers: ['112', '911'], gateways: ['c'] })
    assert.is(gatewaysOf(service, 'south'), 'c')
    assert.ok(service.has('911'))
    set('default', ['112'], ['d'])
    await eventually(() => gatewaysOf(service, 'south') === 'd', 1_000, 'the region default')
    set('north', ['999'], ['n'])
    await eventually(() => gatewaysOf(service, 'south') === 'n', 1_000, 'the region of the site')
    set('south', ['110'], ['s'])
    await eventually(() => gatewaysOf(service, 'SOUTH') === 's', 1_000, 'the region of the account')
    assert.is(gatewaysOf(service), 'n')
    for (const number of ['112', '911', '999', '110']) assert.ok(service.has(number), number)
    assert.ok(service.mayBe(Buffer.from('INVITE sip:110@x SIP/2.0\r\n')))
    assert.not(service.mayBe(Buffer.from('INVITE sip:111@x SIP/2.0\r\n')))
    await service.stop()
  }),
)

test(
  'without gateways nothing is an emergency: the numbers of the settings are numbers as any other',
  deadline(5_000, async () => {
    const { service } = await scene({ numbers: ['112'], gateways: [] })
    assert.is(service.regionOf('south'), undefined)
    assert.not(service.has('112'))
    assert.not(service.mayBe(Buffer.from('INVITE urn:service:sos SIP/2.0\r\n')))
    await service.stop()
  }),
)

test.run()
