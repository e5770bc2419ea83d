import type { RecordKey } from '@thor-node/core'
import type { SetWrite } from '../history.ts'
import { Client } from './client.ts'

/** Writes records once; some by two writers who disagree, as the end of a call is told by its edge and by a sweep. */
export class Recorder extends Client {
  async run(): Promise<void> {
    for (let count = 0; this.site.running(); count++) {
      const name = `cdr/${this.name}.${count}`
      const key = this.site.cluster.key(name, `${name.length}.${this.name}`)
      const bodies = this.random.int(6) === 0 ? ['by signalling', 'by sweep'] : ['by signalling']
      await Promise.all(bodies.map((body) => this.#write(key, `${name} ${body}`)))
      await this.pause(1.5 * this.site.paceMs)
    }
  }

  async #write(key: RecordKey, body: string): Promise<void> {
    const write: SetWrite = { name: key.name, range: key.range, body, acknowledged: false }
    this.site.history.sets.push(write)
    const done = await this.insist((store) => store.set.put(key, body), 5)
    if (done) write.acknowledged = true
    this.tell(`${body} ${done ? 'kept' : 'not kept'}`)
  }
}
