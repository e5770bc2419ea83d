import type { RangeId } from '@thor-node/core'
import type { NodeId } from '@thor-node/overlay'
import type { Cluster, Watcher } from '../cluster.ts'
import type { SimNode } from '../sim-node.ts'

interface Asked {
  range: RangeId
  items: readonly { range: RangeId }[]
}

interface Answered {
  warming?: boolean
  entries: unknown
  bodies?: readonly unknown[]
  items?: unknown
  complete: Uint8Array
  confirmed: readonly boolean[]
}

type Speaks = (asked: Asked, answer: Answered) => readonly RangeId[]

const isCovered = (bits: Uint8Array, range: RangeId): boolean => (((bits[range >>> 3] ?? 0) >> (range & 7)) & 1) === 1

const covered: Speaks = (_, { complete }) =>
  Array.from({ length: complete.length * 8 }, (_, range) => range).filter((range) => isCovered(complete, range))

/** The ranges for which an answer says that this is all there is. Votes, and what is found somewhere, are good anyway. */
const speakers: Readonly<Record<string, Speaks>> = {
  'soft.read': ({ range }, answer) => (answer.entries && !answer.warming ? [range] : []),
  'set.get': ({ range }, { bodies }) => (bodies?.length === 0 ? [range] : []),
  'set.list': ({ range }, { items }) => (items ? [range] : []),
  'set.scan': covered,
  'reg.near': ({ range }) => [range],
  'reg.list': (_, { entries, complete }) => [
    ...covered({ range: 0, items: [] }, { entries, complete, confirmed: [] }),
    ...(entries as [RangeId][]).map(([range]) => range),
  ],
  'range.confirm': ({ items }, { confirmed }) => items.flatMap(({ range }, at) => (confirmed[at] ? [range] : [])),
}

/**
 * I12: a node whose copy of a range is not complete does not answer for it. Who was warming when it was asked and is so when
 * the answer arrives, in the same life and epoch, was so in between. Listens to the callers and changes nothing.
 */
export class Warming implements Watcher {
  readonly wrong = new Set<string>()
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  made({ overlay }: SimNode): void {
    if (!overlay) return
    const { rpc } = overlay
    const call = rpc.call.bind(rpc)
    rpc.call = <A>(to: NodeId, method: string, body: unknown, options?: object): Promise<A> => {
      const answer = call<A>(to, method, body, options)
      const speaks = speakers[method]
      const node = speaks && this.#cluster.all.find(({ certificate }) => certificate.nodeId === to)
      const before = node && this.#warmingAt(node)
      if (!node || !before || before.size === 0) return answer
      answer.then(
        (said) => {
          const after = this.#warmingAt(node)
          for (const range of speaks(body as Asked, said as Answered)) {
            if (!before.has(range) || before.get(range) !== after.get(range)) continue
            this.wrong.add(`I12 n${node.index} answers ${method} for range ${range}, of which it has no complete copy`)
          }
        },
        () => undefined,
      )
      return answer
    }
  }

  /** Each such range, with what must be the same later. */
  #warmingAt({ overlay, boots }: SimNode): Map<RangeId, string> {
    const warming = new Map<RangeId, string>()
    for (const { range, epoch } of overlay?.configs.all() ?? []) {
      if (overlay?.configs.standing(range) === 'warming') warming.set(range, `${boots} ${epoch}`)
    }
    return warming
  }
}
