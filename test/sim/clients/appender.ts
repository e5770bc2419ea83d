import type { RecordKey } from '@thor-node/core'
import type { Append } from '../history.ts'
import { Client, type Site } from './client.ts'

/** Appends its operation ids to lists that it shares with others, and reads them. */
export class Appender extends Client {
  readonly #keys: readonly RecordKey[]

  constructor(site: Site, name: string, keys: readonly RecordKey[]) {
    super(site, name)
    this.#keys = keys
  }

  async run(): Promise<void> {
    for (let count = 0; this.site.running(); count++) {
      const key = this.#keys[this.random.int(this.#keys.length)] as RecordKey
      if (this.random.int(4) === 0) await this.#read(key)
      else await this.#append(key, `${this.name}.${count}`)
      await this.pause()
    }
  }

  async #append(key: RecordKey, opId: string): Promise<void> {
    const append: Append = { key: key.name, opId, invokedAt: this.now, endedAt: Number.POSITIVE_INFINITY }
    this.site.history.appends.push(append)
    const done = await this.insist((store) =>
      store.reg.change<string[], number>(key, opId, (current) => {
        const list = current?.body ?? []
        return { body: [...list, opId], result: list.length }
      }),
    )
    if (!done) return
    append.position = done.value
    append.endedAt = this.now
    this.tell(`${key.name} ${opId} at ${done.value}`)
  }

  async #read(key: RecordKey): Promise<void> {
    const invokedAt = this.now
    const answer = await this.ask((store) => store.reg.read<string[]>(key, 'strict'))
    if (!('value' in answer)) return
    const list = answer.value?.body ?? []
    this.site.history.reads.push({ key: key.name, invokedAt, endedAt: this.now, list })
  }
}
