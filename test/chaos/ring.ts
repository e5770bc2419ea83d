/** A ring that is ready for its load. */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '@thor-node/core/testing'
import type { StatusResult } from '@thor-node/nodes'
import type { Cluster, ClusterNode } from '../support/cluster.ts'
import type { LoadInit } from './load-messages.ts'

export const DOMAIN = 'thor.local'

/** Waits for a ring in which every node has its share, and adds the accounts of the load. */
export async function provision(
  { nodes, settled }: Cluster,
  load: Pick<LoadInit, 'accounts' | 'phones'>,
): Promise<void> {
  await settled(240_000)
  const first = nodes[0] as ClusterNode
  const fair = (status: StatusResult): boolean =>
    status.ring.changing === 0 &&
    status.nodes.every(({ rangesHeld }) => rangesHeld > (0.7 * 3 * status.ring.ranges) / nodes.length)
  await eventually(async () => nodes.length <= 3 || fair(await first.operations.status()), 240_000, 'an even ring')
  const names = [
    ...Array.from({ length: load.accounts }, (_, index) => ({ user: `u${index}`, name: 'c0' })),
    ...Array.from({ length: load.phones }, (_, index) => ({ user: `p${index}`, name: 'phone' })),
  ]
  for (const { user, name } of names) {
    await first.operations.accountAdd({ aor: `${user}@${DOMAIN}`, password: `secret-${user}`, displayName: name })
  }
}

export const dataOf = (base: string, number: number): string => join(base, `n${number}`)

/** In the mount namespace of this run (`main.ts`), so that it goes with it. */
export function mountSmallDisk(base: string, { number, sizeMb }: { number: number; sizeMb: number }): void {
  const data = dataOf(base, number)
  const aside = `${data}-aside`
  if (existsSync(data)) renameSync(data, aside)
  mkdirSync(data, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m,mode=700`, 'tmpfs', data])
  if (existsSync(aside)) cpSync(aside, data, { recursive: true })
  rmSync(aside, { recursive: true, force: true })
}

export async function prepare(cluster: Cluster, load: Pick<LoadInit, 'accounts' | 'phones'>): Promise<void> {
  try {
    await provision(cluster, load)
  } finally {
    await cluster.stop()
  }
}
