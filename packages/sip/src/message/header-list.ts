import type { SipHeaders } from './contract.ts'
import { headerKey } from './header-names.ts'

/** Header fields in wire order: three parallel arrays, which are cheap to copy when a request is forwarded. */
export class HeaderList implements SipHeaders {
  #names: string[]
  #keys: string[]
  #values: string[]
  /** Grows with each change, so that readers know when what they parsed is old. */
  changes = 0

  constructor(names: string[] = [], values: string[] = [], keys: string[] = names.map(headerKey)) {
    this.#names = names
    this.#keys = keys
    this.#values = values
  }

  get(name: string): string | undefined {
    const index = this.#keys.indexOf(headerKey(name))
    return index < 0 ? undefined : this.#values[index]
  }

  getAll(name: string): string[] {
    const key = headerKey(name)
    const out: string[] = []
    for (let i = this.#keys.indexOf(key); i >= 0; i = this.#keys.indexOf(key, i + 1))
      out.push(this.#values[i] as string)
    return out
  }

  has(name: string): boolean {
    return this.#keys.includes(headerKey(name))
  }

  set(name: string, value: string): void {
    this.setAll(name, [value])
  }

  append(name: string, value: string): void {
    this.#insert(this.#keys.length, name, [value])
  }

  prepend(name: string, value: string): void {
    this.#insert(Math.max(0, this.#keys.indexOf(headerKey(name))), name, [value])
  }

  remove(name: string): void {
    const key = headerKey(name)
    for (let i = this.#keys.indexOf(key); i >= 0; i = this.#keys.indexOf(key, i)) this.#cut(i)
  }

  setAll(name: string, values: readonly string[]): void {
    const first = this.#keys.indexOf(headerKey(name))
    const spelled = first < 0 ? name : (this.#names[first] as string)
    this.remove(name)
    this.#insert(first < 0 ? this.#keys.length : first, spelled, values)
  }

  /** Removes the first header of that name, for a Via or Route that has been used. */
  shift(name: string): void {
    const index = this.#keys.indexOf(headerKey(name))
    if (index >= 0) this.#cut(index)
  }

  clone(): HeaderList {
    return new HeaderList(this.#names.slice(), this.#values.slice(), this.#keys.slice())
  }

  *[Symbol.iterator](): IterableIterator<readonly [name: string, value: string]> {
    for (let i = 0; i < this.#names.length; i++) yield [this.#names[i] as string, this.#values[i] as string]
  }

  /** The header section as it goes on the wire, without Content-Length, which depends on the body. */
  format(): string {
    let out = ''
    for (let i = 0; i < this.#names.length; i++) {
      if (this.#keys[i] !== 'content-length') out += `${this.#names[i]}: ${this.#values[i]}\r\n`
    }
    return out
  }

  #insert(at: number, name: string, values: readonly string[]): void {
    const key = headerKey(name)
    this.#names.splice(at, 0, ...values.map(() => name))
    this.#keys.splice(at, 0, ...values.map(() => key))
    this.#values.splice(at, 0, ...values)
    this.changes++
  }

  #cut(index: number): void {
    this.#names.splice(index, 1)
    this.#keys.splice(index, 1)
    this.#values.splice(index, 1)
    this.changes++
  }
}
