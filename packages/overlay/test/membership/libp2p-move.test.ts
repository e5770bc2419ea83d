import { errorCode } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRoot } from '../../src/admission/issuer.ts'
import { encodeRootKey } from '../../src/admission/root-file.ts'
import { generateNodeKey } from '../../src/kad/node-key.ts'
import { type BootedNode, bootNode } from './libp2p-node.fixture.ts'

const test = suite('membership: other addresses over libp2p')

const addressAt = (node: BootedNode, nodeId: string): string | undefined => {
  const services = node.members.get(nodeId)?.services
  return services && `${services.host}:${services.cluster}`
}

test(
  'a node moves to another address while it runs, then starts again at a third',
  deadline(40_000, async () => {
    const rootKey = encodeRootKey(createRoot())
    const keys = [generateNodeKey(), generateNodeKey(), generateNodeKey()]
    const nodes: BootedNode[] = []
    const boot = async (index: number, host: string, boots: number) => {
      const known = nodes.map((node) => node.members.self)
      const node = await bootNode({ rootKey, keys, index, host, port: 0, boots, known })
      nodes.push(node)
      return node
    }
    const a = await boot(0, '127.1.4.1', 1)
    const b = await boot(1, '127.1.4.2', 1)
    const c = await boot(2, '127.1.4.3', 1)
    const { self } = c.net
    const isAt = (address: string) => () =>
      [a, b].every((node) => addressAt(node, self) === address && node.members.get(self)?.state === 'alive')
    const answers = async (node: BootedNode, body: unknown): Promise<boolean> => {
      const answer = await node.rpc.call(self, 'echo', body).catch(() => undefined)
      return JSON.stringify(answer) === JSON.stringify(body)
    }
    try {
      await eventually(isAt(`127.1.4.3:${c.port}`))
      const deaths: string[] = []
      for (const { members } of [a, b]) {
        members.onChange(({ member }) => void (member.state === 'dead' && deaths.push(member.name)))
      }

      const taken = await c.net.move({ host: '127.1.4.1', port: a.port }).catch(errorCode)
      assert.is(taken, 'NET_ADDRESS_IN_USE')
      assert.equal(c.net.addresses, [`127.1.4.3:${c.port}`])
      await c.net.move({ host: '127.1.4.4', port: 0 })
      const [moved] = c.net.addresses
      assert.match(moved ?? '', /^127\.1\.4\.4:/)
      assert.is(c.net.addresses.length, 1)
      await c.members.move({ host: '127.1.4.4', cluster: Number(moved?.split(':')[1]) })
      await eventually(isAt(moved ?? ''))
      await eventually(() => answers(a, { n: 1 }))
      await eventually(() => answers(b, { n: 2 }))
      assert.equal(deaths, [])
      // The old address is closed, and kad-dht tells the new one to those who ask.
      await eventually(async () => (await a.net.findAddresses(self)).includes(moved ?? ''))

      const known = [a.members.self, b.members.self]
      await c.stop()
      nodes.pop()
      await eventually(() => [a, b].every((node) => !node.members.isLive(self)))
      const again = await bootNode({ rootKey, keys, index: 2, host: '127.1.4.5', port: 0, boots: 2, known })
      nodes.push(again)
      await eventually(isAt(`127.1.4.5:${again.port}`))
      await eventually(() => answers(a, { n: 3 }))
      await eventually(() => answers(b, { n: 4 }))
    } finally {
      for (const node of nodes) await node.stop()
    }
  }),
)

test.run()
