import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Profile } from '../../src/membership/settings.ts'
import { OverlayRing, placeIn, type RingNode, ringKey } from './ring.fixture.ts'

const test = suite('overlay: two sites')

/** Three nodes here, three there, so far apart. */
async function twoSites(seed: number, profile: Profile, oneWayMs: number): Promise<OverlayRing> {
  const ring = new OverlayRing(seed, { profile })
  for (let i = 0; i < 6; i++) {
    const added = await ring.add(i % 2 ? 'there' : 'here')
    for (const node of ring.nodes) {
      if (node.certificate.zone === added.certificate.zone) continue
      ring.network.links.setDelay(node.id, added.id, { min: oneWayMs, max: oneWayMs * 1.1 })
    }
  }
  await ring.clock.advance(30_000)
  await ring.until(() => ring.isStable(3), 300_000, 'the ring to settle')
  return ring
}

async function write(ring: OverlayRing, node: RingNode, range: number, text: string): Promise<number> {
  const since = ring.clock.now()
  const key = ringKey('acct', placeIn(range))
  await ring.run(node.overlay.store.reg.change(key, text, () => ({ body: text, result: 0 })))
  return ring.clock.now() - since
}

for (const [profile, oneWayMs, roundsMs] of [
  ['lan', 50, 450],
  ['wan', 50, 450],
  ['wan', 100, 900],
] as const) {
  test(
    `${oneWayMs} ms apart with profile ${profile}: registers are written, homes follow deaths, nobody dies of distance`,
    deadline(60_000, async () => {
      const ring = await twoSites(3, profile, oneWayMs)
      const falsely: string[] = []
      for (const { overlay, name } of ring.nodes) {
        overlay.members.onChange(({ member }) => {
          if (member.state === 'dead') falsely.push(`${name}: ${member.name}`)
        })
      }
      for (const [index, node] of ring.nodes.entries()) {
        for (let round = 0; round < 3; round++) {
          const took = await write(ring, node, index * 3 + round, `${node.name} ${round}`)
          // Two rounds to the other site and back.
          assert.ok(took <= roundsMs, `${took} ms`)
        }
      }
      ring.network.links.lossRate = 0.01
      await ring.clock.advance(60_000)
      ring.network.links.lossRate = 0
      assert.equal(falsely, [])

      const range = 7
      const asked = ring.nodes.find(({ overlay }) => !overlay.ranges.isHome(range)) as RingNode
      const home = ring.nodes.find(({ id }) => id === asked.overlay.ranges.homeOf(range)) as RingNode
      for (const { overlay } of ring.nodes) overlay.rpc.serve('test.home', () => overlay.self)
      assert.is(await ring.run(asked.overlay.callHome(range, 'test.home', null)), home.id)
      ring.kill(home)
      const isNew = () =>
        ring.nodes.every(({ up, overlay }) => !up || ![undefined, home.id].includes(overlay.ranges.homeOf(range)))
      await ring.until(isNew, 2_000, 'another home')
      const next = await ring.run(asked.overlay.callHome(range, 'test.home', null))
      assert.is(next, asked.overlay.ranges.homeOf(range))
      await write(ring, asked, range, 'after')
      assert.equal([...new Set(falsely.map((text) => text.split(': ')[1]))], [home.name])
      await ring.stop()
    }),
  )
}

test.run()
