/** What this node's own copies say to a list of registers. */
import { type Disk, RANGE_COUNT } from '@thor-node/core'
import type { ConfigTable } from '../ranges/config-table.ts'
import { coverageOf, uncover } from '../ranges/coverage.ts'
import type { AcceptorNames } from './acceptor-names.ts'
import { intact, recordKeyOf, splitKey } from './acceptor-record.ts'
import { eachAtOnce } from './each-at-once.ts'
import { regLimits } from './reg-limits.ts'
import type { ListAnswer, ListRequest } from './reg-messages.ts'

export interface OwnListComponents {
  configs: ConfigTable
  disk: Disk
  names: AcceptorNames
}

/** One page. What is damaged, or not complete here, is taken out of what the answer covers. */
export async function listOwn(components: OwnListComponents, request: ListRequest): Promise<ListAnswer> {
  const { prefix, after } = request
  const keys = components.names.of(prefix, after)
  if (keys) return listKnown(components, keys)
  const learning = after === undefined ? components.names.learn(prefix) : undefined
  let whole = false
  try {
    const answer = await lookThrough(components, request, (key) => learning?.found(key))
    whole = answer.next === undefined
    return answer
  } finally {
    learning?.end(whole)
  }
}

class Page {
  readonly answer: ListAnswer
  readonly #configs: ConfigTable
  #bytes = 0

  constructor(configs: ConfigTable) {
    this.#configs = configs
    this.answer = { entries: [], complete: coverageOf(configs) }
  }

  /** False when the page is full with it. */
  add(key: string, record: Uint8Array): boolean {
    const { range, name } = splitKey(key)
    if (this.#configs.standing(range) !== 'member') return true
    const known = intact(key, record)
    if (!known) uncover(this.answer.complete, range)
    if (!known?.value) return true
    this.answer.entries.push([range, name, known.accepted, known.value])
    this.#bytes += record.length
    return this.answer.entries.length < regLimits.pageEntriesMax && this.#bytes < regLimits.pageBytesMax
  }
}

async function listKnown({ configs, disk }: OwnListComponents, keys: readonly string[]): Promise<ListAnswer> {
  const page = new Page(configs)
  for (let at = 0; at < keys.length; at += regLimits.redecideAtOnce) {
    const some = keys.slice(at, at + regLimits.redecideAtOnce)
    const records = new Map<string, Uint8Array>()
    await eachAtOnce(some, some.length, async (key) => {
      const record = await disk.get(key)
      if (record) records.set(key, record)
    })
    for (const key of some) {
      const record = records.get(key)
      if (record && !page.add(key, record)) return { ...page.answer, next: key }
    }
  }
  return page.answer
}

/** From range to range: one seek for each that is not empty. */
async function lookThrough(
  { configs, disk }: OwnListComponents,
  { prefix, after }: ListRequest,
  found: (key: string) => void,
): Promise<ListAnswer> {
  const page = new Page(configs)
  let range = after ? splitKey(after).range : 0
  let from = after ? `${after}\0` : recordKeyOf(0, prefix)
  while (range < RANGE_COUNT) {
    let next = RANGE_COUNT
    const start = recordKeyOf(range, prefix)
    for await (const [key, record] of disk.entries({ from, to: 'S' })) {
      if (!key.startsWith(start)) {
        next = Math.max(splitKey(key).range, range + 1)
        break
      }
      found(key)
      if (!page.add(key, record)) return { ...page.answer, next: key }
    }
    range = next
    from = recordKeyOf(range, prefix)
  }
  return page.answer
}
