/** What all clients share: they speak to one node at a time, and go to another when it does not answer. */
import { errorCode, type Random, type RecordStore, sleep } from '@thor-node/core'
import type { Cluster } from '../cluster.ts'
import type { History } from '../history.ts'
import type { Sight } from '../sight.ts'
import type { SimNode } from '../sim-node.ts'

/** An operation that its node did not answer in this time is taken for unanswered. */
const PATIENCE_MS = 5_000
const UNANSWERED = new Error('the node did not answer')

export interface Site {
  cluster: Cluster
  history: History
  sight: Sight
  /** False when the run comes to its end: clients finish what they have begun. */
  running(): boolean
  /** Milliseconds between two operations of one client, on average. */
  paceMs: number
}

export type Answer<T> = { value: T } | { code: string }

export abstract class Client {
  readonly site: Site
  readonly random: Random
  readonly name: string

  constructor(site: Site, name: string) {
    this.site = site
    this.name = name
    this.random = site.cluster.random.fork()
  }

  abstract run(): Promise<void>

  get now(): number {
    return this.site.cluster.clock.now()
  }

  tell(what: string): void {
    this.site.cluster.trace.add(what)
  }

  someNode(): SimNode | undefined {
    const up = this.site.cluster.nodes.filter((node) => node.up)
    return up[this.random.int(Math.max(1, up.length))]
  }

  /** One request at some node. `code` is why there is no value. */
  async ask<T>(
    run: (store: RecordStore, node: SimNode) => Promise<T>,
    at: SimNode | undefined = this.someNode(),
  ): Promise<Answer<T>> {
    const { clock } = this.site.cluster
    const overlay = at?.overlay
    if (!at || !overlay) return { code: 'NO_NODE' }
    const patience = new AbortController()
    const answer = await Promise.race([
      run(overlay.store, at).then(
        (value): Answer<T> => ({ value }),
        (error: unknown): Answer<T> => ({ code: errorCode(error) ?? String(error) }),
      ),
      sleep(clock, PATIENCE_MS, patience.signal).then(
        (): Answer<T> => ({ code: 'NO_ANSWER' }),
        (): Answer<T> => ({ code: 'NO_ANSWER' }),
      ),
    ])
    patience.abort(UNANSWERED)
    return answer
  }

  /** The same request at one node after the other, until one answers: for what may be repeated. */
  async insist<T>(
    run: (store: RecordStore, node: SimNode) => Promise<T>,
    attempts = 20,
  ): Promise<{ value: T } | undefined> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const answer = await this.ask(run)
      if ('value' in answer) return answer
      await this.pause(500)
    }
    return undefined
  }

  pause(meanMs: number = this.site.paceMs): Promise<void> {
    return sleep(this.site.cluster.clock, meanMs * (0.5 + this.random.float()))
  }
}
