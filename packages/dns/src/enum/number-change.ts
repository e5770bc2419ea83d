/** Changes of numbers as changes of the registers they share: alone, or as part of a transaction with other records. */
import { type Decision, type RecordKey, recordKey, type Versioned } from '@thor-node/core'
import { BlockInChange, blockKey, blockPrefix, type EnumBlock, unpackBlock } from './block.ts'
import type { NumberId, StoredNumber } from './contract.ts'

export interface NumberChange {
  id: NumberId
  /** Pure: what becomes of the number; undefined: it goes. What it throws ends everything. */
  fn(before: StoredNumber | undefined): StoredNumber | undefined
}

/** The register of a block, by `kind` and `name` of its key. */
export interface BlockChange {
  kind: 'dnsblock'
  name: string
  fn(current: Versioned<unknown> | undefined): Decision<unknown, null>
}

export const numberKey = (id: NumberId): RecordKey => recordKey('dnsblock', blockKey(id))

export const blockAt = ({ tld, number }: NumberId, body: unknown): EnumBlock =>
  unpackBlock(body as Uint8Array, { tld, prefix: blockPrefix(number) })

export const blockInChange = ({ tld, number }: NumberId, body: unknown): BlockInChange =>
  new BlockInChange(body as Uint8Array | undefined, { tld, prefix: blockPrefix(number) })

/** One change for each register that is concerned: numbers of one block change together. `now`: epoch milliseconds. */
export function numbersChange(changes: readonly NumberChange[], now: number): BlockChange[] {
  const blocks = Map.groupBy(changes, ({ id }) => blockKey(id))
  return [...blocks].map(([name, parts]) => ({
    kind: 'dnsblock',
    name,
    fn(current) {
      const { id } = parts[0] as NumberChange
      const block = blockInChange(id, current?.body)
      let changed = false
      for (const part of parts) {
        const before = block.get(part.id.number)
        const next = part.fn(before)
        if (next === before) continue
        changed = true
        if (next) block.set(next)
        else block.delete(part.id.number)
      }
      if (!changed) return { keep: true, result: null }
      // An empty block stays: the time of its last change is part of the serial.
      return { body: block.packed(now), result: null }
    },
  }))
}
