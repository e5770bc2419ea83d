import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRoot } from '../../src/admission/issuer.ts'
import { encodeRootKey } from '../../src/admission/root-file.ts'
import { generateNodeKey } from '../../src/kad/node-key.ts'
import { type BootedNode, bootNode } from './libp2p-node.fixture.ts'

const test = suite('membership: a real ring over libp2p')

test(
  'three nodes converge, call each other, and notice a killed process; it comes back',
  deadline(40_000, async () => {
    const rootKey = encodeRootKey(createRoot())
    const keys = [generateNodeKey(), generateNodeKey(), generateNodeKey()]
    const nodes: BootedNode[] = []
    const boot = async (index: number) => {
      const known = nodes.map((node) => node.members.self)
      const node = await bootNode({ rootKey, keys, index, host: `127.1.3.${index + 1}`, port: 0, boots: 1, known })
      nodes.push(node)
      return node
    }
    const a = await boot(0)
    const b = await boot(1)
    const startChild = async (boots: number, port: number) => {
      const child = spawn(process.execPath, [new URL('./libp2p-node.fixture.ts', import.meta.url).pathname], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          ROOT: rootKey,
          NODE: JSON.stringify({
            keys: keys.map((key) => Buffer.from(key).toString('hex')),
            index: 2,
            host: '127.1.3.3',
            port,
            boots,
            known: [a.members.self, b.members.self],
          }),
        },
      })
      const [line] = (await once(child.stdout, 'data')) as [Buffer]
      return { child, port: Number(line.toString().trim()) }
    }
    const first = await startChild(1, 0)
    const { nodeId } = a.certificates[2] as { nodeId: string }
    const seen = (state: string) => () => [a, b].every((node) => node.members.get(nodeId)?.state === state)
    try {
      await eventually(seen('alive'))
      assert.equal(await a.rpc.call(nodeId, 'echo', { n: 1 }), { n: 1 })
      const killedAt = performance.now()
      first.child.kill('SIGKILL')
      await eventually(seen('dead'))
      console.log(`   dead at both survivors ${Math.round(performance.now() - killedAt)} ms after kill -9`)
      const again = await startChild(2, first.port)
      try {
        await eventually(seen('alive'))
        // Its connection comes before its news.
        await eventually(() => (a.members.get(nodeId)?.incarnation ?? 0) >= 2 * 2 ** 20)
        assert.equal(await b.rpc.call(nodeId, 'echo', { n: 2 }), { n: 2 })
      } finally {
        again.child.kill('SIGKILL')
      }
    } finally {
      first.child.kill('SIGKILL')
      for (const node of nodes) await node.stop()
    }
  }),
)

test.run()
