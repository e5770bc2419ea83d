import type { RecordKey } from '@thor-node/core'
import type { SimNode } from '../sim-node.ts'
import type { Scenario } from './contract.ts'

/** To and from the node that starts: so long, and it is asked before it has its copies. */
const FAR_MS = 60
const ASKED_MS = 2_500
const EVERY_MS = 20
const RECORDS = 16

/**
 * What being warming is for: a node that starts has missed what the others did meanwhile, and is asked at once.
 *
 *   one     ends
 *   others  change a register, a record and a binding of each range
 *   one     starts, far from the others; all ask all for everything, strictly or not
 */
export const askedWhileWarming: Scenario = {
  nodes: 4,
  ranges: 8,
  async play(stage) {
    const { cluster } = stage.site
    const [one, ...others] = cluster.nodes as [SimNode, ...SimNode[]]
    const names = Array.from({ length: RECORDS }, (_, at) => `${at}`)
    // Of lists and bindings the judges read all; near reads are asked for what nobody is told to have changed.
    const keys = names.map((name) => ({
      list: stage.list(name),
      near: cluster.key(`voucher/${name}`),
      record: cluster.key(`cdr/${name}`),
      binding: cluster.key(`loc/${name}`),
    }))
    const write = async (seq: number): Promise<void> => {
      await Promise.all(
        keys.map(async ({ list, near, record, binding }, at) => {
          const node = others[at % others.length] as SimNode
          await (await stage.append(list, `${at}.${seq}`, node)).finish()
          await stage.bind(binding, seq, node)
          await stage.ask((store) => store.reg.change(near, `${seq}`, () => ({ body: seq, result: seq })), node)
          if (seq === 2) await stage.ask((store) => store.set.put(record, seq), node)
        }),
      )
    }
    const read = async (node: SimNode, key: (typeof keys)[0]): Promise<void> => {
      const asked: Record<string, RecordKey> = { near: key.near, absent: cluster.key('cdr/none', key.record.name) }
      await Promise.all([
        stage.lookUp(key.binding, node),
        stage.ask((store) => store.reg.read(asked.near as RecordKey, 'near'), node),
        stage.ask((store) => store.set.get(key.record), node),
        stage.ask((store) => store.set.get(asked.absent as RecordKey), node),
        stage.ask((store) => store.set.list(key.record.range, 'cdr/'), node),
        stage.ask((store) => store.reg.list('list/'), node),
        stage.ask((store) => store.set.listAll('cdr/'), node),
      ])
    }
    await write(1)
    cluster.crash(one)
    await stage.sleep(1_000)
    await write(2)
    for (const node of others) stage.delay(one, node, FAR_MS)
    const up = cluster.reboot(one)
    const until = stage.now + ASKED_MS
    const asking: Promise<void>[] = []
    for (let at = 0; stage.now < until; at++) {
      const node = cluster.nodes[at % cluster.nodes.length] as SimNode
      asking.push(read(node, keys[at % keys.length] as (typeof keys)[0]))
      await stage.sleep(EVERY_MS)
    }
    await up
    await Promise.all(asking)
    for (const node of others) stage.delay(one, node)
  },
}
