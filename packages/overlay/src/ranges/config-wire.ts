/** Many configs as one message: node ids once, members as pairs of numbers. 4096 configs of 3 members take < 150 KB. */
import { RANGE_COUNT } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import { parseConfig } from './config.ts'
import type { ConfigMember, RangeConfig } from './contract.ts'

export interface PackedConfigs {
  nodes: NodeId[]
  /** `[range, epoch, [node, since, node, since …], next likewise or absent]`; `node` is an index into `nodes`. */
  rows: [range: number, epoch: number, old: number[], next?: number[]][]
}

export function packConfigs(configs: Iterable<RangeConfig>): PackedConfigs {
  const nodes: NodeId[] = []
  const indexOf = new Map<NodeId, number>()
  const pack = (members: readonly ConfigMember[]): number[] =>
    members.flatMap(({ nodeId, since }) => {
      let index = indexOf.get(nodeId)
      if (index === undefined) {
        index = nodes.push(nodeId) - 1
        indexOf.set(nodeId, index)
      }
      return [index, since]
    })
  const rows: PackedConfigs['rows'] = []
  for (const { range, epoch, old, next } of configs) {
    rows.push(next ? [range, epoch, pack(old), pack(next)] : [range, epoch, pack(old)])
  }
  return { nodes, rows }
}

/** What is malformed is left out, and what is more than there are ranges: a config that nobody can read is one not received. */
export function unpackConfigs(data: unknown): RangeConfig[] {
  if (typeof data !== 'object' || data === null) return []
  const { nodes, rows } = data as { nodes?: unknown; rows?: unknown }
  if (!Array.isArray(nodes) || !Array.isArray(rows)) return []
  const unpack = (list: unknown): unknown[] | undefined => {
    if (!Array.isArray(list)) return undefined
    const members: unknown[] = []
    for (let i = 0; i + 1 < list.length; i += 2) members.push({ nodeId: nodes[list[i] as number], since: list[i + 1] })
    return members
  }
  const configs: RangeConfig[] = []
  for (const row of (rows as unknown[]).slice(0, RANGE_COUNT)) {
    if (!Array.isArray(row)) continue
    const config = parseConfig({ range: row[0], epoch: row[1], old: unpack(row[2]), next: unpack(row[3]) })
    if (config) configs.push(config)
  }
  return configs
}
