import type { Append, ListRead } from '../history.ts'

/**
 * Registers that hold lists to which clients append their operation ids. Each acknowledged id is there exactly once and where
 * its answer said; what ended before something else began stands before it; reads saw beginnings of the final list with
 * everything that had been acknowledged when they began.
 */
export function checkAppends(
  final: ReadonlyMap<string, readonly string[]>,
  appends: readonly Append[],
  reads: readonly ListRead[],
): string[] {
  const wrong: string[] = []
  for (const [key, list] of final) {
    const at = new Map(list.map((opId, position) => [opId, position]))
    if (at.size !== list.length) wrong.push(`${key}: an operation is in the list twice`)
    const mine = appends.filter((one) => one.key === key)
    const asked = new Set(mine.map((one) => one.opId))
    for (const opId of list) if (!asked.has(opId)) wrong.push(`${key}: nobody asked for ${opId}`)
    const acknowledged = mine.filter((one) => one.position !== undefined)
    for (const { opId, position } of acknowledged) {
      const found = at.get(opId)
      if (found === undefined) wrong.push(`${key}: acknowledged ${opId} is lost`)
      else if (found !== position) wrong.push(`${key}: ${opId} was acknowledged at ${position} and is at ${found}`)
    }
    wrong.push(...checkOrder(key, acknowledged, at))
    for (const read of reads) if (read.key === key) wrong.push(...checkRead(read, list, acknowledged))
  }
  return wrong
}

/** Sweeps in order of the list: an operation must not have begun after the end of one that stands later. */
function checkOrder(key: string, acknowledged: readonly Append[], at: ReadonlyMap<string, number>): string[] {
  const wrong: string[] = []
  const ordered = acknowledged
    .filter((one) => at.has(one.opId))
    .sort((one, other) => (at.get(other.opId) as number) - (at.get(one.opId) as number))
  let earliestEnd: Append | undefined
  for (const one of ordered) {
    if (earliestEnd && one.invokedAt > earliestEnd.endedAt) {
      wrong.push(`${key}: ${one.opId} began after ${earliestEnd.opId} had ended, and stands before it`)
    }
    if (!earliestEnd || one.endedAt < earliestEnd.endedAt) earliestEnd = one
  }
  return wrong
}

function checkRead(read: ListRead, final: readonly string[], acknowledged: readonly Append[]): string[] {
  if (read.list.some((opId, position) => final[position] !== opId)) {
    return [`${read.key}: a read at ${read.invokedAt.toFixed(0)} saw what is no beginning of the list`]
  }
  const missed = acknowledged.find(
    (one) => one.endedAt < read.invokedAt && (one.position as number) >= read.list.length,
  )
  return missed ? [`${read.key}: a read at ${read.invokedAt.toFixed(0)} missed ${missed.opId}`] : []
}
