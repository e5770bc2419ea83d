/** Rings whose ranges are all with the same three nodes, and transactions that append to three registers. */
import type { KeyChange, RecordKey, Versioned } from '@thor-node/core'
import { type TestNode, TestRing } from '../ranges/ring.fixture.ts'

const COUNT = 8
export const keyOf = (name: string, range = name.charCodeAt(0) % COUNT): RecordKey => ({ range, name: `acct/${name}` })

/** Nodes of which three vote for everything; nothing moves by itself. */
export async function ringOf(seed: number, ids = ['a', 'b', 'c']): Promise<{ ring: TestRing; nodes: TestNode[] }> {
  const ring = new TestRing(seed, { ranges: COUNT })
  const nodes: TestNode[] = []
  for (const id of ids) nodes.push(await ring.start(id, { manual: true, genesis: id === 'a' }))
  const configs = Array.from({ length: COUNT }, (_, range) => ({
    range,
    epoch: 2,
    old: ['a', 'b', 'c'].map((nodeId) => ({ nodeId, since: 1 })),
  }))
  for (const node of nodes) await ring.run(node.configs.adoptAll(configs))
  for (const node of nodes) await ring.run(node.configs.markFilled(configs))
  return { ring, nodes }
}

export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )

export const append =
  (item: string) =>
  (current: Versioned<unknown> | undefined): { body: string[]; result: string } => {
    const body = [...((current?.body as string[] | undefined) ?? []), item]
    return { body, result: `${item} is ${body.length}` }
  }

export const all = (names: readonly string[], item: string): KeyChange<string>[] =>
  names.map((name) => ({ key: keyOf(name), fn: append(item) }))

export const NAMES = ['x', 'm', 'p']

export const bodies = (ring: TestRing, node: TestNode, names = NAMES): Promise<(string[] | undefined)[]> =>
  ring.run(Promise.all(names.map(async (name) => (await node.reg.read<string[]>(keyOf(name), 'strict'))?.body)))
