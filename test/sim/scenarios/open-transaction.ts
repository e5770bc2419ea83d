import { decodeRegister, readRegister, splitRegisterKey } from '@thor-node/overlay'
import type { SimNode } from '../sim-node.ts'
import type { Scenario } from './contract.ts'

/**
 * What finishing somebody's transaction is for: its node dies in the moment in which it is committed.
 *
 *   first   moves a coin from a to b, and ends when another node has it on its disk that this is committed; both intents stay
 *   second  moves a coin from a to c, and so settles a
 *   third   looks at a, where it sees the first move, and then at b
 */
export const openTransaction: Scenario = {
  nodes: 3,
  ranges: 8,
  async play(stage) {
    const { cluster } = stage.site
    const [a, b, c] = [await stage.pot('a'), await stage.pot('b'), await stage.pot('c')]
    const [first, second, third] = cluster.nodes as [SimNode, SimNode, SimNode]
    const committed = stage.written((node, { key, ...one }) => {
      if (node === first || one.type !== 'put' || !splitRegisterKey(key).name.startsWith('tx/')) return false
      const { value } = decodeRegister(key, one.value)
      return value !== undefined && (readRegister(value).body() as { state: string }).state === 'committed'
    })
    const moving = stage.move(a, b, 'open', first)
    await committed
    cluster.crash(first)
    await stage.sleep(1_000)
    const next = await stage.move(a, c, 'next', second)
    await stage.look(a, b, third)
    await stage.look(b, a, second)
    await cluster.reboot(first)
    await (await moving).finish()
    await next.finish()
  },
}
