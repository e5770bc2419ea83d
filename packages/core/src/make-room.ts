/** A map or a set, in the order in which its keys came. */
interface Table<K> {
  readonly size: number
  keys(): Iterable<K>
  delete(key: K): boolean
}

/** So many of the places go at once. */
const SHARE = 1 / 128

/**
 * Makes room for one more where `max` are allowed: what came first goes, a share of the table at once. One at a time would cost more
 * than all else that is done for an entry: to find the first, `keys()` passes over every place that was left before, tens of thousands
 * in a large table. (An iterator that is kept from one time to the next keeps what the table held when it grew.)
 */
export function makeRoom<K>(table: Table<K>, max: number, onGone?: (key: K) => void): void {
  if (table.size < max) return
  const left = max - 1 - Math.floor(max * SHARE)
  for (const key of table.keys()) {
    if (table.size <= left) return
    if (onGone) onGone(key)
    table.delete(key)
  }
}
