/** Orders strings as their UTF-8 bytes do (by code point). */
export function compareUtf8(one: string, other: string): number {
  const length = Math.min(one.length, other.length)
  for (let i = 0; i < length; i++) {
    let a = one.charCodeAt(i)
    let b = other.charCodeAt(i)
    if (a === b) continue
    // Surrogates stand for the code points above all others.
    if (a >= 0xd800) a = a < 0xe000 ? a + 0x2000 : a - 0x800
    if (b >= 0xd800) b = b < 0xe000 ? b + 0x2000 : b - 0x800
    return a - b
  }
  return one.length - other.length
}

/** The first string after all that begin with `prefix`, in the order of `compareUtf8`. */
export function prefixEnd(prefix: string): string {
  return `${prefix}\u{10ffff}`
}

/**
 * A map that also lists a stretch of its keys in order. New keys are sorted in when somebody lists, so loading many costs
 * one sort.
 */
export class SortedMap<V> {
  readonly #values = new Map<string, V>()
  #keys: string[] = []
  #added: string[] = []
  /** Keys in `#keys` that are deleted. */
  #holes = 0

  get size(): number {
    return this.#values.size
  }

  get(key: string): V | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) this.#added.push(key)
    this.#values.set(key, value)
  }

  delete(key: string): boolean {
    if (!this.#values.delete(key)) return false
    this.#holes++
    return true
  }

  clear(): void {
    this.#values.clear()
    this.#keys = []
    this.#added = []
    this.#holes = 0
  }

  /** From `from` (inclusive) to `to` (exclusive), as they are now: changes made meanwhile are not seen. */
  range(from: string, to: string): [key: string, value: V][] {
    this.#arrange()
    const out: [string, V][] = []
    for (let i = lowerBound(this.#keys, from); i < this.#keys.length; i++) {
      const key = this.#keys[i] as string
      if (compareUtf8(key, to) >= 0) break
      const value = this.#values.get(key)
      if (value !== undefined) out.push([key, value])
    }
    return out
  }

  withPrefix(prefix: string): [key: string, value: V][] {
    return this.range(prefix, prefixEnd(prefix))
  }

  #arrange(): void {
    if (this.#added.length === 0 && this.#holes <= this.#keys.length / 2) return
    const all = this.#added.length < 32 ? this.#insertFew() : this.#mergeMany()
    this.#keys = all
    this.#added = []
    this.#holes = 0
  }

  #insertFew(): string[] {
    const keys = this.#holes > 0 ? this.#keys.filter((key) => this.#values.has(key)) : this.#keys
    for (const key of this.#added) {
      if (!this.#values.has(key)) continue
      const at = lowerBound(keys, key)
      if (keys[at] !== key) keys.splice(at, 0, key)
    }
    return keys
  }

  #mergeMany(): string[] {
    return [...this.#values.keys()].sort(compareUtf8)
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareUtf8(keys[middle] as string, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}
