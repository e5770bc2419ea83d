/** How the state of a register's acceptor lies on the disk, under `R<rrr><name>` (rrr = range in hex). */
import { RANGE_COUNT, type RangeId, ThorError } from '@thor-node/core'
import { Packr } from 'msgpackr'
import type { AcceptorState } from './acceptor.ts'
import { parseBallot } from './ballot.ts'
import { openValue, sealValue } from './encoding.ts'

const packr = new Packr({ useRecords: false })

const hex = (range: RangeId): string => range.toString(16).padStart(3, '0')

export const recordKeyOf = (range: RangeId, name: string): string => `R${hex(range)}${name}`

/** First key of the range after this one, for exclusive bounds. */
export const rangeEndKey = (range: RangeId): string => (range + 1 < RANGE_COUNT ? `R${hex(range + 1)}` : 'S')

export function splitKey(key: string): { range: RangeId; name: string } {
  return { range: Number.parseInt(key.slice(1, 4), 16), name: key.slice(4) }
}

/** The checksum is over all of it, ballots too: a promise that went back by one bit would be a promise forgotten. */
export function encodeRecord(key: string, { promised, accepted, value }: AcceptorState<Uint8Array>): Uint8Array {
  return sealValue(key, packr.pack([promised, accepted, value ?? null]))
}

/** Throws `STORE_CORRUPT` when the bytes are not those that were written. */
export function decodeRecord(key: string, bytes: Uint8Array): AcceptorState<Uint8Array> {
  const opened = openValue(key, bytes)
  if (!opened) throw new ThorError('STORE_CORRUPT', `the register ${key} on the disk has a wrong checksum`)
  const [first, second, data] = packr.unpack(opened) as unknown[]
  const promised = parseBallot(first)
  const accepted = parseBallot(second)
  if (!promised || !accepted) throw new ThorError('STORE_CORRUPT', `the register ${key} on the disk cannot be read`)
  return { promised, accepted, value: data instanceof Uint8Array ? data : undefined }
}

/** The state on the disk, or undefined when it is damaged. */
export function intact(key: string, bytes: Uint8Array): AcceptorState<Uint8Array> | undefined {
  try {
    return decodeRecord(key, bytes)
  } catch {
    return undefined
  }
}

/** What an accepted value adds to the digest of its range. Name and ballot say it all: under one ballot there is one value. */
export function digestItem(
  name: string,
  { accepted, value }: Pick<AcceptorState<Uint8Array>, 'accepted' | 'value'>,
): string | undefined {
  return value ? `${name}\u0000${accepted.join(' ')}` : undefined
}

/** The same of a record on the disk. Damaged ones do not count: the copies differ then, and the register is mended. */
export function storedItem(key: string, bytes: Uint8Array): string | undefined {
  const state = intact(key, bytes)
  return state && digestItem(splitKey(key).name, state)
}
