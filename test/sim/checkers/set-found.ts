import type { SetWrite } from '../history.ts'

/** What one node answers for a record, in the end. */
export type Found = (write: SetWrite) => string | undefined

/** Every acknowledged record is found, with its body, at every node. */
export function checkSets(sets: readonly SetWrite[], nodes: readonly { name: string; found: Found }[]): string[] {
  const wrong: string[] = []
  for (const write of sets) {
    for (const { name, found } of nodes) {
      const body = found(write)
      if (write.acknowledged && body === undefined) wrong.push(`${name}: acknowledged record ${write.name} is lost`)
      if (body !== undefined && body !== write.body) wrong.push(`${name}: record ${write.name} has another body`)
    }
  }
  return wrong
}
