import type { Random } from '@thor-node/core'

export interface SrvRecord {
  name: string
  port: number
  priority: number
  weight: number
}

/** The order in which records are tried: by priority, within one by chance with their weights (RFC 2782, "Usage rules"). */
export function orderSrv<T extends Pick<SrvRecord, 'priority' | 'weight'>>(records: readonly T[], random: Random): T[] {
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b)
  return priorities.flatMap((wanted) =>
    byWeight(
      records.filter(({ priority }) => priority === wanted),
      random,
    ),
  )
}

function byWeight<T extends Pick<SrvRecord, 'weight'>>(records: readonly T[], random: Random): T[] {
  // Those without weight come first in the running sum, so that they have a very small chance.
  const left = records.toSorted((a, b) => (a.weight === 0 ? 0 : 1) - (b.weight === 0 ? 0 : 1))
  const ordered: T[] = []
  while (left.length > 0) {
    const total = left.reduce((sum, { weight }) => sum + weight, 0)
    let mark = random.int(total + 1)
    const at = left.findIndex(({ weight }) => {
      mark -= weight
      return mark <= 0
    })
    ordered.push(...left.splice(at, 1))
  }
  return ordered
}
