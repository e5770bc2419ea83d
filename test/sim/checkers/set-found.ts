import type { SetWrite } from '../history.ts'

/** What one node answers for a record, in the end. */
export type Found = (name: string) => string | undefined

/** Every acknowledged record is found at every node, with a body that was written, and with the same one everywhere. */
export function checkSets(sets: readonly SetWrite[], nodes: readonly { name: string; found: Found }[]): string[] {
  const wrong: string[] = []
  for (const [record, writes] of Map.groupBy(sets, (write) => write.name)) {
    const acknowledged = writes.some((write) => write.acknowledged)
    const bodies = new Set<string>()
    for (const { name, found } of nodes) {
      const body = found(record)
      if (body === undefined) {
        if (acknowledged) wrong.push(`${name}: acknowledged record ${record} is lost`)
        continue
      }
      bodies.add(body)
      if (!writes.some((write) => write.body === body)) wrong.push(`${name}: record ${record} has another body`)
    }
    if (bodies.size > 1) wrong.push(`record ${record} is ${bodies.size} different ones at different nodes`)
  }
  return wrong
}
