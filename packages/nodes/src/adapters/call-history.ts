import { type CallClosed, type CallOpened, type CallRecord, composeCallRecord } from '@thor-node/accounting'
import { type Aor, type RecordStore, rangeOf } from '@thor-node/core'
import { openedKey, stoppedKey } from './call-keys.ts'

/** Newest first. */
const newestFirst = (a: CallRecord, b: CallRecord): number => b.startedAt - a.startedAt

/** Call records read back: of one account through its own pointers, or of the whole ring. */
export class CallHistory {
  readonly #store: RecordStore

  constructor(components: { store: RecordStore }) {
    this.#store = components.store
  }

  async ofAccount(aor: Aor, direction: 'placed' | 'received'): Promise<CallRecord[]> {
    const pointers = await this.#store.set.list<{ callUuid: string }>(rangeOf(aor), `${direction}/${aor}/`)
    const records = await Promise.all(pointers.map(({ body }) => this.#read(body.callUuid)))
    return records.filter((record) => record !== undefined).sort(newestFirst)
  }

  async ofRing(): Promise<CallRecord[]> {
    const halves = await this.#store.set.listAll<CallOpened | CallClosed>('cdr/')
    const opened = new Map<string, CallOpened>()
    const closed = new Map<string, CallClosed[]>()
    for (const { body } of halves) {
      if ('startedAt' in body) opened.set(body.callUuid, body)
      else closed.set(body.callUuid, [...(closed.get(body.callUuid) ?? []), body])
    }
    return [...opened.values()]
      .map((open) => composeCallRecord(open, closed.get(open.callUuid) ?? []))
      .sort(newestFirst)
  }

  async #read(callUuid: string): Promise<CallRecord | undefined> {
    const key = openedKey(callUuid)
    const opened = await this.#store.set.get<CallOpened>(key)
    if (!opened) return undefined
    const closed = await this.#store.set.list<CallClosed>(key.range, stoppedKey(callUuid).name)
    return composeCallRecord(
      opened,
      closed.map(({ body }) => body),
    )
  }
}
