/**
 * Transactions that run, by key; most for a few milliseconds. Each lies in a box that is emptied when it ends. Where entries of a Map
 * come and go, V8 makes a new table again and again; the old ones lead each to the next, so once one of them is old they all live
 * until the next full collection, with what was in them. Without boxes half of the messages did so, and each small collection copied
 * them (docs/FIGURES.md).
 */
export class Running<K extends string | number, T> {
  readonly #boxes = new Map<K, { value: T | undefined }>()

  get size(): number {
    return this.#boxes.size
  }

  get(key: K): T | undefined {
    return this.#boxes.get(key)?.value
  }

  set(key: K, value: T): void {
    this.#boxes.set(key, { value })
  }

  delete(key: K): void {
    const box = this.#boxes.get(key)
    if (!box) return
    box.value = undefined
    this.#boxes.delete(key)
  }

  clear(): void {
    for (const box of this.#boxes.values()) box.value = undefined
    this.#boxes.clear()
  }

  /** Those of this moment. */
  values(): T[] {
    return [...this.#boxes.values()].flatMap(({ value }) => (value === undefined ? [] : [value]))
  }
}
