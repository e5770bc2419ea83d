import {
  byLatest,
  type CallClosed,
  type CallOpened,
  type CallRecord,
  composeCalls,
  readClosed,
  readOpened,
} from '@thor-node/accounting'
import { type Aor, errorMessage, type Logger, type RecordStore, rangeOf } from '@thor-node/core'
import { openedKey } from './call-keys.ts'

/** Call records read back: of one account through its own pointers, or of the whole ring. */
export class CallHistory {
  readonly #store: RecordStore
  readonly #log: Logger

  constructor(components: { store: RecordStore; logger: Logger }) {
    this.#store = components.store
    this.#log = components.logger.forComponent('node:calls')
  }

  /** Latest first. */
  async ofAccount(aor: Aor, direction: 'placed' | 'received'): Promise<CallRecord[]> {
    const pointers = await this.#store.set.list<{ callUuid: string }>(rangeOf(aor), `${direction}/${aor}/`)
    const halves = await Promise.all(
      pointers.map(({ body: { callUuid } }) => {
        const { range } = openedKey(callUuid)
        return this.#store.set.list(range, `cdr/${callUuid}/`)
      }),
    )
    return this.#compose(halves.flat())
  }

  /** Latest first. */
  async ofRing(): Promise<CallRecord[]> {
    const halves = await this.#store.set.listAll('cdr/')
    return this.#compose(halves.map(({ key, body }) => ({ name: key.name, body })))
  }

  #compose(halves: readonly { name: string; body: unknown }[]): CallRecord[] {
    const opened: CallOpened[] = []
    const closed: CallClosed[] = []
    for (const { name, body } of halves) {
      try {
        if (name.includes('/a/open')) opened.push(readOpened(body))
        else closed.push(readClosed(body))
      } catch (error) {
        this.#log.warn('a call record cannot be read', { record: name, error: errorMessage(error) })
      }
    }
    return composeCalls(opened, closed).sort(byLatest)
  }
}
