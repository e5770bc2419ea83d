import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRoot } from '../../src/admission/issuer.ts'
import { encodeRootKey } from '../../src/admission/root-file.ts'
import { generateNodeKey } from '../../src/kad/node-key.ts'
import type { Member } from '../../src/membership/contract.ts'
import { type BootedNode, bootNode } from './libp2p-node.fixture.ts'

const test = suite('membership: many at once over libp2p')

const COUNT = 6

test(
  'six nodes start at once, and again after they all ended: one connection per pair',
  deadline(60_000, async () => {
    const rootKey = encodeRootKey(createRoot())
    const keys = Array.from({ length: COUNT }, () => generateNodeKey())
    let nodes: BootedNode[] = []
    const isWhole = () =>
      nodes.every(({ members, net }) => {
        const others = members.list().filter(({ state, nodeId }) => state === 'alive' && net.isConnected(nodeId))
        return others.length === COUNT - 1
      })
    const start = async (boots: number, known: (index: number) => Member[], port: (index: number) => number) => {
      const all = keys.map((_, index) => {
        const host = `127.1.5.${index + 1}`
        return bootNode({ rootKey, keys, index, host, port: port(index), boots, known: known(index) })
      })
      nodes = await Promise.all(all)
    }
    const most = () => Math.max(...nodes.map(({ net }) => net.snapshot().connections))
    try {
      const first = await bootNode({ rootKey, keys, index: 0, host: '127.1.5.1', port: 0, boots: 1, known: [] })
      const door = first.members.self
      await first.stop()
      await start(
        2,
        (index) => (index === 0 ? [] : [door]),
        (index) => (index === 0 ? first.port : 0),
      )
      await eventually(isWhole)
      await eventually(() => most() === COUNT - 1)
      const before = nodes.map(({ members }) => members.self)
      await Promise.all(nodes.map((node) => node.stop()))
      const ports = nodes.map(({ port }) => port)
      await start(
        3,
        () => before,
        (index) => ports[index] as number,
      )
      await eventually(isWhole)
      await eventually(() => most() === COUNT - 1)
      assert.is(most(), COUNT - 1)
    } finally {
      for (const node of nodes) await node.stop()
    }
  }),
)

test.run()
