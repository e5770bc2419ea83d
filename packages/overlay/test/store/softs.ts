import { errorCode, type RecordKey, silentLogger } from '@thor-node/core'
import * as assert from 'uvu/assert'
import { SoftRecords } from '../../src/store/soft.ts'
import { HandRing } from './ring.ts'

export const key = (name = 'loc/alice', range = 7): RecordKey => ({ range, name })
export const codeOf = (promise: Promise<unknown>): Promise<string | undefined> => promise.then(() => 'done', errorCode)
export const phone = (body: unknown, seq?: number, ttlMs = 60_000) => ({ sub: 'phone', body, ttlMs, seq })

/** A ring with SOFT on every node, whose members and configs the test decides. */
export class Softs extends HandRing {
  readonly softs = new Map<string, SoftRecords>()

  at(name: string): SoftRecords {
    return this.softs.get(name) as SoftRecords
  }

  override async boot(name: string) {
    const node = await super.boot(name)
    const placement = () => this.names
    const components = { ...node, clock: this.clock, random: this.random.fork(), placement, log: silentLogger }
    // The last write of a process that was killed never ends.
    void this.softs.get(name)?.stop()
    const soft = new SoftRecords(components)
    this.softs.set(name, soft)
    await this.run(soft.start())
    return node
  }

  async bodies(name: string, at = key()): Promise<unknown[]> {
    return (await this.run(this.at(name).read(at))).map((entry) => entry.body)
  }

  held(name: string): number {
    return this.at(name).table.size
  }

  async end(): Promise<void> {
    for (const soft of this.softs.values()) await this.run(soft.stop())
    await this.clock.advance(10_000)
    assert.is(this.clock.armed, 0, 'no timer is left')
  }
}

export async function ring(names: readonly string[] = ['a', 'b', 'c', 'd'], seed = 1): Promise<Softs> {
  const it = new Softs(names, { seed })
  await it.start()
  await it.clock.advance(1_000)
  return it
}
